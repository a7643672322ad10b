package objects

import (
	"crypto/sha256"
	"hash"
	"io"
)

// digest counts and hashes the plaintext that passes through it.
type digest struct {
	r    io.Reader
	hash hash.Hash
	size int64
}

func newDigest(r io.Reader) *digest { return &digest{r: r, hash: sha256.New()} }

func (d *digest) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	d.hash.Write(p[:n])
	d.size += int64(n)
	return n, err
}

// sealer is the sealed object as a reader over its plaintext. It holds two
// chunks, whatever the size: the one being given out and the one after it,
// needed to know which is the last.
type sealer struct {
	src   *digest
	box   *box
	out   []byte // sealed, not yet given out
	buf   []byte // what out points into, after the header
	next  []byte // plain, not yet sealed
	spare []byte
	index int64
	done  bool

	finger func(sum []byte, size int64) ([]byte, error)
}

func newSealer(src *digest, b *box, head []byte, finger func(sum []byte, size int64) ([]byte, error)) *sealer {
	return &sealer{src: src, box: b, out: head, spare: make([]byte, chunkSize), finger: finger}
}

func (s *sealer) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		if s.done {
			return 0, io.EOF
		}
		err := s.fill()
		if err != nil {
			return 0, err
		}
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

// fill seals the next chunk, and the tail after the last one.
func (s *sealer) fill() error {
	if s.next == nil { // the first chunk of all
		var err error
		s.next, err = s.load(make([]byte, chunkSize))
		if err != nil {
			return err
		}
	}
	after, err := s.load(s.spare)
	if err != nil {
		return err
	}
	if len(after) > 0 {
		s.buf = s.box.seal(s.buf[:0], s.next, s.index, flagChunk)
		s.out = s.buf
		s.spare, s.next = s.next[:cap(s.next)], after
		s.index++
		return nil
	}
	s.buf = s.box.seal(s.buf[:0], s.next, s.index, flagLast)
	sum := s.src.hash.Sum(nil)
	s.buf = s.box.seal(s.buf, trailer(sum, s.src.size), s.index+1, flagTrailer)
	f, err := s.finger(sum, s.src.size)
	if err != nil {
		return err
	}
	s.out = append(s.buf, f...)
	s.done = true
	return nil
}

// load reads a full chunk, or what is left.
func (s *sealer) load(buf []byte) ([]byte, error) {
	n, err := io.ReadFull(s.src, buf)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return buf[:n], err
}
