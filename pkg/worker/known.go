package worker

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/inspect/known"
	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/selection"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

// leastName is the shortest name of a person that is looked for: shorter ones
// would be found by chance.
const leastName = 8

// keepKnown is how long a set of known values is kept for the next request of
// the same extract, and keepSets how many are.
const (
	keepKnown = time.Hour
	keepSets  = 4
)

// KnownSets keeps the sets of known values of the extracts that were looked at
// last, as files that have no name: a set of ten million is made in half a
// minute and handed on in no time. It is safe for concurrent use; nil keeps
// none.
type KnownSets struct {
	mu   sync.Mutex
	sets []knownSet // the one used last comes last
}

type knownSet struct {
	of   string
	made time.Time
	file *os.File // nil: there is nothing to know
}

// take gives a descriptor of its own of a kept set.
func (k *KnownSets) take(of string, now time.Time) (f *os.File, kept bool) {
	if k == nil {
		return nil, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sets = slices.DeleteFunc(k.sets, func(s knownSet) bool {
		old := now.Sub(s.made) > keepKnown
		if old && s.file != nil {
			_ = s.file.Close() // a nameless file: nothing to lose
		}
		return old
	})
	at := slices.IndexFunc(k.sets, func(s knownSet) bool { return s.of == of })
	if at < 0 {
		return nil, false
	}
	s := k.sets[at]
	k.sets = append(slices.Delete(k.sets, at, at+1), s)
	if s.file == nil {
		return nil, true
	}
	f, err := twin(s.file)
	return f, err == nil
}

// keep keeps a set; the caller goes on owning f.
func (k *KnownSets) keep(of string, f *os.File, now time.Time) {
	if k == nil {
		return
	}
	s := knownSet{of: of, made: now}
	if f != nil {
		var err error
		if s.file, err = twin(f); err != nil {
			return // it is made again next time
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sets = append(k.sets, s)
	if len(k.sets) > keepSets {
		if old := k.sets[0].file; old != nil {
			_ = old.Close() // a nameless file: nothing to lose
		}
		k.sets = k.sets[1:]
	}
}

// twin is another descriptor of an open file.
func twin(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("known values: %w", err)
	}
	return os.NewFile(uintptr(fd), "known"), nil
}

// pseudonyms makes a set of all pseudonyms of an extract, for ark-inspect to
// look for; nil: there are none, or the extract is there no more. Whether it
// may be read is asked of the store every time, a kept set or not. records is
// how many the longest table holds; 0: not known.
func (b Bench) pseudonyms(ctx context.Context, d airlock.Data) (set inspect.Known, records int, err error) {
	var there []airlock.DataTable
	of := ""
	for _, t := range d.Tables {
		r, c, err := selection.Objects(b.Objects)(ctx, t.Ref)
		switch ark.KindOf(err) {
		case ark.Unknown, ark.Lapsed: // of a closed project: their form is looked for all the same
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		if err := c.Close(); err != nil {
			return nil, 0, err
		}
		records = max(records, int(r.NumRows()))
		there = append(there, t)
		of += t.Ref.SHA256 + " "
	}
	if f, kept := b.Known.take(of, time.Now()); kept {
		return f, records, nil
	}
	var sums []uint64
	for _, t := range there {
		more, err := b.pseudonymsOf(ctx, t)
		if err != nil {
			return nil, 0, err
		}
		sums = append(sums, more...)
	}
	if len(sums) == 0 {
		b.Known.keep(of, nil, time.Now())
		return nil, records, nil
	}
	set, _, err = known.MakeSums(b.Tmp, sums)
	if err == nil {
		b.Known.keep(of, set, time.Now())
	}
	return set, records, err
}

func (b Bench) pseudonymsOf(ctx context.Context, t airlock.DataTable) ([]uint64, error) {
	r, c, err := selection.Objects(b.Objects)(ctx, t.Ref)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var names []string
	for _, c := range r.Schema() {
		if c.Type == cell.String {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	var sums []uint64
	for row, err := range r.Rows(ctx, names...) {
		if err != nil {
			return nil, err
		}
		for i, v := range row {
			if v.IsNull() {
				continue
			}
			if s := v.Str(); pseudonym.IsPseudonym(s) || names[i] == person && len(s) >= leastName {
				sums = append(sums, known.Sum([]byte(look.Fold(s))))
			}
		}
	}
	slices.Sort(sums)
	return slices.Compact(sums), nil
}
