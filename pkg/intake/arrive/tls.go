package arrive

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/ark-tre/ark/pkg/ark"
)

// TLS is how messages are taken over TLS: under a certificate, and where
// senders is given, of senders alone whose own certificate it signed. Without a
// certificate there is none.
func TLS(cert, key, senders string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the certificate for MLLP and its key cannot be read, or do not belong together").Do("give both as PEM files").Because(err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if senders == "" {
		return c, nil
	}
	text, err := os.ReadFile(senders)
	c.ClientCAs = x509.NewCertPool()
	if err != nil || !c.ClientCAs.AppendCertsFromPEM(text) {
		return nil, ark.Faultf(ark.Invalid, "the file of those who sign senders' certificates holds none").Do("give PEM certificates").Because(err)
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	return c, nil
}
