package worker

import (
	"bufio"
	"context"
	"errors"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/nhsnumber"
	"github.com/ark-tre/ark/pkg/objects"
)

// lists turns each list of NHS numbers into the persons who have them: those of
// the answer of the national check into the persons who are not on it. It also
// asks for the next check, where that is set up.
func (b Bench) lists(ctx context.Context, job catalogue.LinkJob, res catalogue.LinkResult) (catalogue.LinkResult, error) {
	wanted := map[string]map[string]bool{} // number → kinds of list
	for kind, ref := range job.Lists {
		if err := b.readList(ctx, kind, ref, wanted); err != nil {
			return res, err
		}
	}
	_, checked := job.Lists[catalogue.ListChecked]
	if len(job.Lists) == 0 && b.Check.Outbox == "" {
		return res, nil
	}
	records := map[string]map[string]bool{} // record key → kinds
	note := func(record, kind string) {
		if records[record] == nil {
			records[record] = map[string]bool{}
		}
		records[record][kind] = true
	}
	numbers := map[string]bool{} // every one held → whether it is missing from the answer
	for _, d := range job.Inputs {
		err := b.rows(ctx, d.Identifiers, []string{"record_key", "nhs_number"}, func(r []columnar.Value) {
			record, number := r[0].Str(), r[1].Str()
			on := wanted[number]
			for kind := range on {
				if kind != catalogue.ListChecked {
					note(record, kind)
				}
			}
			if !nhsnumber.Valid(number) { // nobody can be asked about it
				return
			}
			gone := checked && !on[catalogue.ListChecked]
			if gone {
				note(record, catalogue.ListOptOuts)
			}
			numbers[number] = gone
		})
		if err != nil {
			return res, err
		}
	}
	if checked {
		missing := 0
		for _, gone := range numbers {
			if gone {
				missing++
			}
		}
		if missing*2 > len(numbers) {
			return res, ark.Faultf(ark.Invalid, "the answer of the national check lacks more than half of the numbers held").At(catalogue.ListChecked, 0, "").
				Do("see that it is the whole answer to the newest request, and send it again")
		}
	}
	persons := map[string]map[string]bool{} // kind → person ids
	err := b.rows(ctx, res.Outputs["index"], []string{"person_record_key", "person_id"}, func(r []columnar.Value) {
		for kind := range records[r[0].Str()] {
			if persons[kind] == nil {
				persons[kind] = map[string]bool{}
			}
			persons[kind][r[1].Str()] = true
		}
	})
	if err != nil {
		return res, err
	}
	for kind := range job.Lists {
		if kind == catalogue.ListChecked {
			kind = catalogue.ListOptOuts
		}
		if res.Outputs[kind], err = b.writePersons(ctx, job.Linkage+"/"+kind+".parquet", persons[kind]); err != nil {
			return res, err
		}
	}
	return res, b.Check.ask(job, numbers)
}

// readList reads a list in the format of the national check: one ten-digit NHS
// number a line, a comma after it. One bad line refuses the whole list: a list
// read in part would let through somebody who objected.
func (b Bench) readList(ctx context.Context, kind string, ref objects.Ref, into map[string]map[string]bool) error {
	f, err := b.Objects.Open(ctx, ref)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 0, 4096), 4096)
	for n := int64(1); s.Scan(); n++ {
		text := strings.TrimSuffix(strings.TrimSpace(s.Text()), ",")
		if text == "" {
			continue
		}
		if !nhsnumber.Valid(text) {
			return ark.Faultf(ark.Invalid, "this line is not a valid NHS number").At(kind, n, "").Do("mend the list and send it whole")
		}
		if into[text] == nil {
			into[text] = map[string]bool{}
		}
		into[text][kind] = true
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return ark.Faultf(ark.Invalid, "the list has a line longer than 4096 bytes").At(kind, 0, "").Do("give one NHS number a line")
	}
	return s.Err()
}

func (b Bench) writePersons(ctx context.Context, name string, set map[string]bool) (objects.Ref, error) {
	shape := columnar.Schema{{Name: "person_id", Type: cell.String}}
	sorted, err := columnar.NewSorter(shape, columnar.SortOptions{Dir: b.Tmp})
	if err != nil {
		return objects.Ref{}, err
	}
	defer sorted.Close()
	for id := range set {
		if err := sorted.Append([]columnar.Value{cell.Str(id)}); err != nil {
			return objects.Ref{}, err
		}
	}
	w := b.Objects.Writer(ctx, objects.Index, name, IndexKey)
	defer w.Abort()
	t, err := columnar.NewWriter(w, shape, columnar.Options{})
	if err != nil {
		return objects.Ref{}, err
	}
	if err := sorted.WriteTo(ctx, t); err != nil {
		return objects.Ref{}, err
	}
	if err := t.Close(); err != nil {
		return objects.Ref{}, err
	}
	return w.Commit()
}
