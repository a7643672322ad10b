// Package notify sends the airlock's messages by mail and webhook.
//
// It sends what it is given and knows neither rooms nor the store. A message
// holds no word that an author wrote; the package must never add one.
package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/smtp"
	"strings"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
)

// Sender sends messages. Its zero value sends nothing.
type Sender struct {
	Webhook  string         // an address that takes a POST of JSON
	SMTP     string         // host:port of a mail server
	From     string         // the sender's address
	TLS      string         // how SMTP is secured: TLSNone, TLSStart or TLSImplicit
	Roots    *x509.CertPool // who vouches for the mail server; nil: the system's
	User     string         // at the mail server; empty: it takes mail from here without a sign-in
	Password string         // of User; sent over TLS alone
	Client   *http.Client   // nil: one with a timeout of ten seconds
}

// How a connection to a mail server is secured.
const (
	TLSNone     = ""         // in the clear: a relay on this machine or a closed network, without a sign-in
	TLSStart    = "starttls" // upgraded before anything is said; a server that does not offer it gets nothing
	TLSImplicit = "implicit" // from the first byte
)

// On reports whether anything is configured.
func (s Sender) On() bool { return s.Webhook != "" || s.SMTP != "" }

// Send sends one message by every way there is. An error means that it may be
// tried again: receivers know a message by its id.
func (s Sender) Send(ctx context.Context, m airlock.Message) error {
	if s.Webhook != "" {
		if err := s.post(ctx, m); err != nil {
			return err
		}
	}
	if s.SMTP != "" && len(m.To) > 0 {
		return s.mail(ctx, m)
	}
	return nil
}

func (s Sender) post(ctx context.Context, m airlock.Message) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Webhook, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", m.ID)
	client := s.Client
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	resp, err := client.Do(req)
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the webhook does not answer").Because(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	if resp.StatusCode/100 != 2 {
		return ark.Faultf(ark.Unavailable, "the webhook answered %d", resp.StatusCode)
	}
	return nil
}

// header takes line breaks out: a title must not become a header of its own.
func header(s string) string {
	return mime.QEncoding.Encode("utf-8", strings.Join(strings.Fields(s), " "))
}

// greet opens the conversation with the mail server: secured and signed in
// before it is told anything, or not at all.
func (s Sender) greet(conn net.Conn) (*smtp.Client, error) {
	host, _, _ := net.SplitHostPort(s.SMTP)
	secure := &tls.Config{ServerName: host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	if s.TLS == TLSImplicit {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, ark.Faultf(ark.Unavailable, "the mail server could not be greeted").Because(err)
	}
	if s.TLS == TLSStart {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return nil, ark.Faultf(ark.Unavailable, "the mail server does not offer STARTTLS, so it is told nothing").Do("see notify.tls in docs/configuration.md")
		}
		if err := c.StartTLS(secure); err != nil {
			return nil, ark.Faultf(ark.Unavailable, "the connection to the mail server could not be secured").Because(err)
		}
	}
	if s.User == "" {
		return c, nil
	}
	if s.TLS != TLSStart && s.TLS != TLSImplicit {
		return nil, ark.Faultf(ark.Forbidden, "a password is not sent to a mail server in the clear").Do("set notify.tls")
	}
	if err := c.Auth(smtp.PlainAuth("", s.User, s.Password, host)); err != nil {
		return nil, ark.Faultf(ark.Unavailable, "the mail server did not take the sign-in").Because(err)
	}
	return c, nil
}

func (s Sender) mail(ctx context.Context, m airlock.Message) error {
	d := net.Dialer{Timeout: 10 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", s.SMTP)
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the mail server does not answer").Because(err)
	}
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	c, err := s.greet(conn)
	if err != nil {
		conn.Close()
		return err
	}
	defer c.Close()
	if err := c.Mail(s.From); err != nil {
		return err
	}
	for _, to := range m.To {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	// The addresses are in the envelope alone: nobody learns who else was told.
	body := fmt.Sprintf("From: %s\r\nTo: undisclosed-recipients:;\r\nSubject: %s\r\nMessage-ID: <%s@ark>\r\nAuto-Submitted: auto-generated\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s",
		s.From, header(m.Subject), m.ID, strings.ReplaceAll(m.Text, "\n", "\r\n"))
	if _, err := io.WriteString(w, body); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}
