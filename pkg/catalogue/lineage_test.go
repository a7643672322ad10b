package catalogue

import (
	"slices"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
)

func TestCompare(t *testing.T) {
	v := func(id string, people string, deliveries []string, vars ...Variable) Version {
		return Version{ID: id, Dataset: "dst_1", Linkage: "lnk_" + id, Deliveries: deliveries, People: people, Tables: []PublishedTable{{Name: "person", Rows: 20012, RowText: people}}, Dictionary: []Table{{Name: "person", Variables: vars}}}
	}
	a := v("1", "20,010", []string{"dlv_1", "dlv_2"}, Variable{Name: "sex", Type: "string", Transform: "keep"}, Variable{Name: "born", Type: "date", Transform: "keep"}, Variable{Name: "old", Type: "string"})
	b := v("2", "20,030", []string{"dlv_2", "dlv_3"}, Variable{Name: "sex", Type: "string", Transform: "keep"}, Variable{Name: "born", Type: "date", Transform: "year"}, Variable{Name: "fresh", Type: "string"})
	c, err := Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Added, []string{"dlv_3"}) || !slices.Equal(c.Gone, []string{"dlv_1"}) || !c.Relinked {
		t.Errorf("%+v", c)
	}
	if want := []string{`person.born was transformed by "keep" and is by "year"`, "person.fresh is new", "person.old is gone"}; !slices.Equal(c.Variables, want) {
		t.Errorf("%q", c.Variables)
	}
	// Only the texts that were published: never an exact count.
	if want := []Count{{"people", "20,010", "20,030"}, {"rows of person", "20,010", "20,030"}}; !slices.Equal(c.Counts, want) {
		t.Errorf("%+v", c.Counts)
	}
	if same, err := Compare(a, a); err != nil || len(same.Variables)+len(same.Counts)+len(same.Added)+len(same.Gone) != 0 {
		t.Errorf("%+v %v", same, err)
	}
	b.Dataset = "dst_2"
	if _, err := Compare(a, b); !ark.Is(err, ark.Invalid) {
		t.Errorf("two datasets: %v", err)
	}
}
