package columnar

import (
	"bufio"
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/klauspost/compress/s2"
)

// sealer makes the streams under which spilled rows are written: AES-256-CTR
// under a key that lives in this process only, a new nonce per run. A spill is
// read back only by the sorter that wrote it, through a file that has no name.
type sealer struct {
	block cipher.Block
	runs  uint64
}

func newSealer() (*sealer, error) {
	var key [32]byte
	rand.Read(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("columnar: spill cipher: %w", err)
	}
	return &sealer{block: block}, nil
}

func (s *sealer) next() (nonce [aes.BlockSize]byte) {
	s.runs++
	binary.BigEndian.PutUint64(nonce[:8], s.runs)
	return nonce
}

// run is one sorted, spilled sequence of row keys.
type run struct {
	file  *os.File
	block cipher.Block
	nonce [aes.BlockSize]byte
	level int // how often its rows were merged
}

func writeRun(dir string, s *sealer, keys iter.Seq[[]byte]) (*run, error) {
	f, err := os.CreateTemp(dir, "sort-*")
	if err != nil {
		return nil, fmt.Errorf("columnar: spill: %w", err)
	}
	r := &run{file: f, block: s.block, nonce: s.next()}
	if err = os.Remove(f.Name()); err == nil { // nothing is left behind, even by kill -9
		err = r.write(keys)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("columnar: spill: %w", err)
	}
	return r, nil
}

func (r *run) write(keys iter.Seq[[]byte]) error {
	sealed := cipher.StreamWriter{S: cipher.NewCTR(r.block, r.nonce[:]), W: r.file}
	pack := s2.NewWriter(sealed, s2.WriterConcurrency(1), s2.WriterBlockSize(256<<10))
	var n [binary.MaxVarintLen64]byte
	for key := range keys {
		if _, err := pack.Write(n[:binary.PutUvarint(n[:], uint64(len(key)))]); err != nil {
			return err
		}
		if _, err := pack.Write(key); err != nil {
			return err
		}
	}
	return pack.Close()
}

func (r *run) close() {
	if r != nil {
		r.file.Close()
	}
}

// source yields the keys of one run, or of the rows still in memory.
type source struct {
	in   *bufio.Reader
	used int // bytes of the buffer that the present key takes
	long []byte
	pile *pile
	held []entry
	next int    // of held
	head uint64 // of key
	key  []byte
	at   int // the order in which the source was made, for a stable merge
}

// readAhead is the buffer of a run being read: keys shorter than that are used
// where they lie.
const readAhead = 64 << 10

func (r *run) open() (*source, error) {
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("columnar: read a spill: %w", err)
	}
	plain := cipher.StreamReader{S: cipher.NewCTR(r.block, r.nonce[:]), R: r.file}
	return &source{in: bufio.NewReaderSize(s2.NewReader(plain, s2.ReaderMaxBlockSize(256<<10)), readAhead)}, nil
}

// advance moves to the next key; false at the end. The key is valid until the
// source moves on.
func (s *source) advance() (bool, error) {
	if s.in == nil {
		if s.next == len(s.held) {
			return false, nil
		}
		s.pile.warm(s.held, s.next)
		s.head, s.key = s.held[s.next].head, s.pile.key(s.held[s.next])
		s.next++
		return true, nil
	}
	s.in.Discard(s.used)
	s.used = 0
	n, err := binary.ReadUvarint(s.in)
	if err == io.EOF {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("columnar: read a spill: %w", err)
	}
	var key []byte
	if n <= readAhead {
		if key, err = s.in.Peek(int(n)); err == nil {
			s.used = int(n)
		}
	} else {
		if uint64(cap(s.long)) < n {
			s.long = make([]byte, n)
		}
		key = s.long[:n]
		_, err = io.ReadFull(s.in, key)
	}
	if err != nil {
		return false, fmt.Errorf("columnar: read a spill: %w", err)
	}
	s.head, s.key = headOf(key), key
	return true, nil
}

// merge yields the keys of all sources in order, by a heap whose top is the
// source with the least key.
type merge struct {
	heap []*source
	err  error
}

func newMerge(runs []*run, p *pile, held []entry) (*merge, error) {
	m := &merge{}
	sources := make([]*source, 0, len(runs)+1)
	for _, r := range runs {
		s, err := r.open()
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	sources = append(sources, &source{pile: p, held: held})
	for i, s := range sources {
		s.at = i
		ok, err := s.advance()
		if err != nil {
			return nil, err
		}
		if ok {
			m.heap = append(m.heap, s)
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	return m, nil
}

func (m *merge) before(a, b *source) bool {
	if a.head != b.head {
		return a.head < b.head
	}
	if c := bytes.Compare(a.key, b.key); c != 0 {
		return c < 0
	}
	return a.at < b.at
}

func (m *merge) sink(i int) {
	h := m.heap
	for {
		least := 2*i + 1
		if least >= len(h) {
			return
		}
		if right := least + 1; right < len(h) && m.before(h[right], h[least]) {
			least = right
		}
		if !m.before(h[least], h[i]) {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

// keys yields until the end or the first error, which is left in m.err. A key
// is valid until the next one is yielded.
func (m *merge) keys() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(m.heap) > 0 {
			top := m.heap[0]
			if !yield(top.key) {
				return
			}
			ok, err := top.advance()
			if err != nil {
				m.err = err
				return
			}
			if !ok {
				last := len(m.heap) - 1
				m.heap[0] = m.heap[last]
				m.heap = m.heap[:last]
			}
			m.sink(0)
		}
	}
}

// keyBatch is a run of merged keys, copied end to end.
type keyBatch struct {
	keys []byte
	ends []int
	err  error
}

// batches merges in a goroutine of its own; stop ends it early, and waits.
func (m *merge) batches(ctx context.Context) (<-chan keyBatch, func()) {
	out, quit, done := make(chan keyBatch, 4), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer close(out)
		b := keyBatch{keys: make([]byte, 0, 160<<10), ends: make([]int, 0, 1024)}
		send := func() bool {
			select {
			case out <- b:
			case <-quit:
				return false
			}
			b = keyBatch{keys: make([]byte, 0, 160<<10), ends: make([]int, 0, 1024)}
			return true
		}
		for key := range m.keys() {
			b.keys = append(b.keys, key...)
			b.ends = append(b.ends, len(b.keys))
			if len(b.keys) < 128<<10 && len(b.ends) < 1024 {
				continue
			}
			if b.err = ctx.Err(); !send() || ctx.Err() != nil {
				return
			}
		}
		b.err = m.err
		send()
	}()
	return out, func() { close(quit); <-done }
}
