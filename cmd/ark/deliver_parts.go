package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/client"
)

// inParts sends a folder as a delivery in parts. What is there already, by its
// hash, is not sent again.
type inParts struct {
	client   *client.Client
	source   string // its identifier
	dir      string
	patience time.Duration // how long the Ark may not answer
	pause    time.Duration // between two tries
	progress io.Writer
}

func (p inParts) send(ctx context.Context, d *catalogue.Delivery) error {
	text, err := os.ReadFile(filepath.Join(p.dir, "manifest.json"))
	if err != nil {
		return ark.Faultf(ark.Invalid, "the folder has no manifest.json").Do("add one that names every file with its table, rows and SHA-256")
	}
	p.client.HTTP.Timeout = 10 * time.Minute
	path := "/sources/" + p.source + "/uploads"
	var u catalogue.Upload
	err = p.again(ctx, func() error {
		return p.client.Post(ctx, path, map[string]string{"manifest": string(text)}, &u)
	})
	if err != nil {
		return err
	}
	for _, f := range u.Files {
		if u.Delivery != "" {
			break
		}
		if err := p.file(ctx, path+"/"+u.ID, u.PartSize, f); err != nil {
			return err
		}
	}
	return p.again(ctx, func() error { return p.client.Post(ctx, path+"/"+u.ID+"/complete", nil, d) })
}

func (p inParts) file(ctx context.Context, path string, size int64, f catalogue.UploadFile) error {
	there := map[int]string{}
	for _, part := range f.Parts {
		there[part.Number] = part.Ref.SHA256
	}
	in, err := os.Open(filepath.Join(p.dir, filepath.Base(f.Name)))
	if err != nil {
		return ark.Faultf(ark.Invalid, "the manifest names a file that the folder has not").At(f.Name, 0, "")
	}
	defer in.Close()
	buf := make([]byte, size)
	sent, kept := 0, 0
	for n := 1; ; n++ {
		got, err := io.ReadFull(in, buf)
		if err == io.EOF && n > 1 {
			break
		}
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		part := buf[:got]
		sum := sha256.Sum256(part)
		hash := hex.EncodeToString(sum[:])
		if there[n] == hash {
			kept++
		} else {
			sent++
			err := p.again(ctx, func() error {
				return p.client.PutBytes(ctx, fmt.Sprintf("%s/files/%s/parts/%d?sha256=%s", path, f.Name, n, hash), bytes.Clone(part), nil)
			})
			if err != nil {
				return err
			}
		}
		if int64(got) < size {
			break
		}
	}
	_, err = fmt.Fprintf(p.progress, "%s: %d parts sent, %d were there\n", f.Name, sent, kept)
	return err
}

// again tries what the Ark did not answer until patience ends.
func (p inParts) again(ctx context.Context, try func() error) error {
	end := time.Now().Add(p.patience)
	for {
		err := try()
		if ark.KindOf(err) != ark.Unavailable || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(p.pause):
		}
	}
}
