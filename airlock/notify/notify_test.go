package notify_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/notify"
)

// mailbox is a mail server of a few lines; it returns what it was sent.
func mailbox(t *testing.T) (string, <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	got := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		say := func(s string) { _, _ = io.WriteString(conn, s+"\r\n") }
		say("220 here")
		var all strings.Builder
		data := false
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				got <- all.String()
				return
			}
			all.WriteString(line)
			switch {
			case data && line == ".\r\n":
				data = false
				say("250 taken")
			case data:
			case strings.HasPrefix(line, "DATA"):
				data = true
				say("354 go on")
			case strings.HasPrefix(line, "QUIT"):
				say("221 bye")
				got <- all.String()
				return
			default:
				say("250 ok")
			}
		}
	}()
	return l.Addr().String(), got
}

func message() airlock.Message {
	return airlock.Message{ID: "ntc_1", Kind: airlock.NoticeWaiting, Request: "req_1", Title: "A study", Subject: "Outputs wait: A study\r\nBcc: thief@example.org", Text: "Outputs wait.\n", To: []string{"ann@example.org", "bob@example.org"}}
}

func TestSend(t *testing.T) {
	var body map[string]any
	key := ""
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key = r.Header.Get("Idempotency-Key")
		_ = json.NewDecoder(r.Body).Decode(&body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer hook.Close()
	addr, got := mailbox(t)
	s := notify.Sender{Webhook: hook.URL, SMTP: addr, From: "ark@example.org"}
	if err := s.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if key != "ntc_1" || body["title"] != "A study" || body["to"] != nil || body["To"] != nil {
		t.Errorf("the webhook got %q %v", key, body)
	}
	mail := <-got
	for _, want := range []string{"RCPT TO:<ann@example.org>", "RCPT TO:<bob@example.org>", "Outputs wait.\r\n"} {
		if !strings.Contains(mail, want) {
			t.Errorf("the mail lacks %q:\n%s", want, mail)
		}
	}
	if strings.Contains(mail, "\r\nBcc:") {
		t.Errorf("a title became a header:\n%s", mail)
	}
}

func TestSendFails(t *testing.T) {
	hook := httptest.NewServer(http.NotFoundHandler())
	if err := (notify.Sender{Webhook: hook.URL}).Send(t.Context(), message()); err == nil {
		t.Error("a webhook that answered 404 took it")
	}
	hook.Close()
	if err := (notify.Sender{Webhook: hook.URL}).Send(t.Context(), message()); err == nil {
		t.Error("a webhook that is not there took it")
	}
	if err := (notify.Sender{SMTP: "127.0.0.1:1", From: "a@example.org"}).Send(t.Context(), message()); err == nil {
		t.Error("a mail server that is not there took it")
	}
	if (notify.Sender{}).On() {
		t.Error("a sender of nothing is on")
	}
}
