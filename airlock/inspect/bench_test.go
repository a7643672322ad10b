package inspect_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/inspect/known"
	"github.com/ark-tre/ark/airlock/inspect/pack"
)

// BenchmarkCSV looks at a CSV of 1 MB, warm, with a set of known values.
func BenchmarkCSV(b *testing.B) {
	f, _, err := known.Make(b.TempDir(), strings.NewReader(strings.Repeat("QX722K19AB\nJ4M8P2R6T1\n", 1000)))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	s := start(b, inspect.Inspector{}, f)
	var t strings.Builder
	t.WriteString("area,age band,n,mean,percent,sd,median,note\n")
	for i := 0; t.Len() < 1<<20; i++ {
		fmt.Fprintf(&t, "area %d,%d-%d,%d,%.3f,%.1f,%.2f,%d,plain words are here and more of them so that rows are long enough, as in tables with notes %d\n", i, i%90, i%90+4, (i%200+2)*5, float64(i)*1.7, float64(i%100), float64(i)/7, i%50, i)
	}
	data := []byte(t.String())
	b.SetBytes(int64(len(data)))
	before := children()
	for b.Loop() {
		look(b, s, "table.csv", data)
	}
	spent(b, s, before)
}

// BenchmarkStart starts a walled child and has it look at one small table.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s := start(b, inspect.Inspector{}, nil)
		look(b, s, "table.csv", []byte(table))
		s.Close()
	}
}

// children is the processor time of children that have ended.
func children() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// spent reports the child's own processor time beside what a loaded machine
// makes of it.
func spent(b *testing.B, s *inspect.Session, before time.Duration) {
	s.Close()
	b.ReportMetric(float64((children()-before).Milliseconds())/float64(b.N), "ms-of-processor")
}

// BenchmarkXLSX looks at a workbook of 10 MB.
func BenchmarkXLSX(b *testing.B) {
	s := start(b, inspect.Inspector{}, nil)
	data := workbook(10 << 20)
	b.SetBytes(int64(len(data)))
	before := children()
	for b.Loop() {
		look(b, s, "book.xlsx", data)
	}
	spent(b, s, before)
}

// workbook writes one sheet whose archive is about n bytes long.
func workbook(n int) []byte {
	var sheet bytes.Buffer
	sheet.WriteString(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`)
	x := uint32(1)
	for r := 1; sheet.Len() < n*9/2; r++ {
		fmt.Fprintf(&sheet, `<row r="%d">`, r)
		for c := range 40 {
			x = x*1664525 + 1013904223
			fmt.Fprintf(&sheet, `<c r="%c%c%d"><v>%d.%d</v></c>`, 'A'+c/20, 'A'+c%20, r, x>>8, x&255)
		}
		sheet.WriteString("</row>")
	}
	sheet.WriteString("</sheetData></worksheet>")
	const office = "http://schemas.openxmlformats.org/"
	return pack.Zip([]pack.Member{
		{Name: "[Content_Types].xml", Data: []byte(`<Types xmlns="` + office + `package/2006/content-types"/>`)},
		{Name: "xl/workbook.xml", Data: []byte(`<workbook xmlns:r="` + office + `officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`)},
		{Name: "xl/_rels/workbook.xml.rels", Data: []byte(`<Relationships><Relationship Id="rId1" Type="x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`)},
		{Name: "xl/worksheets/sheet1.xml", Data: sheet.Bytes()},
	})
}

// BenchmarkThousandFiles looks at a thousand small files in one session.
func BenchmarkThousandFiles(b *testing.B) {
	for b.Loop() {
		s := start(b, inspect.Inspector{}, nil)
		for i := range 1000 {
			look(b, s, fmt.Sprintf("table%d.csv", i), []byte(table))
		}
		s.Close()
	}
}

// BenchmarkTenMillionKnown holds ten million known values and looks one up.
func BenchmarkTenMillionKnown(b *testing.B) {
	f, err := os.CreateTemp(b.TempDir(), "known-")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	const n = 10_000_000
	sums := make([]uint64, n)
	var buf [8]byte
	for i := range sums {
		binary.LittleEndian.PutUint64(buf[:], uint64(i))
		sums[i] = known.Sum(buf[:])
	}
	if _, err := known.WriteSums(f, sums); err != nil {
		b.Fatal(err)
	}
	sums = nil
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	set, err := known.Open(f)
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	for i := uint64(0); b.Loop(); i++ {
		binary.LittleEndian.PutUint64(buf[:], i%n)
		if !set.Has(buf[:]) {
			b.Fatal("a known value is not known")
		}
	}
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/1e6, "MB-held")
}

// BenchmarkCorpus prints how the corpus comes out, by kind.
func BenchmarkCorpus(b *testing.B) {
	s := start(b, inspect.Inspector{}, extract(b))
	all := corpus(b)
	n, kinds, techniques := map[string]float64{}, []string{}, map[string]map[string]bool{}
	for b.Loop() {
		clear(n)
		for _, c := range all {
			kind := strings.ToLower(strings.TrimPrefix(path.Ext(c.name), "."))
			if techniques[kind] == nil {
				kinds, techniques[kind] = append(kinds, kind), map[string]bool{}
			}
			if c.label == "hostile" {
				techniques[kind][c.technique] = true
			}
			v := string(look(b, s, c.name, c.data).Verdict)
			for _, of := range []string{"", kind + " "} {
				n[of+c.label]++
				n[of+c.label+" "+v]++
			}
		}
	}
	b.ReportMetric(n["hostile"], "hostile")
	b.ReportMetric(n["hostile pass"], "hostile-passed")
	b.ReportMetric(100*n["hostile fail"]/n["hostile"], "%recall-as-fail")
	b.ReportMetric(n["harmless"], "harmless")
	b.ReportMetric(100*n["harmless fail"]/n["harmless"], "%false-alarms")
	slices.SortFunc(kinds, func(x, y string) int { return cmp.Or(cmp.Compare(n[y+" hostile"], n[x+" hostile"]), cmp.Compare(x, y)) })
	var t strings.Builder
	t.WriteString("| kind | techniques | hostile | fail | review | pass | harmless | fail | review | pass |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, k := range kinds {
		fmt.Fprintf(&t, "| %s | %d |", cmp.Or(k, "none"), len(techniques[k]))
		for _, of := range []string{"hostile", "hostile fail", "hostile review", "hostile pass", "harmless", "harmless fail", "harmless review", "harmless pass"} {
			fmt.Fprintf(&t, " %.0f |", n[k+" "+of])
		}
		t.WriteString("\n")
	}
	fmt.Println("\n" + t.String()) // a log would be cut after ten lines
}
