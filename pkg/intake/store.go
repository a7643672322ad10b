package intake

import (
	"slices"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// Judging rows and storing them — naming them by keyed hash and adding them to
// the sorts — are two halves of one work that run side by side, a batch of rows
// apart. Rows keep their order, and every file is stored before the next begins.

// judged is a batch of rows that passed.
type judged struct {
	rows  []judgedRow
	text  []byte       // of each row the raw texts of its keys and entities, then its payload as cells of a sort key
	ends  []int        // where each of these ends
	names []cell.Value // identity rows, where the table has any use of them
	facts []cell.Value // what coarse columns are derived of, where it has any
}

// judgedRow is one of them.
type judgedRow struct {
	number  int64
	deleted bool
	flags   cell.Value
}

func (b *judged) reset() *judged {
	b.rows, b.text, b.ends, b.names, b.facts = b.rows[:0], b.text[:0], b.ends[:0], b.names[:0], b.facts[:0]
	return b
}

// end ends one of a row's texts.
func (b *judged) end() { b.ends = append(b.ends, len(b.text)) }

// hand adds the row that was judged last to the batch, and hands a full one on.
func (r *tableRun) hand(raw [][]byte, number int64, deleted bool) error {
	if r.batch == nil {
		select {
		case b := <-r.spare:
			r.batch = b.reset()
		default:
			r.batch = &judged{}
		}
	}
	b := r.batch
	row := judgedRow{number: number, deleted: deleted}
	b.text = append(b.text, r.joined(raw, r.key)...)
	b.end()
	if r.person >= 0 {
		b.text = append(b.text, r.joined(raw, r.who)...)
	}
	b.end()
	for _, i := range r.entities {
		b.text = append(b.text, r.values[i].Text()...)
		b.end()
	}
	for i := range r.fields {
		if f := &r.fields[i]; f.To == ToPayload && !deleted {
			b.text = columnar.AppendCell(b.text, r.schema[f.column].Type, r.values[i])
		} else if f.To == ToPayload {
			b.text = columnar.AppendCell(b.text, r.schema[f.column].Type, cell.Null)
		}
	}
	b.end()
	if r.identity {
		b.names = append(b.names, r.names...)
	}
	if r.identity || len(r.table.Coarse) > 0 {
		row.flags = r.flags.value()
	}
	for _, c := range r.table.Coarse {
		b.facts = append(b.facts, r.values[r.table.by[c.From]])
	}
	if b.rows = append(b.rows, row); len(b.rows) < batchRows {
		return nil
	}
	return r.handOn()
}

// handOn gives the batch to the goroutine that stores, starting it if need be.
func (r *tableRun) handOn() error {
	if r.out == nil {
		r.out, r.stored = make(chan *judged, batchAhead), make(chan error, 1)
		go func(in <-chan *judged, done chan<- error) {
			var err error
			for b := range in {
				if err == nil {
					err = r.storeBatch(b)
				}
				select {
				case r.spare <- b:
				default:
				}
			}
			done <- err
		}(r.out, r.stored)
	}
	r.out <- r.batch
	r.batch = nil
	return nil
}

// settle waits until every row handed on is stored. A failure of a sort comes
// out here.
func (r *tableRun) settle() error {
	if r.batch != nil && len(r.batch.rows) > 0 {
		if err := r.handOn(); err != nil {
			return err
		}
	}
	if r.out == nil {
		return nil
	}
	close(r.out)
	err := <-r.stored
	r.out, r.stored = nil, nil
	return err
}

func (r *tableRun) storeBatch(b *judged) error {
	width, facts := len(r.names), len(r.table.Coarse)
	var hashes []uint64
	if r.person >= 0 {
		hashes = r.persons.warm(func(yield func([]byte) bool) {
			for i, stride := 0, 3+len(r.entities); i < len(b.ends) && yield(b.text[b.ends[i]:b.ends[i+1]]); {
				i += stride
			}
		})
	}
	ends, from := b.ends, 0
	cut := func() []byte {
		text := b.text[from:ends[0]]
		from, ends = ends[0], ends[1:]
		return text
	}
	for i, row := range b.rows {
		key, who := cut(), cut()
		var person []byte
		if r.person >= 0 { // the same key from every table of the source
			person = r.personKey(who, hashes[i])
		}
		if err := r.keep(key, person, cut, row); err != nil {
			return err
		}
		if !r.identity && facts == 0 {
			continue
		}
		names := r.nobody
		if r.identity {
			names = b.names[i*width : (i+1)*width]
		}
		if err := r.part(names, b.facts[i*facts:(i+1)*facts], row, cell.Str(string(person))); err != nil {
			return err
		}
	}
	return nil
}

// personKey is the record key of a person, valid until the next is asked for.
func (r *tableRun) personKey(who []byte, hash uint64) []byte {
	s, hit := r.persons.slot(who, hash)
	switch {
	case s == nil:
		r.code = r.p.hasher.PersonRecordKey(r.p.job.Source, who)
		return r.code[:]
	case !hit:
		s.code = r.p.hasher.PersonRecordKey(r.p.job.Source, who)
	}
	return s.code[:]
}

// keep adds the row's payload: the sort's key is the record's key, the row's
// number, and the other columns in the schema's order.
func (r *tableRun) keep(key, person []byte, cut func() []byte, row judgedRow) error {
	code := r.p.hasher.RecordKey(r.p.job.Source, r.table.Name, key)
	k := columnar.AppendText(r.sortKey[:0], code[:])
	k = columnar.AppendCell(k, cell.Int64, cell.Int(row.number))
	if r.person >= 0 {
		k = columnar.AppendText(k, person)
	}
	for _, i := range r.entities {
		if text := cut(); len(text) > 0 && !row.deleted {
			code := r.p.hasher.RecordKey(r.p.job.Source, r.fields[i].Entity, text)
			k = columnar.AppendText(k, code[:])
		} else {
			k = columnar.AppendCell(k, cell.String, cell.Null)
		}
	}
	k = append(k, cut()...)
	if r.deleted >= 0 {
		k = columnar.AppendCell(k, cell.Bool, cell.Flag(row.deleted))
	}
	r.sortKey = k
	return r.sort.AppendKey(k)
}

// part adds the row's identity and its coarse demographics.
func (r *tableRun) part(names, facts []cell.Value, row judgedRow, person cell.Value) error {
	if row.deleted && !r.isPerson() {
		return nil // the person is still there by other rows
	}
	event := names[eventColumn]
	if r.identity {
		names[0], names[1] = person, cell.Str(r.p.job.Source)
		if row.deleted {
			clear(names[2:])
			row.flags = cell.Str(flagDeleted)
		}
		names[len(names)-2] = row.flags
		names[len(names)-1] = cell.Int(row.number)
		if err := r.p.who.names.Append(names); err != nil {
			return err
		}
	}
	if len(r.table.Coarse) == 0 || row.deleted {
		return nil
	}
	clear(r.coarse)
	r.coarse[0] = person
	for i, c := range r.table.Coarse {
		v := facts[i]
		if c.Take == "year" && !v.IsNull() {
			v = yearOf(v)
		}
		r.coarse[1+slices.Index(coarseColumns, c.Column)] = v
	}
	r.coarse[len(r.coarse)-2] = event
	r.coarse[len(r.coarse)-1] = cell.Int(row.number)
	return r.p.who.coarse.Append(r.coarse)
}
