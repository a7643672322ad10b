package linkage

import (
	"bytes"
	"context"
	"testing"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// TestHouseholdsAndPlaces: people of one address share a household key, people
// of one postcode a place key; where somebody moved the last word counts; the
// keys hold nothing of the address; an extension keeps them.
func TestHouseholdsAndPlaces(t *testing.T) {
	file := func(name string, rows ...[6]string) File {
		var buf bytes.Buffer
		var s columnar.Schema
		cols := []string{"record_key", "given_name", "family_name", "date_of_birth", "postcode", "address_1"}
		for _, c := range cols {
			s = append(s, columnar.Field{Name: c, Type: cell.String, Nullable: true})
		}
		if err := table(&buf, s, len(rows), func(i int, into []cell.Value) {
			for j, v := range rows[i] {
				into[j] = text(v)
			}
		}); err != nil {
			t.Fatal(err)
		}
		return File{Name: name, At: bytes.NewReader(buf.Bytes()), Size: int64(buf.Len())}
	}
	d1 := file("d1", [6]string{"K1", "ada", "oduya", "1960-01-02", "M1 1AA", "4 Mill Lane"}, [6]string{"K2", "ben", "oduya", "1958-03-04", "m11aa", "4 MILL LANE"},
		[6]string{"K3", "cy", "stone", "1970-05-06", "M1 1AA", "6 Mill Lane"}, [6]string{"K4", "di", "park", "1980-07-08", "", ""})
	d2 := file("d2", [6]string{"K2", "ben", "oduya", "1958-03-04", "SK9 9ZZ", "1 High Street"})
	read := func(b *bytes.Buffer, index *bytes.Buffer) map[string][2]string {
		f, err := readAll(context.Background(), []File{{Name: "persons", At: bytes.NewReader(b.Bytes()), Size: int64(b.Len())}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := readIndex(context.Background(), &File{Name: "index", At: bytes.NewReader(index.Bytes()), Size: int64(index.Len())})
		if err != nil {
			t.Fatal(err)
		}
		by := map[string][2]string{}
		for i := range f.N {
			id, _ := f.Col("person_id").Value(i)
			place, _ := f.Col("place").Value(i)
			home, _ := f.Col("household").Value(i)
			by[id] = [2]string{place, home}
		}
		out := map[string][2]string{}
		for k, id := range ids {
			out[k] = by[id]
		}
		return out
	}
	check := func(who string, at map[string][2]string, moved bool) {
		t.Helper()
		if at["K1"][0] == "" || at["K1"][0] != at["K3"][0] || at["K1"][1] == "" || at["K1"][1] == at["K3"][1] || at["K4"] != [2]string{} {
			t.Errorf("%s: %v", who, at)
		}
		if together := at["K1"] == at["K2"]; together == moved {
			t.Errorf("%s: the couple lives together %v", who, together)
		}
		if len(at["K1"][0]) != 13 || len(at["K1"][1]) != 13 {
			t.Errorf("%s: keys %v", who, at["K1"])
		}
	}
	base, rep := build(t, IndexInput{Identifiers: []File{d1}})
	check("one delivery", read(&base.persons, &base.index), false)
	both, _ := build(t, IndexInput{Identifiers: []File{d1, d2}})
	check("after the move", read(&both.persons, &both.index), true)
	var x built
	_, err := ExtendIndex(context.Background(), ExtendIndexInput{Index: *base.previous(), Links: File{Name: "links", At: bytes.NewReader(base.links.Bytes()), Size: int64(base.links.Len())},
		Persons: File{Name: "persons", At: bytes.NewReader(base.persons.Bytes()), Size: int64(base.persons.Len())}, Report: rep, All: []File{d1, d2},
		ExtendInput: ExtendInput{Identifiers: []File{d2}, State: []File{stateFile(&base.state)}, Key: bytes.Repeat([]byte{7}, 32)}},
		IndexOutput{PersonIndex: &x.index, Links: &x.links, Persons: &x.persons, Report: &x.report, State: &x.state})
	if err != nil {
		t.Fatal(err)
	}
	check("extended", read(&x.persons, &x.index), true)
}
