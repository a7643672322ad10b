package intake

import "unicode/utf8"

// fhirRecords reads a table's fields out of NDJSON, one FHIR resource a line.
// Only the paths of the contract are looked at: narrative, notes, contained
// resources and extensions that no field names are never copied.
type fhirRecords struct {
	lines    *csvReader
	resource string
	paths    []path
	root     []member
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
	}
	return r, nil
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
	if !utf8.Valid(line) {
		return r.lines.notUTF8(line)
	}
	var ok bool
	if r.root, ok = members(line, r.root); !ok {
		return &badRow{"json", "the line is not one JSON object", Conformance}
	}
	kind := path{{{key: "resourceType", index: -1}}}.in(r.root)
	if string(kind) != r.resource {
		return &badRow{"resource", "the resource is of another type than the table's", Conformance}
	}
	for i, p := range r.paths {
		fields[i] = p.in(r.root)
		if len(fields[i]) > r.lines.limit.Field {
			return &badRow{"field-size", "a field is longer than a delivery may hold", Conformance}
		}
	}
	return nil
}
