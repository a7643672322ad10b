package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ark-tre/ark/pkg/objects"
)

// Read implements objects.Backend.
func (s *Store) Read(ctx context.Context, z objects.Zone, name string, off, n int64) (io.ReadCloser, error) {
	err := s.check(z, name)
	if err != nil {
		return nil, err
	}
	var opts minio.GetObjectOptions
	switch {
	case n == 0:
		_, err = s.Stat(ctx, z, name)
		return io.NopCloser(bytes.NewReader(nil)), err
	case n > 0:
		err = opts.SetRange(off, off+n-1)
	case off > 0:
		err = opts.SetRange(off, 0) // to the end
	}
	if err != nil {
		return nil, err
	}
	r, _, _, err := s.core.GetObject(ctx, s.bucket(z), name, opts)
	if minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	if err != nil {
		return nil, kind(err, objects.ErrChanged)
	}
	return r, nil
}

// Stat implements objects.Backend.
func (s *Store) Stat(ctx context.Context, z objects.Zone, name string) (objects.Meta, error) {
	err := s.check(z, name)
	if err != nil {
		return objects.Meta{}, err
	}
	info, err := s.core.StatObject(ctx, s.bucket(z), name, minio.StatObjectOptions{})
	if err != nil {
		return objects.Meta{}, kind(err, objects.ErrChanged)
	}
	return objects.Meta{Name: name, Size: info.Size, Modified: info.LastModified, Tag: info.ETag}, nil
}

// List implements objects.Backend.
func (s *Store) List(ctx context.Context, z objects.Zone, prefix string) iter.Seq2[objects.Meta, error] {
	return func(yield func(objects.Meta, error) bool) {
		if _, ok := s.rules[z]; !ok {
			yield(objects.Meta{}, fmt.Errorf("objects/s3: no zone %q", string(z)))
			return
		}
		for info := range s.core.ListObjectsIter(ctx, s.bucket(z), minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
			if info.Err != nil {
				yield(objects.Meta{}, info.Err)
				return
			}
			if !yield(objects.Meta{Name: info.Key, Size: info.Size, Modified: info.LastModified, Tag: info.ETag}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(objects.Meta{}, err) // a listing that was cut short must not look complete
		}
	}
}

// Delete implements objects.Backend.
func (s *Store) Delete(ctx context.Context, z objects.Zone, name string) error {
	meta, err := s.Stat(ctx, z, name)
	if errors.Is(err, objects.ErrNotFound) {
		return s.deleteVersions(ctx, z, name) // older versions may hide under a marker
	}
	if err != nil {
		return err
	}
	if keep := s.rules[z].RetainFor(name); keep > 0 && s.now().Before(meta.Modified.Add(keep)) {
		return fmt.Errorf("%w until %s", objects.ErrRetained, meta.Modified.Add(keep).UTC().Format(time.DateOnly))
	}
	return s.deleteVersions(ctx, z, name)
}

// deleteVersions removes every version and delete marker of the name. In a
// bucket that was never versioned there is one, called null.
func (s *Store) deleteVersions(ctx context.Context, z objects.Zone, name string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing when an error ends the loop
	for info := range s.core.ListObjectsIter(ctx, s.bucket(z), minio.ListObjectsOptions{Prefix: name, Recursive: true, WithVersions: true}) {
		if info.Err != nil {
			return info.Err
		}
		if info.Key != name {
			continue
		}
		err := s.core.RemoveObject(ctx, s.bucket(z), name, minio.RemoveObjectOptions{VersionID: info.VersionID})
		if r := minio.ToErrorResponse(err); err != nil && s.rules[z].Retain > 0 && r.StatusCode == http.StatusForbidden {
			return errors.Join(objects.ErrRetained, err)
		}
		err = kind(err, objects.ErrChanged)
		if err != nil && !errors.Is(err, objects.ErrNotFound) {
			return err
		}
	}
	return ctx.Err()
}
