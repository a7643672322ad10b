package issuer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/ark-tre/ark/pkg/ark"
)

func dirOf(path string) string { return filepath.Dir(path) }

// readPrivate reads a file of secrets. A file that its group or others may read
// or write is refused.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, ark.Faultf(ark.Forbidden, "the file %s holds secrets and others may read it", filepath.Base(path)).Do("give it mode 0600")
	}
	return io.ReadAll(io.LimitReader(f, 64<<20))
}

// writePrivate replaces path durably with mode 0600: the new bytes are synced
// under another name, renamed over the old, and the folder is synced, so that
// a crash leaves the old file or the new one, whole.
func writePrivate(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// strictJSON decodes exactly one value without unknown fields.
func strictJSON(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("issuer: bytes after the end of the JSON value")
	}
	return nil
}
