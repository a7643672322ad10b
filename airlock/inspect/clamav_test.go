package inspect_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
)

// clamd speaks as much of clamd's protocol as INSTREAM needs; it knows one
// piece of malware.
func clamd(t *testing.T, says string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clamd.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			head := make([]byte, 10)
			if _, err := io.ReadFull(c, head); err != nil || string(head) != "zINSTREAM\x00" {
				t.Errorf("asked %q", head)
			}
			var file bytes.Buffer
			for {
				var n uint32
				if err := binary.Read(c, binary.BigEndian, &n); err != nil || n == 0 {
					break
				}
				if _, err := io.CopyN(&file, c, int64(n)); err != nil {
					t.Error(err)
				}
			}
			answer := says
			if answer == "" {
				answer = "stream: OK"
				if bytes.Contains(file.Bytes(), []byte("ARK-TEST-MALWARE")) {
					answer = "stream: Ark.Test.Malware FOUND"
				}
			}
			_, _ = c.Write([]byte(answer + "\x00"))
			c.Close()
		}
	}()
	return path
}

func TestScanner(t *testing.T) {
	s := start(t, inspect.Inspector{Scanner: clamd(t, "")}, nil)
	if r := look(t, s, "t.csv", []byte(table)); r.Verdict != disclosure.Pass {
		t.Errorf("clean: %s %v", r.Verdict, r.Findings)
	}
	if r := look(t, s, "t.csv", []byte(table+"ARK-TEST-MALWARE,10,10\n")); r.Verdict != disclosure.Fail || !has(r, "file-malware") {
		t.Errorf("malware: %s %v", r.Verdict, r.Findings)
	}
}

// A scanner that is configured and absent, or that says anything but OK,
// fails every file.
func TestScannerAbsent(t *testing.T) {
	for _, address := range []string{filepath.Join(t.TempDir(), "nobody"), "127.0.0.1:1", clamd(t, "INSTREAM size limit exceeded. ERROR"), clamd(t, "stream: OK FOUND OK")} {
		s := start(t, inspect.Inspector{Scanner: address}, nil)
		if r := look(t, s, "t.csv", []byte(table)); r.Verdict != disclosure.Fail || !has(r, "file-scanner-absent") {
			t.Errorf("%s: %s %v", filepath.Base(address), r.Verdict, r.Findings)
		}
	}
}
