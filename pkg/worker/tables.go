package worker

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/pkg/ark"
)

// table is one table of a file that wants to leave, as CSV: the file itself, or
// one that ark-inspect read from a workbook, a JSON document or a page.
type table struct {
	name string // of a file's own table the file's, else file.xlsx!/sheet.csv
	spec string // the name of the file that says how it was made
	data []byte
	at   *disclose.SheetTable // nil: the file is the table
}

// tablesOf are the tables of a file, after inspection. Others are looked at by
// people, and by what inspection finds in them.
func tablesOf(f airlock.CheckOf, data []byte, r inspect.Result) ([]table, error) {
	if slices.Contains([]string{".csv", ".tsv", ".parquet"}, strings.ToLower(filepath.Ext(f.Name))) {
		return []table{{name: f.Name, spec: given(f) + airlock.SpecSuffix, data: data}}, nil
	}
	if r.Sheets == nil {
		return nil, nil
	}
	sheets, err := disclose.ReadSheets(bytes.NewReader(r.Sheets))
	if err != nil {
		return nil, err
	}
	var out []table
	for _, s := range sheets {
		ts := s.Texts()
		for i := range ts {
			t := table{name: f.Name + "!/" + s.Name, spec: given(f) + "." + s.Name + airlock.SpecSuffix, data: ts[i].Data, at: &ts[i]}
			if len(ts) > 1 {
				t.name += " " + string(rune('1'+min(i, 8)))
				t.spec = "" // which of the sheet's tables would it be of?
			}
			t.name += ".csv"
			out = append(out, t)
		}
	}
	if len(out) == 1 {
		out[0].spec = given(f) + airlock.SpecSuffix
	}
	if len(out) > mostTables {
		return nil, ark.Faultf(ark.TooMuch, "the file holds more tables than are compared").Do("send fewer tables at a time")
	}
	return out, nil
}

// mostTables bounds the tables of one file.
const mostTables = 200

// place puts what was found of a table where the table stands in its file.
func (t table) place(f airlock.CheckOf, found []disclose.Finding) []disclose.Finding {
	if t.at == nil {
		return found
	}
	found = slices.DeleteFunc(found, func(x disclose.Finding) bool { return x.Rule == "file-type" }) // it is no file of its own
	for i := range found {
		found[i].File, found[i].Where = f.Name, t.at.Place(found[i].Where)
	}
	return found
}

// leaving is a file that wants to leave, with its tables.
type leaving struct {
	file   airlock.CheckOf
	tables []table
}
