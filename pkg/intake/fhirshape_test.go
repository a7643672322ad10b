package intake

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/google/go-cmp/cmp"
)

// shapeTable has a path of every kind.
func shapeTable() *Table {
	t := &Table{Name: "things", Resource: "Thing"}
	for _, p := range []string{"id", "n", "t", "x", "name.family", "name[use=official].family", "name.given[1]", "code.coding[system=s2].code", "code.coding.system",
		"ref.reference", "p.start | when", "v.value", "o.deep.er", "absent.altogether"} {
		t.Fields = append(t.Fields, &Field{Name: p, Path: p})
	}
	return t
}

// readLines reads lines as resources; each line that is refused says why.
func readLines(t interface{ Fatal(...any) }, lines ...string) (out []string, r *fhirRecords) {
	o := &opened{text: bufio.NewReader(strings.NewReader(strings.Join(lines, "\n"))), report: &FileReport{}}
	r, err := openFHIR(o, shapeTable(), Limits{}.orDefault())
	if err != nil {
		t.Fatal(err)
	}
	fields := make([][]byte, len(r.paths))
	for {
		err := r.next(fields)
		var bad *badRow
		switch {
		case err == io.EOF:
			return out, r
		case errors.As(err, &bad):
			out = append(out, "bad: "+bad.rule)
		case err != nil:
			return append(out, "fault: "+err.Error()), r // the file is refused
		default:
			var b strings.Builder
			for _, f := range fields {
				if f == nil {
					b.WriteString("~;")
				} else {
					b.WriteString(string(f) + ";")
				}
			}
			out = append(out, b.String())
		}
	}
}

const thing = `{"resourceType":"Thing","id":"1","n":-3.5e2,"t":true,"x":null,"name":[{"use":"old","family":"A"},{"use":"official","family":"B\u00e9 \"x\\","given":["C","D"]}],` +
	`"code":{"coding":[{"system":"s1","code":"11"},{"system":"s2","code":"22"}]},"k\"ey\\":"s\\","ref":{"reference":"Patient/7"},"when":"2020","v":{"value":0},"o":{"deep":{"er":"long enough to be looked for by the word"}},"e":[],"y":{}}`

// A line of a shape that was read before gives what it gives when it is read as
// the first of its file.
func TestShapes(t *testing.T) {
	lines := []string{thing, thing,
		strings.Replace(thing, `"id":"1"`, `"id":"a much longer name, with a \\ and a \" in it"`, 1),
		strings.Replace(thing, `"id":"1"`, `"id":"1\"`, 1), // the quote is escaped, and the rest no longer fits
		strings.Replace(thing, `"id":"1"`, `"id":"\x"`, 1),
		strings.Replace(thing, `"id":"1"`, `"id":"\u00g0"`, 1),
		strings.Replace(thing, `"id":"1"`, `"id":""`, 1),
		strings.Replace(thing, `"id":"1"`, "\"id\":\"\t\"", 1),
		strings.Replace(thing, `"id":"1"`, `"id":"é"`, 1),
		strings.Replace(thing, `"id":"1"`, `"id":1`, 1),
		strings.Replace(thing, `-3.5e2`, `-3.5e`, 1),
		strings.Replace(thing, `-3.5e2`, `0123`, 1),
		strings.Replace(thing, `-3.5e2`, `7`, 1),
		strings.Replace(thing, `"s2"`, `"s3"`, 1), // chosen by: another shape
		strings.Replace(thing, `"official"`, `"usual"`, 1),
		strings.Replace(thing, `"Thing"`, `"Other"`, 1),
		strings.Replace(thing, `Patient/7`, `urn:uuid:8`, 1),
		strings.Replace(thing, `Patient/7`, `Patient\/9`, 1),
		strings.Replace(thing, `true`, `false`, 1),
		thing + "x", thing + "  ", "  " + thing, thing[:len(thing)-1], thing[:40], thing}
	for _, line := range lines {
		alone, _ := readLines(t, line)
		after, r := readLines(t, thing, line)
		if diff := cmp.Diff(alone, after[1:]); diff != "" {
			t.Errorf("%s\nreads otherwise behind another resource (-alone +after):\n%s", line, diff)
		}
		if want := strings.HasPrefix(line, thing) && len(line) == len(thing); want && r.shapes.hits != 1 {
			t.Errorf("a line of the same shape was parsed")
		}
	}
	var alone []string
	for _, line := range lines {
		got, _ := readLines(t, line)
		alone = append(alone, got...)
	}
	together, r := readLines(t, lines...)
	if diff := cmp.Diff(alone, together); diff != "" {
		t.Errorf("read together (-alone +together):\n%s", diff)
	}
	if r.shapes.hits < 8 {
		t.Errorf("only %d lines were of a shape read before", r.shapes.hits)
	}
}

// Lines too various to repeat any are no longer compared, and read all the same.
func TestShapesRest(t *testing.T) {
	var lines, want []string
	for i := range shapesTrial + 50 {
		line := strings.Replace(thing, `"y":{}`, `"y`+strings.Repeat("y", i)+`":{}`, 1)
		lines = append(lines, line)
	}
	first, _ := readLines(t, lines[0])
	for range lines {
		want = append(want, first...)
	}
	got, r := readLines(t, lines...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.shapes.rest == 0 || len(r.shapes.known) != 0 {
		t.Errorf("%d shapes are kept, and the rest is %d", len(r.shapes.known), r.shapes.rest)
	}
}

// However a line is changed, what was read before it changes nothing.
func TestShapesOfChangedLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := []byte(thing)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			at := rapid.IntRange(0, len(line)-1).Draw(t, "at")
			line[at] = rapid.SampledFrom([]byte(`"\{}[],:019-.eEtfnu x`+"\x01\xc3\xa9")).Draw(t, "byte")
		}
		alone, _ := readLines(t, string(line))
		after, _ := readLines(t, thing, string(line), string(line))
		for i, read := range after[1:] {
			if read != alone[0] && !strings.HasPrefix(alone[0], "fault: ") || read[:5] != alone[0][:5] { // a fault names the row
				t.Fatalf("%s\nalone %s\nthe %dth time, behind another: %s", line, alone[0], i+1, read)
			}
		}
	})
}
