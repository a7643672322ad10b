package intake

import (
	"bytes"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/ark-tre/ark/pkg/ark"
)

// segment is one segment of a message.
type segment struct {
	name string
	text []byte // the whole of it
}

// hl7Records reads rows out of HL7 v2 messages: one per segment of the table's
// kind. Messages come one after the other, in batch envelopes or MLLP frames
// or with empty lines between, their segments ended by CR, LF or both.
type hl7Records struct {
	in       io.ByteReader
	table    *Table
	others   []*Table // of the contract
	limit    Limits
	file     string
	paths    []hl7Path
	where    []hl7Path
	line     []byte // the segment read last and not yet used
	held     bool   // line is the MSH of the next message
	end      bool
	messages int64
	segments []segment
	at       int // next segment to look at
	delims   hl7Delims
	buf      []byte // texts of the message's segments
	skipped  *int64
}

func openHL7(o *opened, t *Table, others []*Table, l Limits, skipped *int64) (*hl7Records, error) {
	r := &hl7Records{in: o.text, table: t, others: others, limit: l, file: o.report.Name, skipped: skipped}
	for _, f := range t.Fields {
		p, err := parseHL7Path(f.Path)
		if err != nil {
			return nil, wrong("table "+t.Name+" field "+f.Name, "its path cannot be read: %v", err)
		}
		r.paths = append(r.paths, p)
	}
	for _, w := range t.Where {
		p, err := parseHL7Path(w.Path)
		if err != nil {
			return nil, wrong("table "+t.Name, "a where cannot be read: %v", err)
		}
		r.where = append(r.where, p)
	}
	return r, nil
}

func (r *hl7Records) row() int64 { return r.messages }

// next gives the next row, reading messages as needed.
func (r *hl7Records) next(fields [][]byte) error {
	for {
		for r.at < len(r.segments) {
			s := r.segments[r.at]
			r.at++
			if s.name != r.table.Segment {
				continue
			}
			if !r.wanted(r.at - 1) {
				*r.skipped++
				continue
			}
			for i, p := range r.paths {
				fields[i] = r.value(p, r.at-1, r.table.Fields[i])
			}
			return nil
		}
		if err := r.message(); err != nil {
			return err
		}
	}
}

// wanted reports whether the segment passes the table's where.
func (r *hl7Records) wanted(at int) bool {
	for i, w := range r.table.Where {
		if !slices.Contains(w.Is, string(trimmed(r.text(r.where[i], at)))) {
			return false
		}
	}
	return true
}

// text reads a path in the segment at, or in the nearest of its name before.
func (r *hl7Records) text(p hl7Path, at int) []byte {
	for i := at; i >= 0; i-- {
		if r.segments[i].name == p.segment {
			return p.in(r.segments[i], r.delims)
		}
	}
	return nil
}

func (r *hl7Records) value(p hl7Path, at int, f *Field) []byte {
	v := r.text(p, at)
	if string(v) == `""` { // HL7's way to say: nothing is there
		return nil
	}
	switch f.Type {
	case TypeDate, TypeBirth:
		return hl7Date(v)
	case TypeDatetime:
		return hl7Datetime(v)
	}
	return v
}

