package portal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	digest "hash"
	"io"
	"net/http"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// hashed returns the hash of r's method, path and body, for telling a repeated
// request from another one. A streamed body is hashed while it is read: the
// hash reads what the operation has left of it.
func hashed(op Op, r *http.Request) (request func() (string, error), err error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s\n", r.Method, r.URL.RequestURI())
	body := &hashedBody{ReadCloser: r.Body, sum: sum}
	if op.Stream { // the type of a form names a boundary, which is in the body
		r.Body = body
		return body.hash, nil
	}
	fmt.Fprintf(sum, "%s\n", r.Header.Get("Content-Type"))
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, unread(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	return body.hash, nil
}

func unread(err error) error {
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return ark.Faultf(ark.TooMuch, "the body is larger than the %s this operation takes", bytesText(long.Limit)).Do("send less at once")
	}
	return ark.Faultf(ark.Invalid, "the body could not be read").Do("send it again").Because(err)
}

// hashedBody is a body that is hashed as it is read.
type hashedBody struct {
	io.ReadCloser
	sum digest.Hash
	err error // what ended it
}

// Read implements io.Reader.
func (b *hashedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p)
	b.sum.Write(p[:n])
	b.err = err
	return n, err
}

// hash reads the rest and returns the hash of all.
func (b *hashedBody) hash() (string, error) {
	if _, err := io.Copy(io.Discard, b); err != nil {
		return "", unread(err)
	}
	return hex.EncodeToString(b.sum.Sum(nil)), nil
}

// replied is what is kept for the key, if it is of the same request. Only then
// is a streamed body read here.
func (a *API) replied(ctx context.Context, op Op, actor, key string, request func() (string, error)) (*store.Reply, error) {
	if op.Stream {
		if known, err := a.p.cfg.Store.Known(ctx, actor, key); err != nil || !known {
			return nil, err
		}
	}
	hash, err := request()
	if err != nil {
		return nil, err
	}
	return a.p.cfg.Store.Replied(ctx, actor, key, hash)
}
