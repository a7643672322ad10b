package arrive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/intake"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func listener(dir string) *Listener {
	return &Listener{Dir: dir, Source: "hospital", Tables: []string{"patients", "results", "merges"}, Most: 10_000, Largest: 1 << 20, Every: time.Hour, Idle: 10 * time.Second, Now: time.Now, Log: quiet()}
}

// serve starts a listener and returns its address and a function that stops it.
func serve(t *testing.T, l *Listener) (addr string, stop func()) {
	t.Helper()
	at, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Serve(ctx, at) }()
	return at.Addr().String(), func() { cancel(); must(t, <-ended) }
}

func send(t *testing.T, addr string, messages ...string) []string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	must(t, err)
	defer c.Close()
	in := bufio.NewReader(c)
	var answers []string
	for _, m := range messages {
		if _, err := c.Write([]byte("\x0b" + m + "\x1c\r")); err != nil {
			return append(answers, "cut off")
		}
		a, err := in.ReadString(frameEnd)
		if err != nil {
			return append(answers, "cut off")
		}
		must(t, errors.Join(in.UnreadByte(), nil))
		in.Discard(2)
		answers = append(answers, a)
	}
	return answers
}

// The 1,013 messages of Simulated Hospital come over MLLP, each is answered by
// its id, and the delivery that they make is taken in whole.
func TestMessagesBecomeADelivery(t *testing.T) {
	dir := t.TempDir()
	packed, err := os.ReadFile("../testdata/simhospital.hl7.gz")
	must(t, err)
	z, err := gzip.NewReader(bytes.NewReader(packed))
	must(t, err)
	all, err := io.ReadAll(z)
	must(t, err)
	var messages []string
	for i, m := range strings.Split("\r"+strings.ReplaceAll(string(all), "\n", "\r"), "\rMSH") {
		if i > 0 {
			messages = append(messages, "MSH"+strings.Trim(m, "\r\x0b\x1c")+"\r")
		}
	}
	addr, stop := serve(t, listener(dir))
	for i, a := range send(t, addr, messages...) {
		id := strings.Split(strings.SplitN(messages[i], "\r", 2)[0], "|")[9]
		if !strings.Contains(a, "MSA|AA|"+id+"\r") {
			t.Fatalf("message %d was answered %q", i, a)
		}
	}
	stop()
	contract, err := os.ReadFile("../testdata/hospital.yaml")
	must(t, err)
	c, err := intake.ParseContract(contract)
	must(t, err)
	taken := 0
	drop := Drop{Dir: dir, Now: func() time.Time { return time.Now().Add(time.Minute) }, Settled: time.Second, Log: quiet(), Deliver: func(ctx context.Context, d string) error {
		text, err := os.ReadFile(filepath.Join(d, "manifest.json"))
		must(t, err)
		m, err := intake.ParseManifest(text)
		must(t, err)
		r, err := intake.Process(ctx, intake.Job{Contract: c, Source: m.Source, Delivery: m.Delivery, Received: time.Now(), Manifest: m, Key: bytes.Repeat([]byte{1}, 32), Sink: intake.Folder(t.TempDir()), Scratch: t.TempDir(), Demonstration: true,
			Files: []intake.Input{{Name: batchFile, Open: func() (io.ReadCloser, error) { return os.Open(filepath.Join(d, batchFile)) }}}})
		must(t, err)
		taken += int(r.Tables[0].Accepted)
		return nil
	}}
	if n, wrong, err := drop.Sweep(t.Context()); n != 1 || wrong != 0 || err != nil || taken != len(messages) || len(messages) != 1013 {
		t.Errorf("%d deliveries, %d refused, %v: %d of %d messages", n, wrong, err, taken, len(messages))
	}
	if n, _, _ := drop.Sweep(t.Context()); n != 0 {
		t.Error("delivered twice")
	}
}