// message reads one message. One that is not whole or of no kind the contract
// takes is a *badRow.
func (r *hl7Records) message() error {
	r.segments, r.buf, r.at = r.segments[:0], r.buf[:0], 0
	if !r.held {
		if err := r.toHeader(); err != nil {
			return err
		}
	}
	r.held = false
	r.messages++
	var ends []int
	for {
		r.buf = append(r.buf, r.line...)
		ends = append(ends, len(r.buf))
		if len(r.buf) > r.limit.Row {
			return ark.Faultf(ark.TooMuch, "the message is longer than %d bytes", r.limit.Row).At(r.file, r.messages, "").Do("leave documents and images out of the feed")
		}
		if err := r.read(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		if bytes.HasPrefix(r.line, []byte("MSH")) {
			r.held = true
			break
		}
	}
	from := 0
	for _, end := range ends {
		if s := r.buf[from:end]; len(s) >= 3 && !envelope(s) {
			r.segments = append(r.segments, segment{string(s[:3]), s})
		}
		from = end
	}
	return r.judge()
}

// envelope reports whether a segment is of the batch protocol.
func envelope(s []byte) bool {
	return slices.Contains([]string{"FHS", "BHS", "BTS", "FTS"}, string(s[:3]))
}

// judge checks a message's header; a bad one gives no rows.
func (r *hl7Records) judge() error {
	bad := func(rule, reason string) error {
		r.at = len(r.segments)
		return &badRow{rule, reason, Conformance}
	}
	var ok bool
	if r.delims, ok = delimsOf(r.segments[0].text); !ok {
		return bad("header", "the message's header declares no separators")
	}
	if !utf8.Valid(r.buf) {
		return bad("encoding", "the message is not UTF-8")
	}
	event := hl7Path{segment: "MSH", field: 9, component: 1, sub: 1, repetition: -1}
	kind := string(event.in(r.segments[0], r.delims))
	event.component = 2
	if code := event.in(r.segments[0], r.delims); len(code) > 0 {
		kind += "^" + string(code)
	}
	if takes(r.table.Messages, kind) {
		return nil
	}
	for _, other := range r.others {
		if takes(other.Messages, kind) { // it is for another table of the contract
			r.at = len(r.segments)
			*r.skipped++
			return nil
		}
	}
	return bad("message", "the message is of a type the contract does not take")
}

func takes(messages []string, kind string) bool {
	return slices.Contains(messages, kind) || slices.Contains(messages, "*")
}

// toHeader skips to the next MSH. What stands before it and is no envelope is
// a bad row of its own, so that it is not lost unseen.
func (r *hl7Records) toHeader() error {
	stray := false
	for {
		if r.held {
			return nil
		}
		if err := r.read(); err != nil {
			if err == io.EOF && stray {
				r.messages++
				return &badRow{"header", "the text before the end belongs to no message", Conformance}
			}
			return err
		}
		if bytes.HasPrefix(r.line, []byte("MSH")) {
			r.held = true
			if stray {
				r.messages++
				return &badRow{"header", "the text before the message belongs to none", Conformance}
			}
			continue
		}
		stray = stray || len(r.line) < 3 || !envelope(r.line)
	}
}

// read reads the next line that is not empty into r.line. Files that were
// joined have a byte order mark before a message here and there; it goes.
func (r *hl7Records) read() error {
	err := r.readLine()
	r.line = bytes.TrimPrefix(r.line, []byte("\ufeff"))
	return err
}

func (r *hl7Records) readLine() error {
	if r.end {
		return io.EOF
	}
	r.line = r.line[:0]
	for {
		c, err := r.in.ReadByte()
		if err == io.EOF {
			r.end = true
			if len(r.line) > 0 {
				return nil
			}
			return io.EOF
		}
		if err != nil {
			return readFault(err).At(r.file, r.messages, "")
		}
		switch c {
		case 0x0b, 0x1c: // MLLP frame
			continue
		case '\r', '\n':
			if len(r.line) > 0 {
				return nil
			}
			continue
		}
		r.line = append(r.line, c)
		if len(r.line) > r.limit.Row {
			return ark.Faultf(ark.TooMuch, "the segment is longer than %d bytes", r.limit.Row).At(r.file, r.messages, "").Do("leave documents and images out of the feed")
		}
	}
}

// hl7Date writes the day of an HL7 time (YYYY[MM[DD[HHMM…]]]) in ISO form.
func hl7Date(v []byte) []byte {
	n := 0
	for n < len(v) && v[n] >= '0' && v[n] <= '9' {
		n++
	}
	switch {
	case n == 4 && n == len(v):
		return v
	case n == 6 && n == len(v):
		return slices.Concat(v[:4], []byte{'-'}, v[4:6])
	case n >= 8:
		return slices.Concat(v[:4], []byte{'-'}, v[4:6], []byte{'-'}, v[6:8])
	}
	return v
}

// hl7Datetime writes an HL7 time in ISO form.
func hl7Datetime(v []byte) []byte {
	n := 0
	for n < len(v) && v[n] >= '0' && v[n] <= '9' {
		n++
	}
	if n < 8 {
		return v
	}
	out := hl7Date(v[:8])
	if n < 12 {
		return out
	}
	out = slices.Concat(out, []byte{'T'}, v[8:10], []byte{':'}, v[10:12], []byte{':'})
	if n >= 14 {
		out = append(out, v[12:14]...)
	} else {
		out = append(out, "00"...)
	}
	rest := v[n:]
	if len(rest) > 0 && rest[0] == '.' {
		end := 1
		for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
			end++
		}
		if end > 1 {
			out = append(out, rest[:end]...)
		}
		rest = rest[end:]
	}
	if len(rest) == 5 && (rest[0] == '+' || rest[0] == '-') {
		return slices.Concat(out, rest[:3], []byte{':'}, rest[3:])
	}
	return out
}
