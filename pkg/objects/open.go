package objects

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"

	"github.com/ark-tre/ark/pkg/ark"
)

// object is a sealed object whose header and trailer have been authenticated.
type object struct {
	store  *Store
	ref    Ref // of what is stored
	box    *box
	head   int
	chunk  int
	chunks int64
}

// load opens the header and the trailer of a sealed object.
func (s *Store) load(ctx context.Context, z Zone, name string) (*object, error) {
	meta, err := s.backend.Stat(ctx, z, name)
	if err != nil {
		return nil, s.fault(z, name, err)
	}
	front, err := s.span(ctx, z, name, 0, min(headMax, meta.Size))
	if err != nil {
		return nil, err
	}
	h, n, err := parseHeader(front)
	if err != nil {
		return nil, notSealed(z, name, front)
	}
	o := &object{store: s, head: n, chunk: h.chunk, ref: Ref{Zone: z, Name: name, Seal: sealID(front[:n])}}
	var ok bool
	o.chunks, o.ref.Size, ok = shape(meta.Size, n, h.chunk)
	if !ok {
		return nil, damaged(z, name, "has a size that no complete object has: it has been cut short")
	}
	key, err := s.keys.Unwrap(ctx, h.key, h.wrapped)
	if ark.Is(err, ark.Invalid) {
		return nil, damaged(z, name, "carries a data key that its named key did not wrap")
	}
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	o.box, err = newBox(key, front[:n], z, name)
	if err != nil {
		return nil, unavailable(z, name, err)
	}
	return o, o.openTrailer(ctx, meta.Size)
}

// notSealed says why front is not the beginning of a sealed object.
func notSealed(z Zone, name string, front []byte) error {
	if bytes.HasPrefix(front, []byte("ARKOBJ")) && !bytes.HasPrefix(front, []byte(magic)) {
		return damaged(z, name, "was stored by another version of Ark")
	}
	return damaged(z, name, "does not begin like a sealed object: it has been cut short, overwritten or stored by something else")
}

func (o *object) openTrailer(ctx context.Context, stored int64) error {
	z, name := o.ref.Zone, o.ref.Name
	sealed, err := o.store.span(ctx, z, name, stored-tailSize, trailerSize)
	if err != nil {
		return err
	}
	t, err := o.box.open(nil, sealed, o.chunks, flagTrailer)
	if err != nil {
		return damaged(z, name, "does not authenticate: it has been changed, cut short, renamed or exchanged for another")
	}
	if int64(binary.BigEndian.Uint64(t[sha256.Size:])) != o.ref.Size {
		return damaged(z, name, "has another size than it says itself")
	}
	o.ref.SHA256 = hex.EncodeToString(t[:sha256.Size])
	return nil
}

// span reads exactly n bytes from off on.
func (s *Store) span(ctx context.Context, z Zone, name string, off, n int64) ([]byte, error) {
	r, err := s.backend.Read(ctx, z, name, off, n)
	if err != nil {
		return nil, s.fault(z, name, err)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	err = errors.Join(err, r.Close())
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, damaged(z, name, "has been cut short")
	}
	if err != nil {
		return nil, unavailable(z, name, err)
	}
	return b, nil
}

// check compares what is stored with what the caller's Ref pins.
func (o *object) check(want Ref) error {
	if o.ref.SHA256 != want.SHA256 || o.ref.Size != want.Size {
		return damaged(want.Zone, want.Name, "holds other content than was recorded when it was stored")
	}
	if want.Seal != "" && want.Seal != o.ref.Seal {
		return damaged(want.Zone, want.Name, "was sealed again by someone else after it was stored")
	}
	return nil
}

func (s *Store) pinned(ref Ref) error {
	err := s.mayName(ref.Zone, ref.Name)
	if err != nil {
		return err
	}
	if len(ref.SHA256) != 2*sha256.Size || ref.Size < 0 {
		return ark.Faultf(ark.Invalid, "a reference to an object must carry its SHA-256 and size").
			Do("use the reference that was recorded when the object was stored")
	}
	return nil
}

// Open returns the object's plaintext. Each chunk is authenticated before any
// of its bytes are returned; the last Read returns io.EOF only if the whole
// hashes to ref.SHA256, and an ErrDamaged fault otherwise: act on what was
// read only after EOF. The reader ends with ctx.
func (s *Store) Open(ctx context.Context, ref Ref) (io.ReadCloser, error) {
	err := s.pinned(ref)
	if err != nil {
		return nil, err
	}
	if s.rules[ref.Zone].Plain {
		r, err := s.backend.Read(ctx, ref.Zone, ref.Name, 0, -1)
		if err != nil {
			return nil, s.fault(ref.Zone, ref.Name, err)
		}
		return &verifier{src: newDigest(r), close: r, ref: ref}, nil
	}
	o, err := s.sealedObject(ctx, ref)
	if err != nil {
		return nil, err
	}
	return o.stream(ctx)
}

