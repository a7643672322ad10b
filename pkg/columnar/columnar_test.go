package columnar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

var allTypes = Schema{
	{"key", String, false}, {"label", String, true}, {"n", Int64, true}, {"x", Float64, true},
	{"ok", Bool, true}, {"day", Date, true}, {"at", Timestamp, true},
}

// sample makes rows with nulls, repeats, empty-ish text, extremes and NaN.
func sample(n int, seed uint64) [][]Value {
	r := rand.New(rand.NewPCG(seed, 1))
	or := func(v Value) Value {
		if r.IntN(5) == 0 {
			return cell.Null
		}
		return v
	}
	floats := []float64{0, math.Copysign(0, -1), -1.5, 1e300, math.NaN(), math.MaxFloat64, 2.25}
	out := make([][]Value, n)
	for i := range out {
		out[i] = []Value{
			cell.Str(fmt.Sprintf("k%08x\x00%d", r.Uint32(), i%3)), or(cell.Str([]string{"a", "b", "longer label", "é\x00z"}[r.IntN(4)])),
			or(cell.Int(r.Int64() - r.Int64())), or(cell.Float(floats[r.IntN(len(floats))])), or(cell.Flag(r.IntN(2) == 0)),
			or(cell.Day(int32(r.IntN(40000) - 20000))), or(cell.Micros(r.Int64N(4e15) - 2e15)),
		}
	}
	return out
}

func write(t testing.TB, s Schema, rows [][]Value, o Options) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := NewWriter(&buf, s, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := w.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func readAll(b []byte, l Limits, columns ...string) (Schema, [][]Value, error) {
	r, err := Open(bytes.NewReader(b), int64(len(b)), l)
	if err != nil {
		return nil, nil, err
	}
	var out [][]Value
	for row, err := range r.Rows(context.Background(), columns...) {
		if err != nil {
			return nil, nil, err
		}
		out = append(out, slices.Clone(row))
	}
	return r.Schema(), out, nil
}

var byText = cmp.Comparer(func(a, b Value) bool { return a == b })

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 999, 1000, 20001} {
		for _, c := range []Compression{Zstd, Snappy} {
			rows := sample(n, uint64(n))
			s, got, err := readAll(write(t, allTypes, rows, Options{Compression: c, RowGroup: 1000}), Limits{})
			if err != nil {
				t.Fatalf("%d rows, %s: %v", n, c, err)
			}
			if d := cmp.Diff(allTypes, s); d != "" {
				t.Errorf("schema: %s", d)
			}
			if d := cmp.Diff(rows, got, byText); n > 0 && d != "" {
				t.Fatalf("%d rows, %s: %s", n, c, d)
			}
		}
	}
}

func TestProjection(t *testing.T) {
	rows := sample(3000, 4)
	b := write(t, allTypes, rows, Options{RowGroup: 700})
	_, got, err := readAll(b, Limits{}, "n", "key")
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range got {
		if len(row) != 2 || row[0] != rows[i][2] || row[1] != rows[i][0] {
			t.Fatalf("row %d: columns in the wrong order", i)
		}
	}
	if _, _, err := readAll(b, Limits{}, "absent"); !ark.Is(err, ark.Unknown) {
		t.Errorf("an absent column: %v", err)
	}
}

