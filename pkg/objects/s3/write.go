package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ark-tre/ark/pkg/objects"
)

// partSize is what an upload holds in memory; S3's 10,000 parts then make an
// object of up to 156 GiB.
const partSize = 16 << 20

// Create implements objects.Backend: one request for what fits into a part,
// a multipart upload otherwise.
func (s *Store) Create(ctx context.Context, z objects.Zone, name string, r io.Reader) error {
	err := s.check(z, name)
	if err != nil {
		return err
	}
	buf := make([]byte, partSize)
	n, err := io.ReadFull(r, buf)
	if err == nil {
		return s.multipart(ctx, z, name, buf, r)
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	opts := s.putOptions(z, name)
	opts.SetMatchETagExcept("*")
	return s.put(ctx, z, name, buf[:n], opts, objects.ErrExists)
}

// Replace implements objects.Backend.
func (s *Store) Replace(ctx context.Context, z objects.Zone, name string, data []byte, was string) error {
	err := s.check(z, name)
	if err != nil {
		return err
	}
	opts := s.putOptions(z, name)
	if was == "" {
		opts.SetMatchETagExcept("*")
	} else {
		opts.SetMatchETag(was)
	}
	err = s.put(ctx, z, name, data, opts, objects.ErrChanged)
	if errors.Is(err, objects.ErrNotFound) { // S3's answer to If-Match on nothing
		return fmt.Errorf("%w: %s", objects.ErrChanged, name)
	}
	return err
}

func (s *Store) putOptions(z objects.Zone, name string) minio.PutObjectOptions {
	opts := minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true, DisableContentSha256: true} // the latter: hashed by put
	if keep := s.rules[z].RetainFor(name); keep > 0 && !s.config.Unlocked {
		opts.Mode = minio.Compliance
		opts.RetainUntilDate = s.now().UTC().Add(keep).Truncate(time.Second)
	}
	return opts
}

func (s *Store) put(ctx context.Context, z objects.Zone, name string, data []byte, opts minio.PutObjectOptions, precondition error) error {
	check := ""
	if opts.Mode != "" { // S3 demands it with a retention date
		sum := md5.Sum(data)
		check = base64.StdEncoding.EncodeToString(sum[:])
	}
	for try := 0; ; try++ {
		_, err := s.core.PutObject(ctx, s.bucket(z), name, bytes.NewReader(data), int64(len(data)), check, hash(data), opts)
		if !conflicting(err) || try == 5 {
			return kind(err, precondition)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try+1) * 50 * time.Millisecond):
		}
	}
}

// hash is signed with the request, so that the server refuses bytes that were
// changed on the way.
func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// multipart uploads first and then what r still has, part by part through the
// one buffer.
func (s *Store) multipart(ctx context.Context, z objects.Zone, name string, buf []byte, r io.Reader) (err error) {
	opts := s.putOptions(z, name)
	id, err := s.core.NewMultipartUpload(ctx, s.bucket(z), name, opts)
	if err != nil {
		return kind(err, objects.ErrExists)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.abandon(ctx, z, name, id))
		}
	}()
	var parts []minio.CompletePart
	for n := len(buf); n > 0; {
		part, err := s.core.PutObjectPart(ctx, s.bucket(z), name, id, len(parts)+1, bytes.NewReader(buf[:n]), int64(n),
			minio.PutObjectPartOptions{Sha256Hex: hash(buf[:n]), DisableContentSha256: true}) // the latter: signed once, not piecewise
		if err != nil {
			return err
		}
		parts = append(parts, minio.CompletePart{PartNumber: part.PartNumber, ETag: part.ETag})
		n, err = io.ReadFull(r, buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
	}
	_, err = s.Stat(ctx, z, name) // also where a server ignores the condition below
	if err == nil {
		return fmt.Errorf("%w: %s", objects.ErrExists, name)
	}
	if !errors.Is(err, objects.ErrNotFound) {
		return err
	}
	var complete minio.PutObjectOptions
	complete.SetMatchETagExcept("*")
	_, err = s.core.CompleteMultipartUpload(ctx, s.bucket(z), name, id, parts, complete)
	if conflicting(err) {
		_, serr := s.Stat(ctx, z, name)
		if serr == nil {
			return errors.Join(objects.ErrExists, err)
		}
	}
	return kind(err, objects.ErrExists)
}

// abandon removes an upload that failed, also when ctx has ended.
func (s *Store) abandon(ctx context.Context, z objects.Zone, name, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return s.Abort(ctx, objects.Unfinished{Zone: z, Name: name, ID: id})
}

// Unfinished implements objects.Backend.
func (s *Store) Unfinished(ctx context.Context, z objects.Zone, before time.Time) ([]objects.Unfinished, error) {
	var found []objects.Unfinished
	for key, id := "", ""; ; {
		page, err := s.core.ListMultipartUploads(ctx, s.bucket(z), "", key, id, "", 1000)
		if err != nil {
			return nil, err
		}
		for _, u := range page.Uploads {
			if u.Initiated.Before(before) {
				found = append(found, objects.Unfinished{Zone: z, Name: u.Key, ID: u.UploadID, Begun: u.Initiated})
			}
		}
		if !page.IsTruncated {
			return found, nil
		}
		key, id = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

// Abort implements objects.Backend.
func (s *Store) Abort(ctx context.Context, u objects.Unfinished) error {
	err := s.check(u.Zone, u.Name)
	if err != nil {
		return err
	}
	err = s.core.AbortMultipartUpload(ctx, s.bucket(u.Zone), u.Name, u.ID)
	if minio.ToErrorResponse(err).Code == "NoSuchUpload" {
		return nil
	}
	return err
}
