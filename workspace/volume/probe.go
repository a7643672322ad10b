package volume

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"

	"github.com/ark-tre/ark/pkg/ark"
)

// Probe proves on a throwaway volume in dir that this host encrypts: what was
// written is not in the image after closing. It fails with what is missing.
func Probe(ctx context.Context, dir string) error {
	if os.Geteuid() != 0 {
		return ark.Faultf(ark.Unavailable, "encrypted volumes need the enclave daemon to run as root")
	}
	temp, err := os.MkdirTemp(dir, "probe-")
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the folder for volumes cannot be written").Because(err)
	}
	defer os.RemoveAll(temp)
	image, mark, key := filepath.Join(temp, "image"), make([]byte, 4096), make([]byte, KeySize)
	for _, b := range [][]byte{mark, key} {
		if _, err := rand.Read(b); err != nil {
			return ark.Faultf(ark.Unavailable, "the host gives no randomness").Because(err)
		}
	}
	if err := Create(ctx, image, MinBytes); err != nil {
		return err
	}
	v, err := Open(ctx, image, filepath.Join(temp, "mount"), key, 1)
	if err != nil {
		return err
	}
	_, err = Put(v.Path(Extract), "mark", bytes.NewReader(mark))
	if closeErr := v.Close(ctx); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(image)
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the probe's image cannot be read").Because(err)
	}
	if bytes.Contains(raw, mark[:16]) {
		return ark.Faultf(ark.Unavailable, "volumes on this host are not encrypted").Do("use a kernel with fscrypt")
	}
	return nil
}
