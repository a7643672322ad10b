package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/ark-tre/ark/pkg/ark"
)

// Zone is where an output belongs: the object zone of that name.
type Zone string

// The zones intake writes to.
const (
	ZoneIdentifiers Zone = "identifiers"
	ZoneIndex       Zone = "index"
	ZonePayload     Zone = "payload"
	ZoneLanding     Zone = "landing"
)

// Sink opens the outputs. Nothing written counts before Process has returned
// nil: the caller throws everything away where it returns an error. Each
// writer is closed before the next is opened, but for quarantine.ndjson, which
// stays open while the files are read.
type Sink interface {
	Create(zone Zone, name string) (io.WriteCloser, error)
}

// Folder is a Sink of one folder per zone below a path.
type Folder string

// Create makes the file; one that exists is a Conflict fault.
func (f Folder) Create(zone Zone, name string) (io.WriteCloser, error) {
	dir := filepath.Join(string(f), string(zone))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	w, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return nil, ark.Faultf(ark.Conflict, "the output %s exists already", name).Do("give an empty folder")
	}
	return w, err
}

// Summed is a sink's writer that hashes what is written itself.
type Summed interface {
	SHA256() string // in hexadecimal, once the writer is closed
}

// counted counts what passes, and hashes it where the sink does not.
type counted struct {
	w    io.WriteCloser
	hash hash.Hash
	n    int64
}

func newCounted(w io.WriteCloser) *counted {
	if _, ok := w.(Summed); ok {
		return &counted{w: w}
	}
	return &counted{w: w, hash: sha256.New()}
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.hash != nil {
		c.hash.Write(p[:n])
	}
	c.n += int64(n)
	return n, err
}

// sum is the hash, once the writer is closed.
func (c *counted) sum() string {
	if s, ok := c.w.(Summed); ok {
		return s.SHA256()
	}
	return hex.EncodeToString(c.hash.Sum(nil))
}

// output writes one file through f and records it in the report.
func (p *process) output(zone Zone, name string, f func(io.Writer) (rows int64, err error)) error {
	w, err := p.job.Sink.Create(zone, name)
	if err != nil {
		return err
	}
	c := newCounted(w)
	rows, err := f(c)
	if e := w.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	p.report.Outputs = append(p.report.Outputs, Output{zone, name, rows, c.n, c.sum()})
	return nil
}

// Bad is one line of quarantine.ndjson. It says where and why, never what.
type Bad struct {
	File   string `json:"file"`
	Row    int64  `json:"row"`
	Field  string `json:"field,omitempty"`
	Rule   string `json:"rule"`
	Kind   Kahn   `json:"kind"`
	Reason string `json:"reason"`
}

// quarantine writes the listing.
type quarantine struct {
	w      *counted
	buf    []byte
	rows   int64
	limit  int64
	excess int64
}

func (q *quarantine) add(b Bad) error {
	if q.rows == q.limit {
		q.excess++
		return nil
	}
	q.rows++
	line, err := json.Marshal(b)
	if err != nil {
		return err
	}
	q.buf = append(append(q.buf, line...), '\n')
	if len(q.buf) < 64<<10 {
		return nil
	}
	return q.flush()
}

func (q *quarantine) flush() error {
	_, err := q.w.Write(q.buf)
	q.buf = q.buf[:0]
	return err
}
