package demonstration

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// Postbox is where an Ark that is played sends its mails and webhooks, and the
// address at which it shows its figures: the play reads them all.
type Postbox struct {
	smtp, hook net.Listener
	figures    string

	mu    sync.Mutex
	mails []string
	posts []string
}

// OpenPostbox opens one on this machine. It lasts as long as the process.
func OpenPostbox() (*Postbox, error) {
	b := &Postbox{}
	var err error
	for _, l := range []*net.Listener{&b.smtp, &b.hook} {
		if *l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b.figures = free.Addr().String()
	if err := free.Close(); err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := b.smtp.Accept()
			if err != nil {
				return
			}
			go b.talk(conn)
		}
	}()
	go func() { _ = http.Serve(b.hook, http.HandlerFunc(b.posted)) }() // ends with the process
	return b, nil
}

func (b *Postbox) posted(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.posts = append(b.posts, string(text))
}

// talk is a mail server that takes everything.
func (b *Postbox) talk(conn net.Conn) {
	defer conn.Close()
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") } // a lost connection ends the reading too
	in := bufio.NewScanner(conn)
	say("220 localhost")
	var mail *strings.Builder
	for in.Scan() {
		line := in.Text()
		switch word, _, _ := strings.Cut(strings.ToUpper(line), " "); {
		case mail != nil && line == ".":
			b.mu.Lock()
			b.mails = append(b.mails, mail.String())
			b.mu.Unlock()
			mail = nil
			say("250 taken")
		case mail != nil:
			mail.WriteString(line + "\n")
		case word == "DATA":
			mail = &strings.Builder{}
			say("354 go on")
		case word == "QUIT":
			say("221 bye")
			return
		default:
			say("250 well")
		}
	}
}

// all are the mails and webhooks that came so far.
func (b *Postbox) all() (mails, posts []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.mails...), append([]string(nil), b.posts...)
}
