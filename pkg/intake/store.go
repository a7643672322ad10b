package intake

import (
	"slices"

	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// Judging rows and storing them — naming them by keyed hash and adding them to
// the sorts — are two halves of one work that run side by side, a batch of rows
// apart. Rows keep their order, and every file is stored before the next begins.

// judged is a batch of rows that passed.
type judged struct {
	rows   []judgedRow
	text   []byte       // the raw texts of their keys
	values []cell.Value // by field, row after row
	names  []cell.Value // identity rows, where the table has any use of them
}

// judgedRow is one of them.
type judgedRow struct {
	number   int64
	deleted  bool
	key, who int // where its keys end in the text
	flags    cell.Value
}

func (b *judged) reset() *judged {
	b.rows, b.text, b.values, b.names = b.rows[:0], b.text[:0], b.values[:0], b.names[:0]
	return b
}

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
	row.key = len(b.text)
	if r.person >= 0 {
		b.text = append(b.text, r.joined(raw, r.who)...)
	}
	row.who = len(b.text)
	b.values = append(b.values, r.values[:len(r.fields)]...)
	if r.identity || len(r.table.Coarse) > 0 {
		row.flags = r.flags.value()
		b.names = append(b.names, r.names...)
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
	from, width := 0, len(identitySchema())+1
	for i, row := range b.rows {
		person := cell.Null
		if r.person >= 0 { // the same key from every table of the source
			code := r.p.hasher.PersonRecordKey(r.p.job.Source, b.text[row.key:row.who])
			person = cell.Str(string(code[:]))
		}
		if err := r.keep(b.values[i*len(r.fields):(i+1)*len(r.fields)], b.text[from:row.key], row.number, person, row.deleted); err != nil {
			return err
		}
		from = row.who
		if len(b.names) == 0 {
			continue
		}
		if err := r.part(b.names[i*width:(i+1)*width], b.values[i*len(r.fields):(i+1)*len(r.fields)], row, person); err != nil {
			return err
		}
	}
	return nil
}

// keep adds the row's payload.
func (r *tableRun) keep(values []cell.Value, key []byte, number int64, person cell.Value, deleted bool) error {
	row := r.sortRow
	clear(row)
	code := r.p.hasher.RecordKey(r.p.job.Source, r.table.Name, key)
	row[0] = cell.Str(string(code[:]))
	if r.person >= 0 {
		row[r.person] = person
	}
	if r.deleted >= 0 {
		row[r.deleted] = cell.Flag(deleted)
	}
	for i := range r.fields {
		f := &r.fields[i]
		if f.column < 0 || deleted {
			continue
		}
		v := values[i]
		if f.To == ToEntity && !v.IsNull() {
			code := r.p.hasher.RecordKey(r.p.job.Source, f.Entity, []byte(v.Str()))
			v = cell.Str(string(code[:]))
		}
		row[f.column] = v
	}
	row[len(row)-1] = cell.Int(number)
	return r.sort.Append(row)
}

// part adds the row's identity and its coarse demographics.
func (r *tableRun) part(names, values []cell.Value, row judgedRow, person cell.Value) error {
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
	for _, c := range r.table.Coarse {
		v := values[r.table.by[c.From]]
		if c.Take == "year" && !v.IsNull() {
			v = yearOf(v)
		}
		r.coarse[1+slices.Index(coarseColumns, c.Column)] = v
	}
	r.coarse[len(r.coarse)-2] = event
	r.coarse[len(r.coarse)-1] = cell.Int(row.number)
	return r.p.who.coarse.Append(r.coarse)
}
