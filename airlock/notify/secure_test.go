package notify_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock/notify"
)

// certificate makes one for 127.0.0.1 with the pool that vouches for it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// secured is a mail server that speaks as RFC 3207 and RFC 4954 say: it offers
// STARTTLS where starttls is set, is TLS from the first byte where implicit is,
// and takes mail only after AUTH PLAIN over TLS. It returns what it heard, with
// "TLS" where the connection became secure.
func secured(t *testing.T, cert tls.Certificate, starttls, implicit bool, password string) (string, <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	heard := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { conn.Close() }()
		config := &tls.Config{Certificates: []tls.Certificate{cert}}
		var all strings.Builder
		defer func() { heard <- all.String() }()
		safe, signed, data := false, false, false
		if implicit {
			conn, safe = tls.Server(conn, config), true
			all.WriteString("TLS\n")
		}
		in := bufio.NewReader(conn)
		say := func(s string) { _, _ = io.WriteString(conn, s+"\r\n") }
		say("220 here")
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			line = strings.TrimRight(line, "\r\n")
			all.WriteString(line + "\n")
			verb, rest, _ := strings.Cut(line, " ")
			switch {
			case data && line == ".":
				data = false
				say("250 taken")
			case data:
			case verb == "EHLO":
				say("250-here")
				if starttls && !safe {
					say("250-STARTTLS")
				}
				if safe {
					say("250-AUTH PLAIN")
				}
				say("250 8BITMIME")
			case verb == "STARTTLS" && starttls:
				say("220 go on")
				secure := tls.Server(conn, config)
				if secure.Handshake() != nil {
					return
				}
				conn, safe = secure, true
				in = bufio.NewReader(conn)
				all.WriteString("TLS\n")
			case verb == "AUTH":
				raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
				if signed = safe && string(raw) == "\x00ark\x00"+password; signed {
					say("235 welcome")
				} else {
					say("535 no")
				}
			case verb == "QUIT":
				say("221 bye")
				return
			case !signed:
				say("530 sign in first")
			case verb == "DATA":
				data = true
				say("354 go on")
			default:
				say("250 ok")
			}
		}
	}()
	return l.Addr().String(), heard
}

// TestSecuredMail sends over STARTTLS and implicit TLS with a sign-in; nothing
// of a message or a password is said before the connection is secure.
func TestSecuredMail(t *testing.T) {
	cert, pool := certificate(t)
	for name, implicit := range map[string]bool{notify.TLSStart: false, notify.TLSImplicit: true} {
		addr, heard := secured(t, cert, !implicit, implicit, "a password")
		s := notify.Sender{SMTP: addr, From: "ark@example.org", TLS: name, Roots: pool, User: "ark", Password: "a password"}
		if err := s.Send(t.Context(), message()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		said := <-heard
		before, after, found := strings.Cut(said, "TLS\n")
		if !found || strings.Contains(before, "AUTH") || strings.Contains(before, "RCPT") || !strings.Contains(after, "AUTH PLAIN") || !strings.Contains(after, "RCPT TO:<ann@example.org>") || !strings.Contains(after, "Outputs wait.") {
			t.Errorf("%s: the server heard\n%s", name, said)
		}
	}
}

// TestNothingIsSaidToTheWrongServer: no TLS, a certificate that nobody vouches
// for, a password refused, or a sign-in in the clear end the conversation before
// an address or a password is told.
func TestNothingIsSaidToTheWrongServer(t *testing.T) {
	cert, pool := certificate(t)
	for name, c := range map[string]struct {
		starttls, implicit bool
		change             func(*notify.Sender)
	}{
		"no STARTTLS offered": {false, false, func(s *notify.Sender) {}},
		"unknown certificate": {true, false, func(s *notify.Sender) { s.Roots = x509.NewCertPool() }},
		"unknown, implicit":   {false, true, func(s *notify.Sender) { s.TLS, s.Roots = notify.TLSImplicit, x509.NewCertPool() }},
		"another password":    {true, false, func(s *notify.Sender) { s.Password = "another" }},
		"in the clear":        {false, false, func(s *notify.Sender) { s.TLS = notify.TLSNone }},
	} {
		addr, heard := secured(t, cert, c.starttls, c.implicit, "a password")
		s := notify.Sender{SMTP: addr, From: "ark@example.org", TLS: notify.TLSStart, Roots: pool, User: "ark", Password: "a password"}
		c.change(&s)
		if err := s.Send(t.Context(), message()); err == nil {
			t.Errorf("%s: the message was sent", name)
		}
		said := <-heard
		if strings.Contains(said, "RCPT") || strings.Contains(said, "Outputs") || name != "another password" && strings.Contains(said, "AUTH") {
			t.Errorf("%s: the server heard\n%s", name, said)
		}
	}
}

// TestARealMailServer sends to a server outside, by hand: ARK_SMTP is host:port,
// ARK_SMTP_TLS, ARK_SMTP_USER, ARK_SMTP_PASSWORD and ARK_SMTP_CA go with it.
func TestARealMailServer(t *testing.T) {
	addr := os.Getenv("ARK_SMTP")
	if addr == "" {
		t.Skip("ARK_SMTP names no mail server")
	}
	text, err := os.ReadFile(os.Getenv("ARK_SMTP_CA"))
	if err != nil {
		t.Fatal(err)
	}
	if block, _ := pem.Decode(text); block == nil {
		t.Fatal("ARK_SMTP_CA is no PEM file")
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	s := notify.Sender{SMTP: addr, From: "ark@example.org", TLS: os.Getenv("ARK_SMTP_TLS"), Roots: pool, User: os.Getenv("ARK_SMTP_USER"), Password: os.Getenv("ARK_SMTP_PASSWORD")}
	if err := s.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	s.Password += "x"
	if err := s.Send(t.Context(), message()); err == nil {
		t.Error("the server took another password")
	}
}
