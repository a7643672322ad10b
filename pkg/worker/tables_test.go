package worker

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/objects"
)

// workbook writes sheets, given as CSV, as a spreadsheet program does.
func workbook(t *testing.T, sheets ...string) string {
	t.Helper()
	const office = "http://schemas.openxmlformats.org/"
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	put := func(name, text string) {
		w, err := z.Create(name)
		must(t, err)
		_, err = w.Write([]byte(text))
		must(t, err)
	}
	list, links := "", ""
	for i, s := range sheets {
		list += fmt.Sprintf(`<sheet name="Table %d" sheetId="%d" r:id="rId%d"/>`, i+1, i+1, i+1)
		links += fmt.Sprintf(`<Relationship Id="rId%d" Type="x/worksheet" Target="worksheets/sheet%d.xml"/>`, i+1, i+1)
		rows := ""
		for r, line := range strings.Split(strings.TrimSpace(s), "\n") {
			rows += fmt.Sprintf(`<row r="%d">`, r+3)
			for c, x := range strings.Split(line, ",") {
				ref := fmt.Sprintf("%c%d", 'B'+c, r+3)
				if strings.Trim(x, "0123456789") == "" {
					rows += fmt.Sprintf(`<c r="%s"><v>%s</v></c>`, ref, x)
				} else {
					rows += fmt.Sprintf(`<c r="%s" t="inlineStr"><is><t>%s</t></is></c>`, ref, x)
				}
			}
			rows += "</row>"
		}
		put(fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1), `<worksheet xmlns="`+office+`spreadsheetml/2006/main"><sheetData>`+rows+`</sheetData></worksheet>`)
	}
	put("[Content_Types].xml", `<Types xmlns="`+office+`package/2006/content-types"/>`)
	put("xl/workbook.xml", `<workbook xmlns:r="`+office+`officeDocument/2006/relationships"><sheets>`+list+`</sheets></workbook>`)
	put("xl/_rels/workbook.xml.rels", `<Relationships>`+links+`</Relationships>`)
	must(t, z.Close())
	return out.String()
}

// TestTablesInWorkbooksAreComputedAgain sends one table as CSV, as a workbook
// and as JSON: each is computed again, compared with another project's release,
// and remembered.
func TestTablesInWorkbooksAreComputedAgain(t *testing.T) {
	b := bench(t).inspector(t)
	a, other := b.extract(t, "prj-a", 0), b.extract(t, "prj-b", 41)
	all, most, wrong := "side,count\nnorth,60\nsouth,60\n", "side,count\nnorth,58\nsouth,58\n", "side,count\nnorth,58\nsouth,61\n"
	object := func(csv string) string {
		var n, s int
		_, err := fmt.Sscanf(csv, "side,count\nnorth,%d\nsouth,%d", &n, &s)
		must(t, err)
		return fmt.Sprintf(`[{"side":"north","count":%d},{"side":"south","count":%d}]`, n, s)
	}
	id := 0
	job := func(d airlock.Data, filter, name, text string, history ...objects.Ref) airlock.CheckJob {
		id++
		spec := b.submit(t, fmt.Sprint("s", id), name+airlock.SpecSuffix, `{"ark":1,"kind":"crosstab","data":"visits","rows":["side"],"filter":"`+filter+`"}`)
		spec.Kind = airlock.KindSupporting
		return airlock.CheckJob{Request: "r", Project: "prj-a", Profile: "ark", Files: []airlock.CheckOf{b.submit(t, fmt.Sprint("f", id), name, text)},
			Behind: airlock.Behind{Data: d, Specs: []airlock.CheckOf{spec}, History: history}}
	}
	for name, write := range map[string]func(string) string{"t.csv": func(s string) string { return s }, "t.xlsx": func(s string) string { return workbook(t, s) }, "t.json": object} {
		first := job(a, "", name, write(all))
		res := b.checks(t, first)
		if got := rules(res.Files[0].Findings); res.Files[0].Verdict != "pass" {
			t.Fatalf("%s: %s %v", name, res.Files[0].Verdict, got)
		}
		if got := rules(b.checks(t, job(other, "age < 78", name, write(wrong))).Files[0].Findings); !slices.Contains(got, "table-not-reproducible") {
			t.Errorf("%s with a wrong count: %v", name, got)
		}
		if got := b.checks(t, job(other, "age < 78", name, write(most))).Files[0]; got.Verdict != "pass" {
			t.Errorf("%s alone: %v", name, rules(got.Findings))
		}
		f := first.Files[0]
		f.Ordinal = 1
		if c := res.Files[0].Clean; c.Name != "" {
			f.Submitted = airlock.Submitted{Name: f.Name, Ref: f.Ref}
			f.Name, f.Ref = c.Name, c.Ref
		}
		kept := b.releases(t, airlock.ReleaseJob{Release: fmt.Sprint("rel-", id), Request: "r", Project: "prj-a", Profile: "ark", Files: []airlock.CheckOf{f}, Behind: first.Behind})
		got := b.checks(t, job(other, "age < 78", name, write(most), kept)).Files[0]
		if got.Verdict != "fail" || !slices.Contains(rules(got.Findings), "release-difference") {
			t.Errorf("%s beside the release: %s %v", name, got.Verdict, rules(got.Findings))
		}
	}
}

