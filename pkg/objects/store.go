package objects

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
)

// Store keeps objects by name, sealed where their zone says so. It is safe for
// concurrent use and holds nothing that must be closed.
type Store struct {
	backend Backend
	keys    keys.Keyring
	rules   Rules
}

// New makes a Store over a backend, a keyring and the rules of its zones.
func New(b Backend, kr keys.Keyring, rules Rules) *Store {
	return &Store{backend: b, keys: kr, rules: rules}
}

// Put stores all of r under name, sealed by the named key; a plain zone takes
// no key. It may be repeated after a crash: the same name with the same
// content gives the same Ref, with other content a Conflict fault. A writer
// that may seal and not open recognises its object by the fingerprint.
func (s *Store) Put(ctx context.Context, z Zone, name string, key keys.Name, r io.Reader) (Ref, error) {
	err := s.mayPut(z, name, key)
	if err != nil {
		return Ref{}, err
	}
	src := newDigest(&contextReader{ctx, r})
	_, err = s.backend.Stat(ctx, z, name)
	if err == nil {
		return s.settle(ctx, z, name, key, src)
	}
	if !errors.Is(err, ErrNotFound) {
		return Ref{}, unavailable(z, name, err)
	}
	ref := Ref{Zone: z, Name: name}
	var body io.Reader = src
	if !s.rules[z].Plain {
		body, ref.Seal, err = s.sealed(ctx, z, name, key, src)
		if err != nil {
			return Ref{}, err
		}
	}
	from := &sourceError{r: body}
	err = s.backend.Create(ctx, z, name, from)
	switch {
	case errors.Is(err, ErrExists):
		return s.settle(ctx, z, name, key, src)
	case from.err != nil:
		return Ref{}, from.err // the caller's reader failed: its error says more
	case err != nil:
		return Ref{}, unavailable(z, name, err)
	}
	ref.SHA256, ref.Size = hex.EncodeToString(src.hash.Sum(nil)), src.size
	return ref, nil
}

func (s *Store) sealed(ctx context.Context, z Zone, name string, key keys.Name, src *digest) (io.Reader, string, error) {
	data, wrapped, err := s.keys.NewDataKey(ctx, key)
	if err != nil {
		return nil, "", err
	}
	defer data.Wipe()
	head := header{chunk: chunkSize, key: key, wrapped: wrapped}.encode()
	if len(head) > headMax {
		return nil, "", unavailable(z, name, errHeader)
	}
	b, err := newBox(data, head, z, name)
	if err != nil {
		return nil, "", unavailable(z, name, err)
	}
	id := sealID(head)
	return newSealer(src, b, head, func(sum []byte, size int64) ([]byte, error) {
		return s.finger(ctx, z, name, key, sum, size)
	}), id, nil
}

func (s *Store) finger(ctx context.Context, z Zone, name string, key keys.Name, sum []byte, size int64) ([]byte, error) {
	f, err := s.keys.Fingerprint(ctx, key, fingerData(z, name, sum, size))
	if err == nil && len(f) != fingerSize {
		err = unavailable(z, name, errors.New("a fingerprint of another length"))
	}
	return f, err
}

// settle compares the rest of src with the object that has the name.
func (s *Store) settle(ctx context.Context, z Zone, name string, key keys.Name, src *digest) (Ref, error) {
	_, err := io.Copy(io.Discard, src)
	if err != nil {
		return Ref{}, err
	}
	sum := src.hash.Sum(nil)
	ref, err := s.Stat(ctx, z, name)
	if ark.Is(err, ark.Forbidden) {
		return s.recognise(ctx, Ref{Zone: z, Name: name, SHA256: hex.EncodeToString(sum), Size: src.size}, key, sum)
	}
	if err != nil {
		return Ref{}, err
	}
	if ref.SHA256 != hex.EncodeToString(sum) || ref.Size != src.size {
		return Ref{}, conflict(z, name)
	}
	return ref, nil
}

// recognise compares with the object that has the name without opening it.
func (s *Store) recognise(ctx context.Context, ref Ref, key keys.Name, sum []byte) (Ref, error) {
	meta, err := s.backend.Stat(ctx, ref.Zone, ref.Name)
	if err != nil {
		return Ref{}, s.fault(ref.Zone, ref.Name, err)
	}
	front, err := s.span(ctx, ref.Zone, ref.Name, 0, min(headMax, meta.Size))
	if err != nil {
		return Ref{}, err
	}
	h, n, err := parseHeader(front)
	if err != nil || meta.Size < int64(n)+tailSize {
		return Ref{}, notSealed(ref.Zone, ref.Name, front)
	}
	there, err := s.span(ctx, ref.Zone, ref.Name, meta.Size-fingerSize, fingerSize)
	if err != nil {
		return Ref{}, err
	}
	want, err := s.finger(ctx, ref.Zone, ref.Name, key, sum, ref.Size)
	if err != nil {
		return Ref{}, err
	}
	if h.key != key || !hmac.Equal(there, want) {
		return Ref{}, conflict(ref.Zone, ref.Name)
	}
	ref.Seal = sealID(front[:n])
	return ref, nil
}

