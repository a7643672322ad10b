package inspect_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/inspect"
)

const study = "../../docs/studies/inspection.md"

// The study of the corpus is what inspection finds today. ARK_GOLDEN=update
// writes it anew.
func TestStudyIsOfToday(t *testing.T) {
	want := []byte(written(t))
	if os.Getenv("ARK_GOLDEN") == "update" {
		if err := os.WriteFile(study, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(study)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/studies/inspection.md is not of today: ARK_GOLDEN=update go test ./airlock/inspect -run TestStudyIsOfToday")
	}
}

func written(t *testing.T) string {
	s := start(t, inspect.Inspector{}, extract(t))
	all := corpus(t)
	n, kinds := map[string]int{}, []string{}
	tools := map[string]map[string]int{"hostile": {}, "harmless": {}}
	verdicts := map[string]map[string]int{} // of each technique
	for _, c := range all {
		kind := cmp.Or(strings.ToLower(strings.TrimPrefix(path.Ext(c.name), ".")), "none")
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
		r, err := s.Look(t.Context(), inspect.Item{Name: c.name, Data: c.data, Records: 2000})
		if err != nil {
			t.Fatal(err)
		}
		for _, of := range []string{"all ", kind + " "} {
			n[of+c.label]++
			n[of+c.label+" "+string(r.Verdict)]++
		}
		tools[c.label][c.tool]++
		if c.label == "hostile" {
			if verdicts[c.technique] == nil {
				verdicts[c.technique] = map[string]int{}
			}
			verdicts[c.technique][string(r.Verdict)]++
		}
	}
	var b strings.Builder
	b.WriteString("# What inspection finds\n\nWritten by `TestStudyIsOfToday`, which holds it to what [inspection](../inspection.md) finds in its corpus today. Every file in it is made up.\n\n## By kind\n\n")
	b.WriteString("| ending | hostile | fail | review | pass | harmless | fail | review | pass |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	slices.SortFunc(kinds, func(x, y string) int {
		return cmp.Or(cmp.Compare(n[y+" hostile"]+n[y+" harmless"], n[x+" hostile"]+n[x+" harmless"]), cmp.Compare(x, y))
	})
	for _, k := range append(kinds, "all") {
		fmt.Fprintf(&b, "| %s |", k)
		for _, of := range []string{"hostile", "hostile fail", "hostile review", "hostile pass", "harmless", "harmless fail", "harmless review", "harmless pass"} {
			fmt.Fprintf(&b, " %d |", n[k+" "+of])
		}
		b.WriteString("\n")
	}
	b.WriteString("\n## By who wrote the files\n\n| tool | hostile | harmless |\n|---|--:|--:|\n")
	names := []string{}
	for _, l := range []string{"hostile", "harmless"} {
		for tool := range tools[l] {
			if !slices.Contains(names, tool) {
				names = append(names, tool)
			}
		}
	}
	slices.Sort(names)
	for _, tool := range names {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", tool, tools["hostile"][tool], tools["harmless"][tool])
	}
	fmt.Fprintf(&b, "\n## By what is looked for\n\n%d techniques. A number beside one says that so many of its files are for review; all others fail.\n\n| what is looked for | found by | techniques |\n|---|---|---|\n", len(verdicts))
	var order []string
	of, by := map[string][]string{}, map[string][]string{}
	for _, m := range matrix(t) {
		if of[m[0]] == nil {
			order = append(order, m[0])
		}
		name := m[1]
		if k := verdicts[m[1]]["review"]; k > 0 {
			name += fmt.Sprintf(" (%d)", k)
		}
		of[m[0]] = append(of[m[0]], name)
		for _, r := range strings.Fields(m[2]) {
			if !slices.Contains(by[m[0]], "`"+r+"`") {
				by[m[0]] = append(by[m[0]], "`"+r+"`")
			}
		}
	}
	for _, thing := range order {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", thing, strings.Join(by[thing], " "), strings.Join(of[thing], ", "))
	}
	b.WriteString("\n## Five files before and after\n")
	for _, name := range []string{"hrow0.xlsx", "ran0.ipynb", "text0.png", "formula0.csv", "on0.svg"} {
		at := slices.IndexFunc(all, func(c sample) bool { return c.name == name })
		if at < 0 {
			t.Fatalf("the corpus has no %s", name)
		}
		r, err := s.Look(t.Context(), inspect.Item{Name: name, Data: all[at].data, Anyway: true})
		if err != nil {
			t.Fatal(err)
		}
		if r.Rebuilt == nil {
			t.Fatalf("no clean file is made of %s", name)
		}
		fmt.Fprintf(&b, "\n### %s (%s)\n\nVerdict `%s`:", name, all[at].tool, r.Verdict)
		for _, x := range r.Findings {
			fmt.Fprintf(&b, " `%s` %s.", x.Rule, x.Says)
		}
		fmt.Fprintf(&b, "\n\nBefore, %d bytes:\n\n%s\nAfter, %d bytes:\n\n%s", len(all[at].data), shown(t, name, all[at].data), len(r.Rebuilt), shown(t, name, r.Rebuilt))
	}
	return b.String()
}

// shown is what is in a file, as lines of a page.
func shown(t *testing.T, name string, data []byte) string {
	t.Helper()
	var b strings.Builder
	line := func(format string, args ...any) {
		s := fmt.Sprintf(format, args...)
		if len(s) > 110 {
			s = s[:110] + " …"
		}
		b.WriteString("    " + s + "\n")
	}
	switch path.Ext(name) {
	case ".xlsx":
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range z.File {
			line("%s, %d bytes", m.Name, m.UncompressedSize64)
			if !strings.Contains(m.Name, "worksheets/sheet") {
				continue
			}
			r, err := m.Open()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range strings.SplitAfter(string(text), "</row>") {
				if i := strings.Index(row, "<row"); i >= 0 {
					line("  %s", row[i:])
				}
			}
		}
	case ".png":
		for at := 8; at+8 <= len(data); {
			n := int(binary.BigEndian.Uint32(data[at:]))
			line("chunk %s, %d bytes", data[at+4:at+8], n)
			at += 12 + n
		}
	default:
		lines, most := strings.Split(strings.TrimSpace(string(data)), "\n"), 12
		if path.Ext(name) == ".ipynb" {
			most = 36
		}
		for i, l := range lines {
			if i == most && len(lines) > most+2 {
				line("… %d more lines", len(lines)-i)
				break
			}
			line("%s", strings.TrimRight(l, "\r"))
		}
	}
	return b.String()
}
