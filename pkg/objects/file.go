package objects

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/ark-tre/ark/pkg/ark"
)

// maxPlainFile bounds what OpenAt holds in memory of a plain object.
const maxPlainFile = 256 << 20

// cachedChunks bounds what a File remembers: small reads close to each other,
// as Parquet's, then cost one decryption.
const cachedChunks = 32

// File is an open object with random access. ReadAt is safe for concurrent
// use; Read and Seek share one position and are not. It holds nothing outside
// the process, and ends with the context it was opened under.
type File struct {
	ref Ref
	*io.SectionReader
}

// Ref returns what the file was opened by.
func (f *File) Ref() Ref { return f.ref }

// Close releases the file's memory. Reading afterwards is an error.
func (f *File) Close() error {
	f.SectionReader = io.NewSectionReader(closedFile{}, 0, 0)
	return nil
}

type closedFile struct{}

func (closedFile) ReadAt([]byte, int64) (int, error) { return 0, errors.New("objects: file is closed") }

// OpenAt opens an object for random access. Each chunk is authenticated before
// its bytes are returned. A Ref with Seal pins the data key and with it every
// chunk; without Seal the whole object is read and hashed once first, as anyone
// with the right to seal could have forged another under the same name. An
// object of a plain zone is read into memory, verified, up to 256 MiB.
func (s *Store) OpenAt(ctx context.Context, ref Ref) (*File, error) {
	err := s.pinned(ref)
	if err != nil {
		return nil, err
	}
	if s.rules[ref.Zone].Plain {
		return s.openPlain(ctx, ref)
	}
	o, err := s.sealedObject(ctx, ref)
	if err != nil {
		return nil, err
	}
	if ref.Seal == "" {
		err = o.verifyAll(ctx)
		if err != nil {
			return nil, err
		}
	}
	at := &chunkReader{ctx: ctx, o: o, cache: make(map[int64][]byte)}
	return &File{ref: ref, SectionReader: io.NewSectionReader(at, 0, ref.Size)}, nil
}

func (s *Store) openPlain(ctx context.Context, ref Ref) (*File, error) {
	if ref.Size > maxPlainFile {
		return nil, ark.Faultf(ark.TooMuch, "the object %q is too large for random access", ref.Name).Do("read it from front to back")
	}
	data, err := s.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	return &File{ref: ref, SectionReader: io.NewSectionReader(bytes.NewReader(data), 0, ref.Size)}, nil
}

func (o *object) verifyAll(ctx context.Context) error {
	r, err := o.stream(ctx)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}

// Get returns the whole plaintext of a small object, verified.
func (s *Store) Get(ctx context.Context, ref Ref) ([]byte, error) {
	r, err := s.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var b bytes.Buffer
	b.Grow(int(min(ref.Size, 64<<20)) + bytes.MinRead)
	_, err = b.ReadFrom(r)
	if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// chunkReader reads plaintext at any offset.
type chunkReader struct {
	ctx context.Context
	o   *object

	mu    sync.Mutex
	cache map[int64][]byte // by chunk; never changed once in
	order []int64          // of the cache, oldest first
}

func (c *chunkReader) ReadAt(p []byte, off int64) (int, error) {
	size, chunk := c.o.ref.Size, int64(c.o.chunk)
	if off < 0 {
		return 0, errors.New("objects: negative offset")
	}
	if off >= size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), size-off)]
	n := 0
	for n < len(want) {
		first := (off + int64(n)) / chunk
		last := (off + int64(len(want)) - 1) / chunk
		run, err := c.chunks(first, min(last, first+cachedChunks/2-1))
		if err != nil {
			return n, err
		}
		for _, plain := range run {
			skip := off + int64(n) - first*chunk
			n += copy(want[n:], plain[skip:])
			first++
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// chunks returns the chunks first to last, from the cache if all are there,
// otherwise with one request.
func (c *chunkReader) chunks(first, last int64) ([][]byte, error) {
	run := c.cached(first, last)
	if run != nil {
		return run, nil
	}
	full := int64(c.o.chunk) + tagSize
	body := c.o.ref.Size + c.o.chunks*tagSize
	length := min((last+1)*full, body) - first*full
	sealed, err := c.o.store.span(c.ctx, c.o.ref.Zone, c.o.ref.Name, int64(c.o.head)+first*full, length)
	if err != nil {
		return nil, err
	}
	for i := first; i <= last; i++ {
		part := sealed[:min(full, int64(len(sealed)))]
		sealed = sealed[len(part):]
		plain, err := c.o.openChunk(nil, part, i)
		if err != nil {
			return nil, err
		}
		run = append(run, plain)
	}
	c.remember(first, run)
	return run, nil
}

func (c *chunkReader) cached(first, last int64) [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var run [][]byte
	for i := first; i <= last; i++ {
		plain, ok := c.cache[i]
		if !ok {
			return nil
		}
		run = append(run, plain)
	}
	return run
}

func (c *chunkReader) remember(first int64, run [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, plain := range run {
		n := first + int64(i)
		if _, ok := c.cache[n]; ok {
			continue
		}
		c.cache[n] = plain
		c.order = append(c.order, n)
	}
	for len(c.order) > cachedChunks {
		delete(c.cache, c.order[0])
		c.order = c.order[1:]
	}
}
