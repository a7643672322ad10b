package intake

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const resource = `{"id":"1","n":3,"t":true,"x":null,"name":[{"use":"old","family":"A"},{"use":"official","family":"B\u00e9","given":["C","D"]}],` +
	`"code":{"coding":[{"system":"s1","code":"11"},{"system":"s2","code":"22"}]},"ref":{"reference":"Patient/7"},"q":{"reference":"Org?identifier=http://x|9"},` +
	`"u":{"reference":"urn:uuid:5"},"p":{"start":"2020"},"a":[[1]],"e":[],"o":{}}`

func TestPaths(t *testing.T) {
	for text, want := range map[string]string{
		"id": "1", "n": "3", "t": "true", "x": "", "nope": "", "id.x": "",
		"name.family": "A", "name[0].family": "A", "name[1].family": "Bé", "name[2].family": "", "name[use=official].family": "Bé",
		"name[use=nope].family": "", "name.given": "C", "name.given[0]": "C", "name[1].given[1]": "D", "name[use=official].given[2]": "",
		"code.coding[system=s2].code": "22", "code.coding.code": "11", "code.coding[1].code": "22",
		"ref.reference": "7", "q.reference": "9", "u.reference": "5",
		"nope | p.start": "2020", "nope | x | id": "1", "a": "", "a[0]": "", "e": "", "e[0]": "", "o": "", "o.x": "", "name": "",
	} {
		p, err := parsePath(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, ok := at(p, []byte(resource)); !ok || string(got) != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"", ".", "a.", ".a", "a[", "a[]", "a[x]", "a[-1]", "a[=x]", "a[x=]", "a b", "a|b", "a[1]b", strings.Repeat("a.", 12) + "a", strings.Repeat("a", 501), "a[99999]"} {
		if _, err := parsePath(text); err == nil {
			t.Errorf("path %q is accepted", text)
		}
	}
}

// at reads the text at a path as fhirRecords does.
func at(p path, text []byte) (got []byte, ok bool) {
	r := &fhirRecords{}
	var places []int
	for _, steps := range p {
		places = append(places, r.key(steps[0].key))
	}
	values := make([][]byte, len(r.keys))
	if !members(text, r.keys, values) {
		return nil, false
	}
	return p.in(places, values), true
}

// The scanner reads what the standard library reads as one object, no more.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{resource, `{}`, ` {"a":[1,2,{"b":"c\\"}]} `, `{"a":1}x`, `{"a":01}`, `{"a":1e5,"b":-0.5E-2}`, `{"a":"\u12"}`, `[1]`, `{"a":tru}`, `{"a" : [ ] , "b" : { } }`} {
		f.Add([]byte(s), "name[use=official].family")
	}
	f.Fuzz(func(t *testing.T, text []byte, where string) {
		var std map[string]json.RawMessage
		err := json.Unmarshal(text, &std)
		keys := slices.Collect(maps.Keys(std))
		values := make([][]byte, len(keys))
		ok := members(text, keys, values)
		if ok && err != nil {
			t.Fatalf("read, though the library says %v", err)
		}
		if !ok && err == nil && std != nil && depth(text) < maxDepth-1 {
			t.Fatalf("not read, though the library reads it")
		}
		if !ok {
			return
		}
		for _, v := range values {
			if v != nil && !json.Valid(v) {
				t.Fatal("a member's value is not JSON")
			}
		}
		if p, err := parsePath(where); err == nil {
			at(p, text)
		}
	})
}

func depth(text []byte) (most int) {
	d := 0
	for _, c := range text {
		switch c {
		case '{', '[':
			d++
			most = max(most, d)
		case '}', ']':
			d--
		}
	}
	return most
}

// Hostile depth ends in a quarantined line, not in a full stack.
func TestDeepJSON(t *testing.T) {
	if members([]byte(`{"a":`+strings.Repeat("[", 1<<20)+strings.Repeat("]", 1<<20)+`}`), nil, nil) {
		t.Error("a million levels are read")
	}
}

// The Synthea sample goes in as one more organisation's feed.
func TestSyntheaSample(t *testing.T) {
	dir := "../../deploy/demo/synthea/deliveries/synthea-01/2024-10"
	text, err := os.ReadFile("../../deploy/demo/contracts/synthea.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sink := &memory{}
	r, err := Process(context.Background(), folderJob(t, contract(t, string(text)), dir, sink))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"patients": 1144, "encounters": 1215, "conditions": 555, "procedures": 2056, "immunisations": 161, "medications": 1745, "allergies": 835}
	for _, table := range r.Tables {
		if table.Accepted != want[table.Table] || table.Quarantined != 0 {
			t.Errorf("%s: %d accepted, %d quarantined; want %d and 0", table.Table, table.Accepted, table.Quarantined, want[table.Table])
		}
	}
	// Against an independent reading of one file: every condition has its code.
	codes := map[string]string{}
	eachLine(t, filepath.Join(dir, "10p-condition.ndjson.gz"), func(b []byte) {
		var c struct {
			ID   string
			Code struct {
				Coding []struct{ System, Code string }
			}
		}
		if err := json.Unmarshal(b, &c); err != nil {
			t.Fatal(err)
		}
		codes[recordKeyOf("synthea-01", "conditions", c.ID)] = c.Code.Coding[0].Code
	})
	for _, row := range sink.table(t, "payload/conditions.parquet") {
		if codes[row["record_key"]] != row["code"] || row["code"] == "" {
			t.Fatal("a condition's code differs from the file's")
		}
	}
	for name, text := range everything(t, sink) {
		if !strings.HasPrefix(name, "identifiers/") && (strings.Contains(text, "Medhurst") || strings.Contains(text, "(disorder)")) {
			t.Errorf("%s holds a name or a display", name)
		}
	}
}

const observation = `{"resourceType":"Observation","id":"o1","status":"final","text":{"div":"<div>CANARY</div>"},"note":[{"text":"CANARY"}],"code":{"text":"CANARY","coding":[{"system":"http://loinc.org","code":"33914-3","display":"CANARY"}]},` +
	`"subject":{"reference":"Patient/p1","display":"CANARY"},"encounter":{"reference":"Encounter/e1"},"effectivePeriod":{"start":"2024-01-02T03:04:05+01:00"},"valueQuantity":{"value":61.5,"unit":"CANARY","code":"mL/min"},"extension":[{"valueString":"CANARY"}],"contained":[{"id":"CANARY"}]}` + "\n"

// The eighth type: observations, of which the shared export holds none. What no
// path names is nowhere.
func TestObservations(t *testing.T) {
	text, err := os.ReadFile("../../deploy/demo/contracts/synthea.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sink, _ := takeIn(t, contract(t, string(text)), named{"o.ndjson", "observations", "{}\n" + observation})
	rows := sink.table(t, "payload/observations.parquet")
	if len(rows) != 1 || rows[0]["code"] != "33914-3" || rows[0]["value"] != "61.5" || rows[0]["unit"] != "mL/min" || rows[0]["observed_at"] != "2024-01-02T02:04:05Z" || rows[0]["value_code"] != "" {
		t.Errorf("%v", rows)
	}
	for name, all := range everything(t, sink) {
		if strings.Contains(all, "CANARY") {
			t.Errorf("%s holds what no path names", name)
		}
	}
}

func eachLine(t *testing.T, path string, f func([]byte)) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range bytes.Split(bytes.TrimSpace(all), []byte("\n")) {
		f(line)
	}
}