// Stat returns the Ref of what is stored under name now. It says what the
// store holds, not what it should hold: only a Ref kept elsewhere does. In a
// plain zone the whole object is read to hash it.
func (s *Store) Stat(ctx context.Context, z Zone, name string) (Ref, error) {
	err := s.mayName(z, name)
	if err != nil {
		return Ref{}, err
	}
	if s.rules[z].Plain {
		return s.statPlain(ctx, z, name)
	}
	o, err := s.load(ctx, z, name)
	if err != nil {
		return Ref{}, err
	}
	return o.ref, nil
}

func (s *Store) statPlain(ctx context.Context, z Zone, name string) (Ref, error) {
	r, err := s.backend.Read(ctx, z, name, 0, -1)
	if err != nil {
		return Ref{}, s.fault(z, name, err)
	}
	defer r.Close()
	d := newDigest(r)
	_, err = io.Copy(io.Discard, d)
	if err != nil {
		return Ref{}, unavailable(z, name, err)
	}
	return Ref{Zone: z, Name: name, SHA256: hex.EncodeToString(d.hash.Sum(nil)), Size: d.size}, nil
}

// List yields the objects of a zone whose names begin with prefix, by name.
// Sizes are as stored.
func (s *Store) List(ctx context.Context, z Zone, prefix string) iter.Seq2[Meta, error] {
	return func(yield func(Meta, error) bool) {
		if _, err := s.rules.find(z); err != nil {
			yield(Meta{}, err)
			return
		}
		for m, err := range s.backend.List(ctx, z, prefix) {
			if err != nil {
				err = unavailable(z, prefix, err)
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// Delete removes an object with all its versions. One under retention is a
// Conflict fault; one that is not there is no error.
func (s *Store) Delete(ctx context.Context, z Zone, name string) error {
	err := s.mayName(z, name)
	if err != nil {
		return err
	}
	err = s.backend.Delete(ctx, z, name)
	if errors.Is(err, ErrRetained) {
		return ark.Faultf(ark.Conflict, "the object %q in the zone %q is under retention and can't be deleted yet", name, string(z)).
			Do("wait until its retention has run out; to make its content unreadable now, destroy its key").Because(err)
	}
	if err != nil {
		return s.fault(z, name, err)
	}
	return nil
}

// Unfinished lists uploads of a zone that were begun before the given time and
// never completed.
func (s *Store) Unfinished(ctx context.Context, z Zone, before time.Time) ([]Unfinished, error) {
	if _, err := s.rules.find(z); err != nil {
		return nil, err
	}
	found, err := s.backend.Unfinished(ctx, z, before)
	if err != nil {
		return nil, unavailable(z, "", err)
	}
	return found, nil
}

// Sweep removes uploads of a zone that were begun before the given time and
// never completed, and returns them.
func (s *Store) Sweep(ctx context.Context, z Zone, before time.Time) ([]Unfinished, error) {
	found, err := s.Unfinished(ctx, z, before)
	if err != nil {
		return nil, err
	}
	for i, u := range found {
		err = s.backend.Abort(ctx, u)
		if err != nil {
			return found[:i], unavailable(z, u.Name, err)
		}
	}
	return found, nil
}

func (s *Store) mayName(z Zone, name string) error {
	_, err := s.rules.find(z)
	if err != nil {
		return err
	}
	return CheckName(name)
}

func (s *Store) mayPut(z Zone, name string, key keys.Name) error {
	err := s.mayName(z, name)
	if err != nil {
		return err
	}
	rule := s.rules[z]
	switch {
	case slices.Contains(rule.Mutable, name):
		return ark.Faultf(ark.Invalid, "the object %q of the zone %q is replaced, not put", name, string(z)).Do("use Replace")
	case rule.Plain && key != "":
		return ark.Faultf(ark.Invalid, "the zone %q is not sealed", string(z)).Do("give no key, or use a sealed zone")
	case !rule.Plain && !slices.Contains(rule.Classes, key.Class()):
		return ark.Faultf(ark.Invalid, "the zone %q is not sealed by keys of the class %q", string(z), string(key.Class())).
			Do("use a key of the classes " + classes(rule.Classes))
	case rule.Plain:
		return nil
	}
	return key.Permit(keys.Seal)
}

func classes(cs []keys.Class) string {
	var b strings.Builder
	for i, c := range cs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(c))
	}
	return b.String()
}

func (s *Store) fault(z Zone, name string, err error) error {
	if errors.Is(err, ErrNotFound) {
		return notFound(z, name)
	}
	return unavailable(z, name, err)
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// sourceError remembers that it was the source that failed.
type sourceError struct {
	r   io.Reader
	err error
}

func (s *sourceError) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
