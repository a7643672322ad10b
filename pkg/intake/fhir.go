package intake

import (
	"slices"
	"unicode/utf8"
)

// fhirRecords reads a table's fields out of NDJSON, one FHIR resource a line.
// Only the paths of the contract are looked at: narrative, notes, contained
// resources and extensions that no field names are never copied.
type fhirRecords struct {
	lines    *csvReader
	resource string
	paths    []path
	at       [][]int // path → alternative → where its first key is in keys
	keys     []string
	values   [][]byte
	shapes   shapes
}

func openFHIR(o *opened, t *Table, l Limits) (*fhirRecords, error) {
	r := &fhirRecords{lines: newCSVReader(o.text, 0, o.report.Name, l), resource: t.Resource}
	r.lines.plain, r.lines.header = true, true
	for _, f := range t.Fields {
		p, err := parsePath(f.Path)
		if err != nil {
			return nil, wrong("table "+t.Name+" field "+f.Name, "its path cannot be read: %v", err)
		}
		r.paths = append(r.paths, p)
		var at []int
		for _, steps := range p {
			at = append(at, r.key(steps[0].key))
		}
		r.at = append(r.at, at)
	}
	r.key("resourceType")
	r.values = make([][]byte, len(r.keys))
	r.shapes.fixed = fixedKeys(r.paths)
	return r, nil
}

// key is the place of a key of the resource among those that are looked for.
func (r *fhirRecords) key(name string) int {
	i := slices.Index(r.keys, name)
	if i < 0 {
		i = len(r.keys)
		r.keys = append(r.keys, name)
	}
	return i
}

func (r *fhirRecords) row() int64 { return r.lines.rows }

func (r *fhirRecords) next(fields [][]byte) error {
	var line []byte
	var err error
	for len(line) == 0 {
		if line, err = r.lines.line(); err != nil {
			return err
		}
	}
	r.lines.rows++
	control, high := survey(line)
	if high && !utf8.Valid(line) {
		return r.lines.notUTF8(line)
	}
	if control || !r.shapes.match(line, fields) {
		if bad := r.parse(line, fields, !control); bad != nil {
			return bad
		}
	}
	for _, f := range fields {
		if len(f) > r.lines.limit.Field {
			return &badRow{"field-size", "a field is longer than a delivery may hold", Conformance}
		}
	}
	return nil
}

// parse reads a resource and, where it is to be kept, remembers its shape.
func (r *fhirRecords) parse(line []byte, fields [][]byte, keep bool) error {
	if !members(line, r.keys, r.values) {
		return &badRow{"json", "the line is not one JSON object", Conformance}
	}
	if string(scalar(r.values[r.key("resourceType")])) != r.resource {
		return &badRow{"resource", "the resource is of another type than the table's", Conformance}
	}
	var s *shape
	if keep {
		s = r.shapes.learn(line)
	}
	for i, p := range r.paths {
		value, reference := p.locate(r.at[i], r.values)
		if fields[i] = textOf(value, reference); s != nil {
			s.field(cap(line)-cap(value), value, fields[i], reference)
		}
	}
	return nil
}