// Counts withheld in one sheet follow from another sheet, or from another file.
func TestSheetsAreSubtracted(t *testing.T) {
	b := bench(t).inspector(t)
	p, err := Profile("cms")
	must(t, err)
	p.Files = append(slices.Clone(p.Files), "xlsx")
	withheld, shown := "region,n\nNorth,*\nSouth,*\nEast,40\nTotal,100\n", "region,n\nNorth,55\nEast,40\n"
	for name, files := range map[string][]airlock.CheckOf{
		"two sheets":           {b.submit(t, "f1", "book.xlsx", workbook(t, withheld, shown))},
		"a sheet and a CSV":    {b.submit(t, "f2", "book.xlsx", workbook(t, withheld)), b.submit(t, "f3", "t.csv", shown)},
		"a sheet and a sheet":  {b.submit(t, "f4", "a.xlsx", workbook(t, withheld)), b.submit(t, "f5", "b.xlsx", workbook(t, shown))},
		"a sheet alone passes": {b.submit(t, "f6", "book.xlsx", workbook(t, withheld))},
	} {
		look, err := b.look(t.Context(), p, airlock.Data{})
		must(t, err)
		var all []leaving
		for _, f := range files {
			data, err := b.bytes(t.Context(), f.Ref)
			must(t, err)
			found, f, data, err := look.clean(t.Context(), f, data, files)
			must(t, err)
			if found.Verdict != disclose.Pass {
				t.Errorf("%s: %s: %+v", name, f.Name, found.Findings)
			}
			tables, err := tablesOf(f, data, found)
			must(t, err)
			all = append(all, leaving{f, tables})
		}
		joint, err := look.together(t.Context(), all)
		must(t, err)
		look.Close()
		if hit := len(joint[0]) > 0 && disclose.Judge(joint[0]) == disclose.Fail; hit == (name == "a sheet alone passes") {
			t.Errorf("%s: %+v", name, joint)
		}
		for _, x := range joint[0] {
			if x.Where.Sheet != "Table 1" || x.File != files[0].Name || x.Where.Ref != "C4" && x.Where.Ref != "C5" {
				t.Errorf("%s: found at %+v of %s", name, x.Where, x.File)
			}
		}
	}
}

// releases runs the release step and gives who stands behind it.
func (b Bench) releases(t *testing.T, job airlock.ReleaseJob) objects.Ref {
	t.Helper()
	out, err := b.releaseSteps()[0].Do(t.Context(), mustJSON(t, job), nil)
	must(t, err)
	res := out.(airlock.ReleaseResult)
	if res.Refused != "" {
		t.Fatal(res.Refused)
	}
	return res.Contributors
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	must(t, err)
	return raw
}
