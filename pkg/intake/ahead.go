package intake

import "io"

// ahead reads from another reader in a goroutine of its own, some blocks before
// they are asked for: fetching, opening and hashing a file run beside parsing.
type ahead struct {
	full, empty chan block
	quit, done  chan struct{}
	held        block
	used        int
}

type block struct {
	bytes []byte
	err   error
}

const (
	aheadBlock  = 256 << 10
	aheadBlocks = 4
)

func newAhead(r io.Reader) *ahead {
	a := &ahead{full: make(chan block, aheadBlocks), empty: make(chan block, aheadBlocks), quit: make(chan struct{}), done: make(chan struct{})}
	for range aheadBlocks {
		a.empty <- block{}
	}
	go a.fetch(r)
	return a
}

func (a *ahead) fetch(r io.Reader) {
	defer close(a.done)
	for {
		var b block
		select {
		case b = <-a.empty:
		case <-a.quit:
			return
		}
		if b.bytes == nil {
			b.bytes = make([]byte, aheadBlock)
		}
		n, err := io.ReadFull(r, b.bytes[:aheadBlock])
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		b.bytes, b.err = b.bytes[:n], err
		select {
		case a.full <- b:
		case <-a.quit:
			return
		}
		if err != nil {
			return
		}
	}
}

// Read implements io.Reader. The error of the reader behind comes after the
// bytes before it, and stays.
func (a *ahead) Read(p []byte) (int, error) {
	for a.used == len(a.held.bytes) {
		if a.held.err != nil {
			return 0, a.held.err
		}
		if a.held.bytes != nil {
			a.empty <- block{bytes: a.held.bytes[:0]}
		}
		a.held, a.used = <-a.full, 0
	}
	n := copy(p, a.held.bytes[a.used:])
	a.used += n
	return n, nil
}

// stop ends the fetching, and waits for it.
func (a *ahead) stop() {
	close(a.quit)
	<-a.done
}