// How rows come in (one by one or in records of any length) leaves no trace.
func TestBytesDoNotShowBatches(t *testing.T) {
	want := write(t, allTypes, sample(5000, 9), Options{RowGroup: 512})
	r, err := Open(bytes.NewReader(want), int64(len(want)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w, err := NewWriter(&buf, allTypes, Options{RowGroup: 512})
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range r.Records(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteRecord(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, buf.Bytes()) {
		t.Error("the same rows in records of another length gave other bytes")
	}
}

func TestAppendRefuses(t *testing.T) {
	w, err := NewWriter(&bytes.Buffer{}, allTypes, Options{})
	if err != nil {
		t.Fatal(err)
	}
	where := ark.Where{File: "a.csv", Row: 7}
	for _, tt := range []struct {
		name  string
		cells []string
		field string
	}{
		{"number", []string{"k", "", "12x-canary", "", "", "", ""}, "n"},
		{"missing", []string{"", "", "", "", "", "", ""}, "key"},
		{"float", []string{"k", "", "", "0x10p3", "", "", ""}, "x"},
		{"bool", []string{"k", "", "", "", "maybe-canary", "", ""}, "ok"},
		{"date", []string{"k", "", "", "", "", "2023-02-30", ""}, "day"},
		{"time", []string{"k", "", "", "", "", "", "yesterday-canary"}, "at"},
		{"utf8", []string{"\xff", "", "", "", "", "", ""}, "key"},
	} {
		err := w.AppendText(tt.cells, where)
		var f *ark.Fault
		if !errors.As(err, &f) || f.Kind != ark.Invalid || f.Where != (ark.Where{File: "a.csv", Row: 7, Field: tt.field}) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if bytes.Contains([]byte(f.Error()), []byte("canary")) {
			t.Errorf("%s: the fault repeats the value", tt.name)
		}
	}
	if err := w.AppendText([]string{"k", "", "1", "2", "true", "2020-02-29", "2020-02-29T10:00:00+01:00"}, where); err != nil {
		t.Errorf("a good row after bad ones: %v", err)
	}
	if w.Rows() != 1 {
		t.Errorf("%d rows, want the one good one", w.Rows())
	}
	if err := w.Append([]Value{cell.Int(1), {}, {}, {}, {}, {}, {}}); !ark.Is(err, ark.Invalid) {
		t.Errorf("an int64 in a string column: %v", err)
	}
}

func TestSchemaRefuses(t *testing.T) {
	for name, s := range map[string]Schema{
		"empty": {}, "twice": {{"a", Int64, false}, {"a", String, true}}, "untyped": {{"a", "", false}}, "nameless": {{"", Int64, false}},
	} {
		if _, err := NewWriter(&bytes.Buffer{}, s, Options{}); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	nested := arrow.NewSchema([]arrow.Field{{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64)}}, nil)
	if _, err := FromArrow(nested); !ark.Is(err, ark.Invalid) {
		t.Errorf("a nested schema: %v", err)
	}
}

// Row keys keep the order of rows and read back.
func TestRowKeyOrder(t *testing.T) {
	value := func(t *rapid.T, f Field) Value {
		if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
			return cell.Null
		}
		switch f.Type {
		case String:
			return cell.Str(rapid.StringOfN(rapid.SampledFrom([]rune{0, 1, 255, 'a', 'b', 'é'}), 0, 5, -1).Draw(t, "s"))
		case Int64:
			return cell.Int(rapid.Int64().Draw(t, "n"))
		case Float64:
			return cell.Float(rapid.Float64().Draw(t, "f"))
		case Bool:
			return cell.Flag(rapid.Bool().Draw(t, "b"))
		case Date:
			return cell.Day(rapid.Int32().Draw(t, "d"))
		}
		return cell.Micros(rapid.Int64().Draw(t, "us"))
	}
	rapid.Check(t, func(t *rapid.T) {
		var keys [2][]byte
		var rows [2][]Value
		want := 0
		for _, f := range allTypes {
			a, b := value(t, f), value(t, f)
			rows[0], rows[1] = append(rows[0], a), append(rows[1], b)
			keys[0], keys[1] = appendKey(keys[0], f.Type, a), appendKey(keys[1], f.Type, b)
			if want == 0 {
				want = cell.Compare(a, b)
				if want == 0 && a != b { // -0 and +0 are equal numbers and distinct rows
					want = bytes.Compare(appendKey(nil, f.Type, a), appendKey(nil, f.Type, b))
				}
			}
		}
		if got := bytes.Compare(keys[0], keys[1]); got != want {
			t.Fatalf("keys compare %d, rows %d", got, want)
		}
		rest := keys[0]
		for i, f := range allTypes {
			var v Value
			var err error
			if v, rest, err = cutKey(rest, f.Type); err != nil || v != rows[0][i] {
				t.Fatalf("column %s reads back wrong: %v", f.Name, err)
			}
		}
	})
}

func sortedBytes(t testing.TB, rows [][]Value, dir string, mem int64) []byte {
	t.Helper()
	s, err := NewSorter(allTypes, SortOptions{By: []string{"label", "day"}, Dir: dir, Memory: mem})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, row := range rows {
		if err := s.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	var buf bytes.Buffer
	w, err := NewWriter(&buf, allTypes, Options{RowGroup: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WriteTo(context.Background(), w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// The order of arrival and the size of memory don't show; nothing is lost;
// spills leave nothing behind and nothing readable.
func TestSortSpills(t *testing.T) {
	rows := sample(20000, 5)
	rows = append(rows, rows[:500]...) // repeats are kept
	dir := t.TempDir()
	want := sortedBytes(t, rows, dir, 1<<30)
	other := slices.Clone(rows)
	rand.New(rand.NewPCG(2, 2)).Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
	if got := sortedBytes(t, other, dir, 8<<10); !bytes.Equal(got, want) { // some 250 runs: two levels of merging
		t.Error("another order of arrival and a smaller memory gave other bytes")
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%d spill files left behind", len(left))
	}
	_, got, err := readAll(want, Limits{})
	if err != nil || len(got) != len(rows) {
		t.Fatalf("%d rows of %d: %v", len(got), len(rows), err)
	}
	order := func(a, b []Value) int {
		for _, c := range []int{1, 5, 0, 2, 3, 4, 6} {
			if d := cell.Compare(a[c], b[c]); d != 0 {
				return d
			}
		}
		return 0
	}
	if !slices.IsSortedFunc(got, order) {
		t.Error("not in the order asked")
	}
}

func TestSortUnique(t *testing.T) {
	rows := sample(2000, 6)
	s, err := NewSorter(allTypes, SortOptions{Dir: t.TempDir(), Memory: 16 << 10, Unique: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, row := range append(slices.Clone(rows), rows...) {
		if err := s.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, err := range s.All(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != len(rows) {
		t.Errorf("%d rows, want %d", n, len(rows))
	}
}

// A fresh process with another thread count writes the same bytes.
func TestSameBytesInFreshProcess(t *testing.T) {
	if os.Getenv("COLUMNAR_CHILD") != "" {
		rows := sample(30000, 11)
		if os.Getenv("COLUMNAR_CHILD") == "reversed" {
			slices.Reverse(rows)
		}
		fmt.Printf("sum=%x\n", sha256.Sum256(sortedBytes(t, rows, t.TempDir(), 256<<10)))
		return
	}
	want := fmt.Sprintf("sum=%x\n", sha256.Sum256(sortedBytes(t, sample(30000, 11), t.TempDir(), 256<<10)))
	for _, threads := range []string{"1", "2", "7"} {
		for _, how := range []string{"straight", "reversed"} {
			cmd := exec.Command(os.Args[0], "-test.run=^TestSameBytesInFreshProcess$", "-test.v")
			cmd.Env = append(os.Environ(), "GOMAXPROCS="+threads, "COLUMNAR_CHILD="+how)
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte(want)) {
				t.Errorf("GOMAXPROCS=%s %s: %v\n%s", threads, how, err, out)
			}
		}
	}
}

// Reading and sorting a table far larger than the memory given stays small.
func TestMemoryIsBounded(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "big")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := Schema{{"key", String, false}, {"n", Int64, false}}
	w, err := NewWriter(f, s, Options{RowGroup: 16384})
	if err != nil {
		t.Fatal(err)
	}
	const n = 400_000
	r := rand.New(rand.NewPCG(1, 1))
	for range n {
		if err := w.Append([]Value{cell.Str(fmt.Sprintf("%064x", r.Uint64())), cell.Int(r.Int64())}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	size, _ := f.Seek(0, 1)
	rd, err := Open(f, size, Limits{Memory: 48 << 20})
	if err != nil {
		t.Fatal(err)
	}
	sorter, err := NewSorter(s, SortOptions{Dir: t.TempDir(), Memory: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer sorter.Close()
	var peak uint64
	seen := 0
	for row, err := range rd.Rows(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := sorter.Append(row); err != nil {
			t.Fatal(err)
		}
		if seen++; seen%50000 == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
	}
	if seen != n {
		t.Fatalf("%d rows of %d", seen, n)
	}
	if peak > 40<<20 {
		t.Errorf("live heap reached %d MiB for 34 MB of rows under a 4 MiB sort", peak>>20)
	}
}

func TestCancel(t *testing.T) {
	b := write(t, allTypes, sample(30000, 3), Options{})
	r, err := Open(bytes.NewReader(b), int64(len(b)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	batches := 0
	var last error
	for _, err := range r.Records(ctx) {
		batches++
		last = err
		stop()
	}
	if batches != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d batches after cancel, %v", batches, last)
	}
}

// The same table is the same bytes, also where a dictionary is given up amid a
// group, so that its column has pages of two encodings.
func TestSameBytesAfterADictionary(t *testing.T) {
	s := Schema{{Name: "word", Type: String}, {Name: "n", Type: Int64}}
	write := func() []byte {
		var b bytes.Buffer
		w, err := NewWriter(&b, s, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40_000 {
			if err := w.Append([]Value{cell.Str(fmt.Sprintf("%08d-%d", i*7919%40_000, i)), cell.Int(int64(i))}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	first := write()
	f, err := file.NewParquetReader(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.MetaData().RowGroup(0).ColumnChunk(0)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[parquet.Encoding]bool{}
	for _, e := range c.EncodingStats() {
		if e.PageType == 0 { // of data
			kinds[e.Encoding] = true
		}
	}
	if len(kinds) < 2 {
		t.Fatalf("the column's pages have one encoding, so that this shows nothing: %v", c.EncodingStats())
	}
	for i := range 60 {
		if !bytes.Equal(write(), first) {
			t.Fatalf("the file written %d times is another", i+2)
		}
	}
}
