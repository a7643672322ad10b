package filter

import (
	"errors"
	"testing"

	"github.com/ark-tre/ark/pkg/columnar/cell"
)

func TestLists(t *testing.T) {
	lists := map[string][]string{"alcohol@2": {"F10.1", "K70'x"}, "one@1": {"A"}}
	look := func(ref string) ([]string, error) {
		if c, ok := lists[ref]; ok {
			return c, nil
		}
		return nil, errors.New("no such list")
	}
	for text, want := range map[string]string{
		"a = 1":                    "a = 1",
		"code IN LIST 'alcohol@2'": "code IN ('F10.1', 'K70''x')",
		"(code in list 'one@1') AND other NOT IN LIST 'alcohol@2' OR x": "(code in ('A')) AND other NOT IN ('F10.1', 'K70''x') OR x",
		"text = 'code IN LIST ''one@1'''":                               "text = 'code IN LIST ''one@1'''",
		"list = 'one@1' AND code IN LIST 'one@1'":                       "list = 'one@1' AND code IN ('A')",
	} {
		got, err := Lists(text, look)
		if err != nil || got != want {
			t.Errorf("%s\n got %s, %v\nwant %s", text, got, err, want)
		}
	}
	if _, err := Lists("code IN LIST 'other@1'", look); err == nil {
		t.Error("an unknown list was written out")
	}
	if _, err := Parse("code IN LIST 'one@1'"); err == nil {
		t.Error("a list that nobody wrote out was parsed")
	}
}

// FuzzLists: a code can be no more than a literal, whatever it holds.
func FuzzLists(f *testing.F) {
	f.Add("code IN LIST 'x'", "A' OR 1=1 --")
	f.Add("a IN LIST 'x' AND b = 'IN LIST ''y'''", "''")
	f.Fuzz(func(t *testing.T, text, code string) {
		out, err := Lists(text, func(string) ([]string, error) { return []string{code}, nil })
		if err != nil || out == text {
			return
		}
		one, err := Lists("c IN LIST 'x'", func(string) ([]string, error) { return []string{code}, nil })
		if err != nil {
			return
		}
		e, err := Parse(one)
		if err != nil {
			return // not UTF-8, or too long
		}
		if _, err := e.Check(Scope{Types: map[string]cell.Type{"c": cell.String}}); err != nil {
			t.Fatalf("%q became %q: %v", code, one, err)
		}
		if len(e.Fields()) != 1 {
			t.Fatalf("%q became more than a literal: %q", code, one)
		}
	})
}