// OpenBulk is Open for what is too much to hash once more: of a Ref with Seal,
// which pins the data key, the authentication of every chunk, of their order and
// of their end is taken for that of the whole, as OpenAt does. Who holds that
// data key and may write the zone could deceive it, and not Open.
func (s *Store) OpenBulk(ctx context.Context, ref Ref) (io.ReadCloser, error) {
	if s.rules[ref.Zone].Plain || ref.Seal == "" {
		return s.Open(ctx, ref)
	}
	o, err := s.sealedObject(ctx, ref)
	if err != nil {
		return nil, err
	}
	r, err := o.chunked(ctx)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// sealedObject finds the object that ref pins, of a zone that is not plain.
func (s *Store) sealedObject(ctx context.Context, ref Ref) (*object, error) {
	err := s.pinned(ref)
	if err != nil {
		return nil, err
	}
	o, err := s.load(ctx, ref.Zone, ref.Name)
	if err != nil {
		return nil, err
	}
	return o, o.check(ref)
}

// stream reads and hashes the whole.
func (o *object) stream(ctx context.Context) (io.ReadCloser, error) {
	plain, err := o.chunked(ctx)
	if err != nil {
		return nil, err
	}
	return &verifier{src: newDigest(plain), close: plain, ref: o.ref}, nil
}

func (o *object) chunked(ctx context.Context) (*unsealer, error) {
	r, err := o.store.backend.Read(ctx, o.ref.Zone, o.ref.Name, int64(o.head), o.ref.Size+o.chunks*tagSize)
	if err != nil {
		return nil, o.store.fault(o.ref.Zone, o.ref.Name, err)
	}
	return &unsealer{o: o, r: r, buf: make([]byte, o.chunk+tagSize)}, nil
}

// unsealer opens chunk after chunk.
type unsealer struct {
	o     *object
	r     io.ReadCloser
	buf   []byte
	plain []byte
	index int64
}

func (u *unsealer) Read(p []byte) (int, error) {
	for len(u.plain) == 0 {
		if u.index == u.o.chunks {
			return 0, io.EOF
		}
		size := min(int64(u.o.chunk), u.o.ref.Size-u.index*int64(u.o.chunk)) + tagSize
		_, err := io.ReadFull(u.r, u.buf[:size])
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return 0, damaged(u.o.ref.Zone, u.o.ref.Name, "has been cut short")
		}
		if err != nil {
			return 0, unavailable(u.o.ref.Zone, u.o.ref.Name, err)
		}
		if whole := int(size) - tagSize; len(p) >= whole { // without a stop in between
			_, err := u.o.openChunk(p[:0:whole], u.buf[:size], u.index)
			if err != nil {
				return 0, err
			}
			u.index++
			return whole, nil
		}
		u.plain, err = u.o.openChunk(u.buf[:0], u.buf[:size], u.index)
		if err != nil {
			return 0, err
		}
		u.index++
	}
	n := copy(p, u.plain)
	u.plain = u.plain[n:]
	return n, nil
}

// Close releases the backend's reader. It does not verify.
func (u *unsealer) Close() error { return u.r.Close() }

func (o *object) openChunk(dst, sealed []byte, index int64) ([]byte, error) {
	flag := byte(flagChunk)
	if index == o.chunks-1 {
		flag = flagLast
	}
	plain, err := o.box.open(dst, sealed, index, flag)
	if err != nil {
		return nil, damaged(o.ref.Zone, o.ref.Name, "has been changed since it was stored")
	}
	return plain, nil
}

// verifier passes plaintext on and turns EOF into an error when the whole is
// not what ref pins.
type verifier struct {
	src   *digest
	close io.Closer
	ref   Ref
	err   error
}

func (v *verifier) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err := v.src.Read(p)
	if v.src.size > v.ref.Size || err == io.EOF && (v.src.size != v.ref.Size || hex.EncodeToString(v.src.hash.Sum(nil)) != v.ref.SHA256) {
		err = damaged(v.ref.Zone, v.ref.Name, "holds other content than was recorded when it was stored")
		n = 0
	}
	v.err = err
	return n, err
}

// Close releases the backend's reader. It does not verify.
func (v *verifier) Close() error { return v.close.Close() }