// Attack: messages that are none, too large, nested frames, silence.
func TestHostileSenders(t *testing.T) {
	l := listener(t.TempDir())
	l.Largest = 1000
	addr, stop := serve(t, l)
	defer stop()
	if a := send(t, addr, "hello", "MSH|^~\\&|A|B|C|D|1||ADT^A01|id1|P|2.3\r", "MSH|^~\\&\x0bMSH"); !strings.Contains(a[0], "MSA|AR|") || !strings.Contains(a[1], "MSA|AA|id1") || !strings.Contains(a[2], "MSA|AR|") {
		t.Errorf("%q", a)
	}
	if a := send(t, addr, "MSH|"+strings.Repeat("x", 5000)); a[0] != "cut off" {
		t.Errorf("a message of 5000 bytes: %q", a)
	}
	c, err := net.Dial("tcp", addr)
	must(t, err)
	c.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("a stranger was answered")
	}
}

// What was answered survives a kill; what was not whole goes, and is sent again.
func TestKilledWhileGathering(t *testing.T) {
	dir := t.TempDir()
	message := func(i int) string { return fmt.Sprintf("\x0bMSH|^~\\&|A|B|C|D|1||ADT^A01|id%d|P|2.3\r\x1c\r", i) }
	must(t, os.WriteFile(filepath.Join(dir, gathering), []byte(message(1)+message(2)+message(3)[:20]), 0o600))
	must(t, os.MkdirAll(filepath.Join(dir, "mllp-old"), 0o700))
	l := listener(dir)
	must(t, l.recover())
	// A kill between the two steps of closing: the file is there, its manifest is not.
	found, err := filepath.Glob(filepath.Join(dir, "mllp-*", "manifest.json"))
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("%v", found)
	}
	must(t, os.Remove(found[0]))
	must(t, l.recover())
	found, err = filepath.Glob(filepath.Join(dir, "mllp-*", "manifest.json"))
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("after the second kill: %v", found)
	}
	text, err := os.ReadFile(found[0])
	must(t, err)
	m, err := intake.ParseManifest(text)
	must(t, err)
	if m.Files[0].Rows != 2 || exists(filepath.Join(dir, gathering)) {
		t.Errorf("%+v", m.Files)
	}
}

// Deliveries that are still coming wait, wrong ones are refused with the reason,
// and neither stops another's; what cannot be delivered now is tried again.
func TestDropFolder(t *testing.T) {
	dir, now := t.TempDir(), time.Now().Add(time.Hour)
	put := func(name, file, text string) {
		must(t, os.MkdirAll(filepath.Join(dir, name), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, name, file), []byte(text), 0o600))
	}
	manifest := func(sum string) string {
		return `{"source":"s","delivery":"d","files":[{"name":"a.csv","table":"t","rows":1,"sha256":"` + sum + `"}]}`
	}
	sum, err := hash(os.DevNull)
	must(t, err)
	put("good", "a.csv", "")
	put("good", "manifest.json", manifest(sum))
	put("coming", "a.csv", "")
	put("half", "manifest.json", manifest(sum))
	put("changed", "a.csv", "x")
	put("changed", "manifest.json", manifest(sum))
	put("broken", "manifest.json", "{")
	put("linked", "manifest.json", manifest(sum))
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "linked", "a.csv")))
	must(t, os.Symlink("/etc", filepath.Join(dir, "etc")))
	fail := error(ark.Faultf(ark.Unavailable, "the store does not answer"))
	var delivered []string
	d := Drop{Dir: dir, Settled: time.Minute, Now: func() time.Time { return now }, Log: quiet(), Deliver: func(_ context.Context, p string) error {
		if fail != nil {
			return fail
		}
		delivered = append(delivered, filepath.Base(p))
		return nil
	}}
	if n, wrong, err := d.Sweep(t.Context()); n != 0 || wrong != 3 || err != nil {
		t.Errorf("while the Ark does not answer: %d, %d, %v", n, wrong, err)
	}
	fail = nil
	if n, wrong, err := d.Sweep(t.Context()); n != 1 || wrong != 0 || err != nil || len(delivered) != 1 || delivered[0] != "good" {
		t.Errorf("%d, %d, %v: %v", n, wrong, err, delivered)
	}
	why, err := filepath.Glob(filepath.Join(dir, refused, "*-changed.txt"))
	must(t, err)
	if len(why) != 1 || !exists(filepath.Join(dir, "coming")) || !exists(filepath.Join(dir, "half")) {
		t.Errorf("%v", why)
	}
}
