package arrive

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// signed makes a certificate for 127.0.0.1, by itself or by another.
func signed(t *testing.T, by *tls.Certificate) (tls.Certificate, string, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	shape := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: by == nil, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	parent, signer := shape, any(key)
	if by != nil {
		parent, err = x509.ParseCertificate(by.Certificate[0])
		must(t, err)
		signer = by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, shape, parent, &key.PublicKey, signer)
	must(t, err)
	raw, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	dir := t.TempDir()
	cert, private := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(private, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}), 0o600))
	pair, err := tls.LoadX509KeyPair(cert, private)
	must(t, err)
	return pair, cert, private
}

// Messages come over TLS from senders with a certificate of those named; others
// are not heard, in the clear or under a certificate of their own.
func TestMessagesOverTLS(t *testing.T) {
	ca, caFile, _ := signed(t, nil)
	_, cert, key := signed(t, &ca)
	sender, _, _ := signed(t, &ca)
	stranger, _, _ := signed(t, nil)
	config, err := TLS(cert, key, caFile)
	must(t, err)
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- listener(t.TempDir()).Serve(ctx, tls.NewListener(raw, config)) }()
	defer func() { cancel(); must(t, <-ended) }()
	roots := x509.NewCertPool()
	top, err := x509.ParseCertificate(ca.Certificate[0])
	must(t, err)
	roots.AddCert(top)
	const message = "\x0bMSH|^~\\&|A|B|C|D|1||ADT^A01|id7|P|2.3\r\x1c\r"
	ask := func(c net.Conn, err error) string {
		if err != nil {
			return ""
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			return ""
		}
		if _, err := c.Write([]byte(message)); err != nil {
			return ""
		}
		a, err := bufio.NewReader(c).ReadString(frameEnd)
		if err != nil {
			return ""
		}
		return a
	}
	dial := func(c *tls.Config) (net.Conn, error) { return tls.Dial("tcp", raw.Addr().String(), c) }
	if a := ask(dial(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{sender}})); !strings.Contains(a, "MSA|AA|id7") {
		t.Errorf("a sender was answered %q", a)
	}
	for what, a := range map[string]string{
		"a stranger's certificate": ask(dial(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{stranger}})),
		"no certificate":           ask(dial(&tls.Config{RootCAs: roots})),
		"in the clear":             ask(net.Dial("tcp", raw.Addr().String())),
	} {
		if strings.Contains(a, "MSA") {
			t.Errorf("%s: answered %q", what, a)
		}
	}
	if _, err := TLS(cert, caFile, ""); err == nil {
		t.Error("a certificate with another key is taken")
	}
	if _, err := TLS(cert, key, key); err == nil {
		t.Error("a key is taken for those who sign")
	}
}
