package intake

import (
	"fmt"
	"regexp"
	"strconv"
)

// hl7Path is where a field is in an HL7 v2 message:
//
//	PID-5.1                  field 5, component 1
//	PID-3[5=NHSNMBR].1       of the repetitions, the first whose component 5 is that text
//	PID-3[0].1               the first repetition
//	OBX-5.1.2                subcomponent 2
//
// A path into the segment that the table's rows are made of is read there; one
// into another segment is read in the nearest one before it.
type hl7Path struct {
	segment               string
	field, component, sub int
	repetition, where     int // repetition -1: any
	is                    string
}

var hl7PathForm = regexp.MustCompile(`^([A-Z][A-Z0-9]{2})-([0-9]{1,3})(?:\[(?:([0-9]{1,3})|([0-9]{1,2})=([^\]]{1,50}))\])?(?:\.([0-9]{1,2}))?(?:\.([0-9]{1,2}))?$`)

func parseHL7Path(text string) (hl7Path, error) {
	m := hl7PathForm.FindStringSubmatch(text)
	if m == nil {
		return hl7Path{}, fmt.Errorf("a path looks like PID-5.1 or PID-3[5=NHSNMBR].1")
	}
	n := func(s string, none int) int {
		if i, err := strconv.Atoi(s); err == nil {
			return i
		}
		return none
	}
	p := hl7Path{segment: m[1], field: n(m[2], 0), repetition: n(m[3], -1), where: n(m[4], 0), is: m[5], component: n(m[6], 1), sub: n(m[7], 1)}
	if p.field == 0 || p.component == 0 || p.sub == 0 || p.is != "" && p.where == 0 {
		return hl7Path{}, fmt.Errorf("fields and components count from 1")
	}
	return p, nil
}

// speaks reports whether the path reaches into what people wrote.
func (p hl7Path) speaks() bool { return p.segment == "NTE" || p.segment == "TXA" }

// in returns the text at p in a segment, nil where there is none. MSH-1 is the
// delimiter itself, so its fields count one less.
func (p hl7Path) in(s segment, d hl7Delims) []byte {
	i := p.field
	if p.segment == "MSH" {
		i--
	}
	field, ok := nth(s.text, d.field, i)
	if !ok {
		return nil
	}
	for r := 0; ; r++ {
		rep, ok := nth(field, d.repetition, r)
		if !ok {
			return nil
		}
		if p.repetition >= 0 && r != p.repetition {
			continue
		}
		if p.is != "" {
			if c, _ := nth(rep, d.component, p.where-1); string(c) != p.is {
				continue
			}
		}
		c, _ := nth(rep, d.component, p.component-1)
		c, _ = nth(c, d.sub, p.sub-1)
		return d.unescape(c)
	}
}

// nth returns the nth part of b between separators.
func nth(b []byte, sep byte, n int) ([]byte, bool) {
	start := 0
	for i, c := range b {
		if c != sep {
			continue
		}
		if n == 0 {
			return b[start:i], true
		}
		n--
		start = i + 1
	}
	if n > 0 {
		return nil, false
	}
	return b[start:], true
}

// hl7Delims are the separators a message declares.
type hl7Delims struct{ field, component, repetition, escape, sub byte }

// delimsOf reads them of an MSH segment; they must differ and be no letters.
func delimsOf(msh []byte) (hl7Delims, bool) {
	if len(msh) < 8 || string(msh[:3]) != "MSH" {
		return hl7Delims{}, false
	}
	d := hl7Delims{msh[3], msh[4], msh[5], msh[6], msh[7]}
	if d.sub == d.field { // some senders declare no subcomponents
		d.sub = 0
	}
	all := []byte{d.field, d.component, d.repetition, d.escape, d.sub}
	for i, c := range all {
		if c >= 0x7f || c == '\r' || c == '\n' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c < 0x20 && c != 0 || c == 0 && i < 4 {
			return d, false
		}
		for _, other := range all[:i] {
			if other == c {
				return d, false
			}
		}
	}
	return d, true
}

// unescape replaces the escapes of delimiters and bytes; formatting commands
// and character set changes are dropped.
func (d hl7Delims) unescape(b []byte) []byte {
	at := -1
	for i, c := range b {
		if c == d.escape {
			at = i
			break
		}
	}
	if at < 0 {
		return b
	}
	out := append([]byte(nil), b[:at]...)
	for i := at; i < len(b); i++ {
		if b[i] != d.escape {
			out = append(out, b[i])
			continue
		}
		end := i + 1
		for end < len(b) && b[end] != d.escape {
			end++
		}
		if end == len(b) {
			return append(out, b[i:]...) // an escape that does not end is text
		}
		out = d.escaped(out, b[i+1:end])
		i = end
	}
	return out
}

func (d hl7Delims) escaped(out, code []byte) []byte {
	if len(code) == 1 {
		switch code[0] {
		case 'F':
			return append(out, d.field)
		case 'S':
			return append(out, d.component)
		case 'R':
			return append(out, d.repetition)
		case 'E':
			return append(out, d.escape)
		case 'T':
			if d.sub != 0 {
				return append(out, d.sub)
			}
			return append(out, '&')
		}
	}
	if len(code) > 2 && code[0] == 'X' && len(code)%2 == 1 {
		if v, err := strconv.ParseUint(string(code[1:min(len(code), 3)]), 16, 8); err == nil && v >= 0x20 && v < 0x7f && len(code) == 3 {
			return append(out, byte(v))
		}
	}
	if string(code) == ".br" {
		return append(out, ' ')
	}
	return out
}
