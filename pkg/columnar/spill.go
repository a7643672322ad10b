package columnar

import (
	"bufio"
	"bytes"
	"container/heap"
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
	held [][]byte
	key  []byte
	at   int // the order in which the source was made, for a stable heap
}

func (r *run) open() (*source, error) {
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("columnar: read a spill: %w", err)
	}
	plain := cipher.StreamReader{S: cipher.NewCTR(r.block, r.nonce[:]), R: r.file}
	return &source{in: bufio.NewReaderSize(s2.NewReader(plain, s2.ReaderMaxBlockSize(256<<10)), 16<<10)}, nil
}

// advance moves to the next key; false at the end.
func (s *source) advance() (bool, error) {
	if s.in == nil {
		if len(s.held) == 0 {
			return false, nil
		}
		s.key, s.held = s.held[0], s.held[1:]
		return true, nil
	}
	n, err := binary.ReadUvarint(s.in)
	if err == io.EOF {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("columnar: read a spill: %w", err)
	}
	if uint64(cap(s.key)) < n {
		s.key = make([]byte, n)
	}
	s.key = s.key[:n]
	if _, err := io.ReadFull(s.in, s.key); err != nil {
		return false, fmt.Errorf("columnar: read a spill: %w", err)
	}
	return true, nil
}

// merge yields the keys of all sources in order.
type merge struct {
	heap []*source
	err  error
}

func newMerge(runs []*run, held [][]byte) (*merge, error) {
	m := &merge{}
	sources := make([]*source, 0, len(runs)+1)
	for _, r := range runs {
		s, err := r.open()
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	sources = append(sources, &source{held: held})
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
	heap.Init(m)
	return m, nil
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
			if ok {
				heap.Fix(m, 0)
			} else {
				heap.Pop(m)
			}
		}
	}
}

func (m *merge) Len() int { return len(m.heap) }
func (m *merge) Less(i, j int) bool {
	if c := bytes.Compare(m.heap[i].key, m.heap[j].key); c != 0 {
		return c < 0
	}
	return m.heap[i].at < m.heap[j].at
}
func (m *merge) Swap(i, j int) { m.heap[i], m.heap[j] = m.heap[j], m.heap[i] }
func (m *merge) Push(x any)    { m.heap = append(m.heap, x.(*source)) }
func (m *merge) Pop() any {
	last := m.heap[len(m.heap)-1]
	m.heap = m.heap[:len(m.heap)-1]
	return last
}
