package synthetic

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

// lists are the people who decline: by the national data opt-out, or any use.
type lists struct {
	shares []float64
	files  []*os.File
	out    []*bufio.Writer
}

func (g *generator) openLists(dir string) (*lists, error) {
	dir = filepath.Join(dir, "lists")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("synthetic: make the lists: %w", err)
	}
	l := &lists{shares: []float64{optOutShare, objectionShare}}
	for _, name := range []string{"optouts.dat", "objections.dat"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			l.close()
			return nil, fmt.Errorf("synthetic: make the lists: %w", err)
		}
		l.files = append(l.files, f)
		l.out = append(l.out, bufio.NewWriterSize(f, 1<<16))
	}
	return l, nil
}

// add writes a person's number to the lists the person is on.
func (l *lists) add(g *generator, p *person) {
	for i, share := range l.shares {
		if g.declines(p, share) {
			fmt.Fprintf(l.out[i], "%s,\n", p.nhs)
		}
	}
}

func (l *lists) buffers() []*bufio.Writer { return append([]*bufio.Writer(nil), l.out...) }

func (l *lists) close() {
	for _, f := range l.files {
		f.Close()
	}
}
