package worker

import (
	"context"
	"errors"
	"io"
	"sort"

	"github.com/ark-tre/ark/pkg/objects"
)

// inParts reads objects one behind the other.
type inParts struct {
	ctx  context.Context
	b    Bench
	left []objects.Ref
	now  io.ReadCloser
}

// Read implements io.Reader: each part is verified as it ends.
func (p *inParts) Read(to []byte) (int, error) {
	for {
		if p.now == nil {
			if len(p.left) == 0 {
				return 0, io.EOF
			}
			r, err := p.b.Objects.OpenBulk(p.ctx, p.left[0])
			if err != nil {
				return 0, err
			}
			p.now, p.left = r, p.left[1:]
		}
		n, err := p.now.Read(to)
		if err != io.EOF {
			return n, err
		}
		if err := p.Close(); err != nil {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// Close closes the part being read.
func (p *inParts) Close() error {
	if p.now == nil {
		return nil
	}
	err := p.now.Close()
	p.now = nil
	return err
}

// partsAt reads objects laid end to end at any place.
type partsAt struct {
	parts []*objects.File
	ends  []int64
}

func (p *partsAt) size() int64 {
	if len(p.ends) == 0 {
		return 0
	}
	return p.ends[len(p.ends)-1]
}

// ReadAt implements io.ReaderAt.
func (p *partsAt) ReadAt(to []byte, off int64) (n int, err error) {
	for n < len(to) {
		i := sort.Search(len(p.ends), func(i int) bool { return p.ends[i] > off })
		if i == len(p.ends) {
			return n, io.EOF
		}
		start := int64(0)
		if i > 0 {
			start = p.ends[i-1]
		}
		m, err := p.parts[i].ReadAt(to[n:min(int64(len(to)), int64(n)+p.ends[i]-off)], off-start)
		n, off = n+m, off+int64(m)
		if err != nil && err != io.EOF {
			return n, err
		}
		if m == 0 {
			return n, io.ErrUnexpectedEOF
		}
	}
	return n, nil
}

// Close closes every part.
func (p *partsAt) Close() error {
	var errs []error
	for _, f := range p.parts {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
