package cut_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/workspace/cut"
)

// TestAliases: those whom linkage joined or parted are named by the numbers
// that sidecars give them, in any project, and by nothing else; nobody opens
// them without the sidecars' key.
func TestAliases(t *testing.T) {
	w := newWorld(t)
	job := w.job(t)
	res, err := w.shop().Build(t.Context(), job)
	must(t, err)
	only := func(i int) int64 { // the number of the one person whose visit cost so much
		t.Helper()
		got, _, _ := extract(t, w, cutJob(ark.MakeID(ark.PrefixProject), job, res, func(c *catalogue.Cut) {
			for k := range c.Tables {
				if t := &c.Tables[k]; t.Name == "visits" {
					t.Filter = fmt.Sprintf("cost = %d", i)
				} else {
					t.Variables = nil
				}
			}
		}))
		if got.Aliases.Name != "" {
			t.Error("an extract has aliases though nobody was joined")
		}
		_, side := w.read(t, got.Sidecar)
		if len(side) == 0 {
			t.Fatalf("nobody's visit cost %d", i)
		}
		return side[0][2].Int()
	}
	cj := cutJob(ark.MakeID(ark.PrefixProject), job, res, nil)
	cj.Joined = [][]string{{person(6), person(7)}, {person(9), "GONEBEFORE001"}}
	got, _, _ := extract(t, w, cj)
	schema, rows := w.read(t, got.Aliases)
	if fmt.Sprint(schema.Names()) != fmt.Sprint(cut.AliasSchema.Names()) || len(rows) != 4 {
		t.Fatalf("%v: %d rows", schema.Names(), len(rows))
	}
	of := map[int64]int64{}
	for _, r := range rows {
		of[r[0].Int()] = r[1].Int()
	}
	six, seven, nine := only(6), only(7), only(9)
	if of[six] != min(six, seven) || of[seven] != min(six, seven) || of[nine] == 0 || of[nine] == of[six] {
		t.Errorf("%v does not hold %d with %d, and %d", of, six, seven, nine)
	}
	if _, ok := of[only(8)]; ok {
		t.Error("somebody who was not joined is in it")
	}
	// The sealed bytes are the sidecars' key's, and hold no id of the index.
	_, err = w.ring.Destroy(t.Context(), keys.Of(keys.Project, cj.Project))
	must(t, err)
	f, err := w.st.Open(t.Context(), got.Aliases)
	must(t, err)
	defer f.Close()
	plain, err := io.ReadAll(f)
	must(t, err)
	if bytes.Contains(plain, []byte("PERSON")) || bytes.Contains(plain, []byte("GONE")) {
		t.Error("a person's id is in the aliases")
	}
}
