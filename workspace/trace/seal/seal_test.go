package seal

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
)

func TestOnlyItsOrganisationOpens(t *testing.T) {
	private, public, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	a := Answer{Trace: "trc_1", Why: "incidental-finding", Records: []Record{{Source: "gp-01", NHSNumber: "9990000018", FamilyName: "Quill"}}}
	tok, err := Seal(public, "org_1", a)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(tok)
	if bytes.Contains(raw, []byte("9990000018")) || bytes.Contains(tok.Box, []byte("Quill")) || len(tok.Box) < 1024 {
		t.Fatal("the token shows what it seals")
	}
	got, err := Open(private, *tok)
	if err != nil || len(got.Records) != 1 || got.Records[0] != a.Records[0] {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := Open(other, *tok); !ark.Is(err, ark.Forbidden) {
		t.Errorf("another key: %v", err)
	}
	for name, change := range map[string]func(*Token){
		"of another trace":        func(t *Token) { t.Trace = "trc_2" },
		"of another organisation": func(t *Token) { t.Org = "org_2" },
		"changed":                 func(t *Token) { t.Box = append([]byte{}, t.Box...); t.Box[len(t.Box)-1] ^= 1 },
		"cut short":               func(t *Token) { t.Box = t.Box[:40] },
		"empty":                   func(t *Token) { t.Box = nil },
	} {
		x := *tok
		change(&x)
		if _, err := Open(private, x); err == nil {
			t.Errorf("a token %s opens", name)
		}
	}
	more, err := Seal(public, "org_1", Answer{Trace: "trc_1", Records: make([]Record, 3)})
	if err != nil || len(more.Box) != len(tok.Box) {
		t.Errorf("the length tells how many records there are: %d and %d", len(more.Box), len(tok.Box))
	}
	for _, k := range []string{"", "ark-public-", "ark-public-AAAA", private, public + "A"} {
		if _, err := Seal(k, "org_1", a); !ark.Is(err, ark.Invalid) {
			t.Errorf("sealed to %q: %v", k, err)
		}
	}
}
