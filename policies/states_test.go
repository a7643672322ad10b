package policies

import (
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
)

func TestMachinesLoadAndTheirActionsExist(t *testing.T) {
	all, err := LoadMachines()
	if err != nil {
		t.Fatal(err)
	}
	access, err := LoadAccess()
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range all {
		for _, tr := range m.Transitions {
			if _, ok := access.Actions()[tr.Action]; !ok {
				t.Errorf("%s: %s → %s is made by %q, which is no action", name, tr.From, tr.To, tr.Action)
			}
		}
	}
}

func TestMoveRefusesWhatIsNotListed(t *testing.T) {
	m := MustMachine("request")
	if err := m.Move("submitted", "partly-reviewed", "request.vote"); err != nil {
		t.Error(err)
	}
	for _, bad := range []Transition{
		{"submitted", "approved", "request.release"}, // skipping both reviews
		{"reviewed", "released", "request.release"},  // skipping the signature
		{"rejected", "returned", "request.return"},   // final
		{"reviewed", "approved", "request.vote"},     // the wrong act
		{"no-such", "approved", "request.release"},
	} {
		if err := m.Move(bad.From, bad.To, bad.Action); !ark.Is(err, ark.Conflict) {
			t.Errorf("%v: %v, want a conflict", bad, err)
		}
	}
	if err := (Machine{}).Move("a", "b", "c"); err == nil {
		t.Error("the zero machine allowed something")
	}
}

func TestParseMachinesRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"unknown-key":       "m: {noun: x, start: a, colour: red, states: {a: {owner: nobody, says: s}}}",
		"unknown-state":     "m: {noun: x, start: a, states: {a: {owner: nobody, says: s}}, transitions: [{from: a, to: b, action: c}]}",
		"unreachable-state": "m: {noun: x, start: a, states: {a: {owner: nobody, says: s}, b: {owner: nobody, says: s}}}",
		"no-owner":          "m: {noun: x, start: a, states: {a: {says: s}}}",
		"stuck-state":       "m: {noun: x, start: a, states: {a: {owner: author, says: s}}}",
	} {
		if _, err := ParseMachines([]byte(text)); err == nil {
			t.Errorf("%s: was accepted", name)
		}
	}
}

func TestDiagramNamesEveryState(t *testing.T) {
	all, err := LoadMachines()
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range all {
		d := m.Diagram()
		for s := range m.States {
			if !strings.Contains(d, mermaid(s)) {
				t.Errorf("%s: the diagram lacks %s", name, s)
			}
		}
	}
}
