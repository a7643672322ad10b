package worker

import (
	"bytes"
	"context"
	"iter"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/ark-tre/ark/airlock/differencing"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
)

// behind are those behind the records of a frame.
func behind(f *disclose.Frame) map[string]bool {
	out, last := map[string]bool{}, ""
	for i := range f.Len() {
		if name := f.At(i, person).Text(); name != last || i == 0 {
			out[name], last = true, name
		}
	}
	return out
}

// learn finds the sidecar's numbers of the wanted people of some tables, whose
// bytes are held. It reads one column of the extract and stops when nobody is
// wanted any more; the sidecar is in the order of the tables' rows.
func (a *again) learn(ctx context.Context, want map[string]bool, held map[string][]byte) error {
	for name := range a.persons {
		delete(want, name)
	}
	if len(want) == 0 {
		return nil
	}
	side, err := a.b.Objects.Get(ctx, a.behind.Data.Sidecar)
	if err != nil {
		return err
	}
	r, err := columnar.Open(bytes.NewReader(side), int64(len(side)), columnar.Limits{})
	if err != nil {
		return err
	}
	x := learning{a: a, ctx: ctx, want: want, held: held}
	defer x.close()
	for rec, err := range r.Records(ctx, "table", "row", "person") {
		if err != nil {
			return err
		}
		if err := x.batch(rec); err != nil {
			return err
		}
		if len(want) == 0 {
			return nil
		}
	}
	if err := x.end(); err != nil {
		return err
	}
	return ark.Faultf(ark.Invalid, "people behind the output are not in the extract").Do("keep the column person as the extract has it, never missing or changed")
}

// learning walks the sidecar beside the people of one table after another.
type learning struct {
	a    *again
	ctx  context.Context
	want map[string]bool
	held map[string][]byte

	table string
	begun bool
	next  func() (arrow.Record, error, bool)
	stop  func()
	names *array.String // of a batch of the table, nil if the table is not asked for
	codes []int32       // of the batch's rows, into names; nil: names are the rows' own
	rows  int           // of the batch
	from  int64         // the row of the table that the batch begins with
	at    int           // into the batch: the next row that was not looked at
	last  string        // the person of the row before
	known int64         // and the number
}

func (x *learning) close() {
	if x.stop != nil {
		x.stop()
	}
	x.next, x.stop, x.names = nil, nil, nil
}

// misfit says that the sidecar and the extract are not of one cut.
func misfit() error { return ark.Faultf(ark.Internal, "the sidecar does not fit the extract") }

// end sees to it that the rest of a table is of the last person told of it.
func (x *learning) end() error {
	defer x.close()
	if x.next == nil {
		return nil
	}
	return x.same(math.MaxInt64)
}

// more reports whether the table has another row, at x.at of the batch.
func (x *learning) more() (bool, error) {
	for x.names == nil || x.at == x.rows {
		if x.names != nil {
			x.from += int64(x.rows)
		}
		rec, err, ok := x.next()
		if !ok || err != nil {
			return false, err
		}
		switch col := rec.Column(0).(type) {
		case *array.String:
			x.names, x.codes = col, nil
		case *array.Dictionary:
			names, text := col.Dictionary().(*array.String)
			codes, short := col.Indices().(*array.Int32)
			if !text || !short || col.NullN() > 0 {
				return false, misfit()
			}
			x.names, x.codes = names, codes.Int32Values()
		default:
			return false, misfit()
		}
		x.at, x.rows = 0, int(rec.NumRows())
	}
	return true, nil
}

// name is the person of a row of the batch.
func (x *learning) name(at int) string {
	if x.codes != nil {
		at = int(x.codes[at])
	}
	return x.names.Value(at)
}

// same walks to a row of the table, or to its end, all of one person.
func (x *learning) same(row int64) error {
	for {
		more, err := x.more()
		if err != nil {
			return err
		}
		if !more {
			if row != math.MaxInt64 {
				return misfit()
			}
			return nil
		}
		if row < x.from+int64(x.at) {
			return misfit()
		}
		stop := int(min(int64(x.rows), row-x.from))
		for x.at < stop {
			if x.name(x.at) != x.last {
				return misfit()
			}
			for x.at++; x.codes != nil && x.at < stop && x.codes[x.at] == x.codes[x.at-1]; x.at++ {
			}
		}
		if x.at < x.rows {
			return nil
		}
	}
}

func (x *learning) open(table string) error {
	if err := x.end(); err != nil {
		return err
	}
	x.table, x.begun, x.from, x.at, x.rows, x.last = table, true, 0, 0, 0, ""
	data, ok := x.held[table]
	if !ok {
		return nil
	}
	r, err := columnar.Open(bytes.NewReader(data), int64(len(data)), columnar.Limits{})
	if err != nil {
		return err
	}
	x.next, x.stop = iter.Pull2(columnar.Ahead(r.Coded(x.ctx, person)))
	return nil
}

func (x *learning) batch(rec arrow.Record) error {
	tables, err := columnar.Strings(rec, "table")
	if err != nil {
		return err
	}
	rows, err := columnar.Ints(rec, "row")
	if err != nil {
		return err
	}
	numbers, err := columnar.Ints(rec, person)
	if err != nil {
		return err
	}
	for i := range tables.Len() {
		if t := tables.Value(i); !x.begun || t != x.table {
			if err := x.open(t); err != nil {
				return err
			}
		}
		if x.next == nil {
			continue
		}
		if err := x.run(rows.Value(i), numbers.Value(i)); err != nil {
			return err
		}
	}
	return nil
}

// run takes in who stands behind the rows from this one on.
func (x *learning) run(row, number int64) error {
	if err := x.same(row); err != nil {
		return err
	}
	name := x.name(x.at)
	if name == x.last && row > 0 {
		if number != x.known { // a sidecar of an older Ark has a line for every row
			return misfit()
		}
		return nil
	}
	x.last, x.known = strings.Clone(name), number
	if x.want[name] {
		x.a.persons[x.last] = uint64(number)
		delete(x.want, x.last)
	}
	return nil
}

// aliases is who goes by several numbers, as far as the extract knows it. It is
// read once.
func (a *again) aliases(ctx context.Context) (differencing.Same, error) {
	if a.behind.Data.Aliases.Name == "" || a.same != nil {
		return a.same, nil
	}
	data, err := a.b.Objects.Get(ctx, a.behind.Data.Aliases)
	if err != nil {
		return nil, err
	}
	r, err := columnar.Open(bytes.NewReader(data), int64(len(data)), columnar.Limits{})
	if err != nil {
		return nil, err
	}
	var groups [][]uint64
	for rec, err := range r.Records(ctx, "number", "person") {
		if err != nil {
			return nil, err
		}
		numbers, err := columnar.Ints(rec, "number")
		if err != nil {
			return nil, err
		}
		persons, err := columnar.Ints(rec, "person")
		if err != nil {
			return nil, err
		}
		for i := range numbers.Len() {
			groups = append(groups, []uint64{uint64(numbers.Value(i)), uint64(persons.Value(i))})
		}
	}
	a.same = differencing.SameOf(groups)
	return a.same, nil
}
