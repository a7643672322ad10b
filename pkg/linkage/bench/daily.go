package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/ark-tre/ark/pkg/linkage"
)

// daily builds the person index of a generated population without one record
// in a hundred, and extends it by these: what a day's delivery costs beside a
// full run.
func (r *runner) daily(ctx context.Context, people int) error {
	isNew := func(person, source int) bool { return (person*7+source*13)%100 == 7 }
	base, day := filepath.Join(r.Dir, "sets", "index_base.parquet"), filepath.Join(r.Dir, "sets", "index_day.parquet")
	for path, keep := range map[string]func(int, int) bool{base: func(p, s int) bool { return !isNew(p, s) }, day: isNew} {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		if _, err := generate(f, "record_key", people, 1, keep); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	whole, closeWhole, err := openFile("base", base)
	if err != nil {
		return err
	}
	defer closeWhole()
	small, closeSmall, err := openFile("day", day)
	if err != nil {
		return err
	}
	defer closeSmall()
	key := bytes.Repeat([]byte{1}, 32)
	statePath := filepath.Join(r.Dir, "out", "state")
	if err := os.MkdirAll(filepath.Dir(statePath), 0o755); err != nil {
		return err
	}
	state, err := os.Create(statePath)
	if err != nil {
		return err
	}
	defer state.Close()
	began := spent()
	full, err := linkage.BuildIndex(ctx, linkage.IndexInput{Identifiers: []linkage.File{whole}, Key: key, Options: linkage.Options{Threads: 2}},
		linkage.IndexOutput{PersonIndex: io.Discard, Links: io.Discard, Persons: io.Discard, Report: io.Discard, State: state})
	if err != nil {
		return err
	}
	fullCPU := spent() - began
	st, err := state.Stat()
	if err != nil {
		return err
	}
	runtime.GC()
	began = spent()
	add, err := linkage.Extend(ctx, linkage.ExtendInput{Identifiers: []linkage.File{small}, Key: key, Options: linkage.Options{Threads: 2},
		State: []linkage.File{{Name: "state", At: state, Size: st.Size()}}},
		linkage.ExtendOutput{PersonIndex: io.Discard, Links: io.Discard, State: io.Discard, Report: io.Discard})
	if err != nil {
		return err
	}
	dayCPU := spent() - began
	r.printf("\nperson index of %d records: %.2f CPU s, %d persons; a delivery of %d records (%.2f %%): %.2f CPU s, %.1f %% of the full run; state %d MB\n",
		full.Records, fullCPU, full.Persons, add.Records, 100*float64(add.Records)/float64(full.Records), dayCPU, 100*dayCPU/fullCPU, st.Size()>>20)
	return nil
}

func openFile(name, path string) (linkage.File, func() error, error) {
	f, err := os.Open(path)
	if err != nil {
		return linkage.File{}, nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return linkage.File{}, nil, fmt.Errorf("bench: %w", err)
	}
	return linkage.File{Name: name, At: f, Size: st.Size()}, f.Close, nil
}

// spent is the CPU seconds of this process so far.
func spent() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}
