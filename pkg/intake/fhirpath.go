package intake

import (
	"fmt"
	"strconv"
	"strings"
)

// path is where a field is in a FHIR resource:
//
//	birthDate
//	name[use=official].family
//	name[0].given[1]
//	code.coding[system=http://snomed.info/sct].code
//	performedDateTime | performedPeriod.start
//
// Of an array, [n] takes the nth element, [key=text] the first whose key is
// that text, and nothing the first in which the rest of the path is found. Of
// several paths separated by bars, the first that is there counts. The last
// part of a reference is taken: Patient/12 and urn:uuid:12 are 12.
type path [][]step

type step struct {
	key       string
	index     int    // -1: any
	where, is string // [where=is]
	pick      bool
}

const maxPath = 500

func parsePath(text string) (path, error) {
	if len(text) > maxPath {
		return nil, fmt.Errorf("it is longer than %d bytes", maxPath)
	}
	var p path
	for _, one := range strings.Split(text, " | ") {
		steps, err := parseSteps(strings.TrimSpace(one))
		if err != nil {
			return nil, err
		}
		p = append(p, steps)
	}
	return p, nil
}

func parseSteps(text string) ([]step, error) {
	var out []step
	for {
		n := 0
		for n < len(text) && isLetter(text[n]) {
			n++
		}
		if n == 0 {
			return nil, fmt.Errorf("a step must begin with a name")
		}
		s := step{key: text[:n], index: -1}
		text = text[n:]
		if strings.HasPrefix(text, "[") {
			end := strings.IndexByte(text, ']')
			if end < 0 {
				return nil, fmt.Errorf("a bracket is not closed")
			}
			if err := s.choose(text[1:end]); err != nil {
				return nil, err
			}
			text = text[end+1:]
		}
		out = append(out, s)
		if len(out) > 12 {
			return nil, fmt.Errorf("it has more than 12 steps")
		}
		if text == "" {
			return out, nil
		}
		if text[0] != '.' {
			return nil, fmt.Errorf("steps are separated by points")
		}
		text = text[1:]
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' }

func (s *step) choose(text string) error {
	if key, is, ok := strings.Cut(text, "="); ok {
		for i := range len(key) {
			if !isLetter(key[i]) {
				return fmt.Errorf("a choice names one key")
			}
		}
		s.where, s.is, s.pick = key, is, true
		if key == "" || is == "" {
			return fmt.Errorf("a choice looks like [key=text]")
		}
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1000 {
		return fmt.Errorf("a choice looks like [0] or [key=text]")
	}
	s.index = n
	return nil
}

// freeText are the keys that hold what people wrote: narrative, display
// names, notes. A field may take one only if it is declared free text.
var freeText = map[string]bool{"div": true, "display": true, "text": true, "note": true, "comment": true, "description": true, "contained": true}

// speaks reports whether p reaches into free text.
func (p path) speaks() bool {
	for _, steps := range p {
		for _, s := range steps {
			if freeText[s.key] {
				return true
			}
		}
	}
	return false
}

// in returns the text at p in a resource, whose members at holds by the first
// steps of p's alternatives; nil where there is none.
func (p path) in(at []int, members [][]byte) []byte {
	value, reference := p.locate(at, members)
	return textOf(value, reference)
}

// locate returns the value at p as it stands in the resource, and whether it is
// a reference.
func (p path) locate(at []int, members [][]byte) (value []byte, reference bool) {
	for i, steps := range p {
		if v := descend(members[at[i]], steps); v != nil {
			return v, steps[len(steps)-1].key == "reference"
		}
	}
	return nil, false
}

// textOf is the text of a string, number or truth value.
func textOf(value []byte, reference bool) []byte {
	text := scalar(value)
	if reference && text != nil {
		return stripReference(text)
	}
	return text
}

// descend applies what is left of steps[0], its choice, to the value that value
// begins with, and goes on.
func descend(value []byte, steps []step) (found []byte) {
	if len(value) == 0 {
		return nil
	}
	s := steps[0]
	if value[0] != '[' {
		if s.index > 0 || s.pick && !s.chosen(value) {
			return nil
		}
		return deeper(value, steps)
	}
	elements(value, func(i int, e []byte) bool {
		switch {
		case s.index >= 0 && i != s.index:
			return i > s.index
		case s.pick && !s.chosen(e):
			return false
		}
		found = deeper(e, steps)
		return found != nil || s.index >= 0
	})
	return found
}

// chosen reports whether value is an object whose key where is the text is.
func (s step) chosen(value []byte) bool {
	return len(value) > 0 && value[0] == '{' && string(scalar(first(find(value, s.where)))) == s.is
}

func deeper(value []byte, steps []step) []byte {
	if len(steps) == 1 {
		if len(value) == 0 || value[0] == '[' || value[0] == '{' || value[0] == 'n' {
			return nil
		}
		return first(value)
	}
	if len(value) == 0 || value[0] != '{' {
		return nil
	}
	return descend(find(value, steps[1].key), steps[1:])
}
