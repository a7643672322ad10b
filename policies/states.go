package policies

import (
	"bytes"
	_ "embed"
	"fmt"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
)

//go:embed states.yaml
var statesText []byte

// State is one state of a machine.
type State struct {
	Owner string `yaml:"owner"` // who has to act next: a role word, "system" or "nobody"
	Says  string `yaml:"says"`  // the state in people's words
}

// Transition is one legal change of state and the action that makes it.
type Transition struct {
	From   string `yaml:"from"`
	To     string `yaml:"to"`
	Action string `yaml:"action"`
}

// Machine is the state machine of one noun. Its zero value allows nothing.
type Machine struct {
	Noun        string           `yaml:"noun"`
	Start       string           `yaml:"start"`
	States      map[string]State `yaml:"states"`
	Transitions []Transition     `yaml:"transitions"`
}

// Machines are the state machines by name: "project", "review", "delivery",
// "linkage", "version", "extract", "workspace", "request".
type Machines map[string]Machine

// LoadMachines reads the embedded state machines.
func LoadMachines() (Machines, error) { return ParseMachines(statesText) }

// MustMachine returns one embedded machine. The data is part of the program
// and tested with it, so a missing one is a broken build.
func MustMachine(name string) Machine {
	all, err := LoadMachines()
	if err != nil {
		panic(err)
	}
	m, ok := all[name]
	if !ok {
		panic("policies: there is no state machine " + name)
	}
	return m
}

// ParseMachines reads machines from YAML; an unknown key, an unknown state in a
// transition, a repeated transition or a state nobody can reach is an error.
func ParseMachines(text []byte) (Machines, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	all := Machines{}
	if err := dec.Decode(&all); err != nil {
		return nil, fmt.Errorf("read state machines: %w", err)
	}
	for name, m := range all {
		if err := m.check(); err != nil {
			return nil, fmt.Errorf("state machine %s: %w", name, err)
		}
	}
	return all, nil
}

func (m Machine) check() error {
	if _, ok := m.States[m.Start]; !ok {
		return fmt.Errorf("it starts in %q, which it does not have", m.Start)
	}
	reached := map[string]bool{m.Start: true}
	seen := map[Transition]bool{}
	for _, t := range m.Transitions {
		if _, ok := m.States[t.From]; !ok {
			return fmt.Errorf("a transition leaves %q, which it does not have", t.From)
		}
		if _, ok := m.States[t.To]; !ok {
			return fmt.Errorf("a transition enters %q, which it does not have", t.To)
		}
		if t.Action == "" || seen[t] {
			return fmt.Errorf("the transition %s → %s is named twice or has no action", t.From, t.To)
		}
		seen[t], reached[t.To] = true, true
	}
	for s, st := range m.States {
		if st.Owner == "" || st.Says == "" {
			return fmt.Errorf("the state %q has no owner or no words", s)
		}
		if !reached[s] {
			return fmt.Errorf("nothing leads to the state %q", s)
		}
		if m.Final(s) && st.Owner != "nobody" {
			return fmt.Errorf("the state %q is final, so it can be with nobody, not with %q", s, st.Owner)
		}
	}
	return nil
}

// Final reports whether nothing leaves s.
func (m Machine) Final(s string) bool {
	for _, t := range m.Transitions {
		if t.From == s {
			return false
		}
	}
	return true
}

// Move reports whether action may take the noun from one state to another: nil,
// or an ark.Conflict fault that says where it stands.
func (m Machine) Move(from, to, action string) error {
	for _, t := range m.Transitions {
		if t.From == from && t.To == to && t.Action == action {
			return nil
		}
	}
	return m.Refusal(from)
}

// Can returns the state that action leads to from the given one, "" if none.
// Where an action has several ways on, it returns the first.
func (m Machine) Can(from, action string) string {
	for _, t := range m.Transitions {
		if t.From == from && t.Action == action {
			return t.To
		}
	}
	return ""
}

// Refusal is the fault for an act that the state does not allow.
func (m Machine) Refusal(state string) error {
	st := m.States[state]
	owner := st.Owner
	if owner == "" {
		owner = "nobody"
	}
	f := ark.Faultf(ark.Conflict, "the %s does not allow that now: it is %s (%s)", m.Noun, state, st.Says).By("state:" + m.Noun)
	if owner == "nobody" {
		return f.Do("this state is final")
	}
	return f.Do("the next step is with: " + owner)
}

// Diagram returns the machine as a Mermaid state diagram.
func (m Machine) Diagram() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> " + mermaid(m.Start) + "\n")
	for _, t := range m.Transitions {
		fmt.Fprintf(&b, "    %s --> %s: %s\n", mermaid(t.From), mermaid(t.To), t.Action)
	}
	names := make([]string, 0, len(m.States))
	for s := range m.States {
		names = append(names, s)
	}
	sort.Strings(names)
	for _, s := range names {
		if m.Final(s) {
			fmt.Fprintf(&b, "    %s --> [*]\n", mermaid(s))
		}
	}
	return b.String()
}

func mermaid(s string) string { return strings.ReplaceAll(s, "-", "_") }
