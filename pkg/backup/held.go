package backup

import (
	"encoding/hex"
	"hash"
	"io"
	"os"
)

// held reads a kept object and holds it against its hash.
type held struct {
	file *os.File
	h    hash.Hash
	want string
}

// Read implements io.Reader.
func (r *held) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	r.h.Write(p[:n])
	if err == io.EOF && hex.EncodeToString(r.h.Sum(nil)) != r.want {
		return n, changed("the object " + r.want[:12] + "…")
	}
	return n, err
}

// Close implements io.Closer.
func (r *held) Close() error { return r.file.Close() }
