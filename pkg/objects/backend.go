package objects

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Errors that a Backend's errors wrap.
var (
	ErrNotFound = errors.New("objects: no such object")
	ErrExists   = errors.New("objects: name is taken")
	ErrChanged  = errors.New("objects: replaced by someone else meanwhile")
	ErrRetained = errors.New("objects: under retention")
)

// Backend stores bytes. Every method is safe for concurrent use by goroutines
// and by processes. What a method reports as done is durable and seen by every
// later call. Names have passed CheckName. An error that wraps none of the
// four above says nothing about whether the change took place; all changes
// may be repeated.
type Backend interface {
	// Create stores all of r under name unless the name is taken: then the
	// error wraps ErrExists and r may have been read or not. If r fails or ctx
	// ends, nothing is stored under the name. Memory does not grow with r.
	Create(ctx context.Context, z Zone, name string, r io.Reader) error

	// Replace stores data in place of the content whose tag is was; "" means
	// that there is none yet. Otherwise the error wraps ErrChanged.
	Replace(ctx context.Context, z Zone, name string, data []byte, was string) error

	// Read returns n bytes from off on, or all from off on when n < 0. A range
	// that goes past the end is cut there. The error wraps ErrNotFound.
	Read(ctx context.Context, z Zone, name string, off, n int64) (io.ReadCloser, error)

	// Stat describes an object. The error wraps ErrNotFound.
	Stat(ctx context.Context, z Zone, name string) (Meta, error)

	// List yields the objects whose names begin with prefix, by name (bytewise),
	// and ends after the first error. Tag may be missing.
	List(ctx context.Context, z Zone, prefix string) iter.Seq2[Meta, error]

	// Delete removes an object with all its versions. A missing one is no
	// error. One under retention stays, and the error wraps ErrRetained.
	Delete(ctx context.Context, z Zone, name string) error

	// Unfinished lists uploads begun before the given time and not completed.
	Unfinished(ctx context.Context, z Zone, before time.Time) ([]Unfinished, error)

	// Abort removes an unfinished upload. One that is gone is no error.
	Abort(ctx context.Context, u Unfinished) error
}

// Meta describes a stored object.
type Meta struct {
	Name     string
	Size     int64 // as stored
	Modified time.Time
	Tag      string // changes with the content; for Replace
}

// Unfinished is an upload that was begun and not completed.
type Unfinished struct {
	Zone  Zone
	Name  string // of the object, where the backend knows it
	ID    string // the backend's own
	Begun time.Time
}
