package objects

import (
	"context"
	"errors"
	"io"

	"github.com/ark-tre/ark/pkg/keys"
)

// Writer is Put turned around, for code that writes rather than offers a
// reader. Exactly one of Commit and Abort must be called; Abort after Commit
// does nothing, so it can be deferred.
type Writer struct {
	pipe *io.PipeWriter
	done chan struct{}
	ref  Ref
	err  error
}

var errAborted = errors.New("objects: writing was aborted")

// Writer begins to write an object. Nothing is stored under the name before
// Commit.
func (s *Store) Writer(ctx context.Context, z Zone, name string, key keys.Name) *Writer {
	r, pipe := io.Pipe()
	w := &Writer{pipe: pipe, done: make(chan struct{})}
	go func() { // ends when Put does: at Commit, Abort, or the end of ctx at the next write
		defer close(w.done)
		w.ref, w.err = s.Put(ctx, z, name, key, r)
		if w.err != nil {
			r.CloseWithError(w.err)
		} else {
			r.CloseWithError(errAborted) // a write after Commit
		}
	}()
	return w
}

// Write implements io.Writer. It fails with Put's error once Put has failed.
func (w *Writer) Write(p []byte) (int, error) { return w.pipe.Write(p) }

// Commit ends the object and returns what Put returns.
func (w *Writer) Commit() (Ref, error) {
	_ = w.pipe.Close() // never fails
	<-w.done
	return w.ref, w.err
}

// Abort gives up: nothing is stored.
func (w *Writer) Abort() {
	_ = w.pipe.CloseWithError(errAborted) // never fails
	<-w.done
}
