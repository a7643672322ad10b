package rederive_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/rederive"
)

// FuzzSpecification: what a workspace writes beside an output is read without a
// panic, and what was accepted is accepted again and says the same.
func FuzzSpecification(f *testing.F) {
	for _, s := range []string{`{}`, `{"kind":"table","rows":["sex"],"cols":["year"]}`, `{"ark":1,"kind":"table","rows":["sex"],"values":"eGFR","aggfunc":"mean","margins":true,"rounding":5}`,
		`{"kind":"cox","time":"days","event":"died","predictors":["age","sex"]}`, `{"kind":"logistic","outcome":"late","predictors":["age"],"filter":"sex = 'F'"}`,
		`{"kind":"figure","of":"rates.csv"}`, `{"ark":2}`, `{"kind":"table"} {}`, `[1]`, `{"query":"SELECT 1","kind":"histogram","edges":[0,1,2]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := rederive.Read(bytes.NewReader(b))
		if err != nil {
			if !strings.Contains(err.Error(), "specification") {
				t.Errorf("a refusal that does not say of what: %v", err)
			}
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := rederive.Read(bytes.NewReader(again))
		if err != nil {
			t.Fatalf("%s was read, and %s is not: %v", b, again, err)
		}
		if more, _ := json.Marshal(back); !bytes.Equal(more, again) || !reflect.DeepEqual(back.Rows, s.Rows) && len(s.Rows)+len(back.Rows) > 0 {
			t.Errorf("%s became %s", again, more)
		}
	})
}
