package intake

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/ark-tre/ark/pkg/ark"
)

func gzipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const notesHeader = "note_id,patient_id,score\n"

// Every wrong file gets a clear fault that names the file, the row where there
// is one, and the field where it is known; and leaves no output of data.
func TestBadFiles(t *testing.T) {
	body := strings.Repeat("n,p,5\n", 5000)
	whole := gzipped(t, notesHeader+body)
	utf16le := func(s string) string {
		b := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	}
	for name, c := range map[string]struct {
		text  string
		kind  ark.Kind
		where ark.Where
		says  string
	}{
		"wrong delimiter":      {"note_id;patient_id;score\nn1;p1;3\n", ark.Invalid, ark.Where{File: "n.csv"}, "semicolon"},
		"truncated gzip":       {whole[:len(whole)/2], ark.Invalid, ark.Where{File: "n.csv"}, "ends too early"},
		"damaged gzip":         {whole[:len(whole)-8] + "xxxxxxxx", ark.Invalid, ark.Where{File: "n.csv"}, "damaged"},
		"not UTF-8":            {notesHeader + "n1,p1,3\nn2,caf\xe9,4\n", ark.Invalid, ark.Where{File: "n.csv", Row: 2}, "not UTF-8"},
		"UTF-16":               {utf16le(notesHeader), ark.Invalid, ark.Where{File: "n.csv"}, "UTF-16"},
		"binary":               {"\x00\x01\x02binary", ark.Invalid, ark.Where{File: "n.csv"}, "not text"},
		"spreadsheet":          {"PK\x03\x04....", ark.Invalid, ark.Where{File: "n.csv"}, "zip"},
		"Parquet":              {"PAR1....", ark.Invalid, ark.Where{File: "n.csv"}, "Parquet"},
		"empty":                {"", ark.Invalid, ark.Where{File: "n.csv"}, "empty"},
		"missing column":       {"note_id,score\nn1,3\n", ark.Invalid, ark.Where{File: "n.csv", Field: "patient_id"}, "no such column"},
		"no header":            {"n1,p1,3\nn2,p2,4\n", ark.Invalid, ark.Where{File: "n.csv", Field: "note_id"}, "no such column"},
		"column twice":         {"note_id,patient_id,score,score\n", ark.Invalid, ark.Where{File: "n.csv", Field: "score"}, "same name"},
		"column twice by case": {"note_id,patient_id,score,Score\n", ark.Invalid, ark.Where{File: "n.csv", Field: "score"}, "same name"},
		"undeclared twice":     {"note_id,patient_id,score,x,x\n", ark.Invalid, ark.Where{File: "n.csv"}, "same name"},
		"open quote":           {notesHeader + "n1,p1,3\n\"n2,p2,4\n", ark.Invalid, ark.Where{File: "n.csv", Row: 2}, "quoted field"},
		"field of 3 MB":        {notesHeader + "n1,p1,3\nn2,p1," + strings.Repeat("9", 3<<20) + "\n", ark.TooMuch, ark.Where{File: "n.csv", Row: 2}, "longer than"},
		"field of 10 MB":       {notesHeader + "n1,p1,3\nn2,p1," + strings.Repeat("9", 10<<20) + "\n", ark.TooMuch, ark.Where{File: "n.csv", Row: 2}, "at column 3"},
		"mostly wrong":         {notesHeader + strings.Repeat("n,p\n", 30) + "n1,p1,3\n", ark.Invalid, ark.Where{}, "break the contract"},
	} {
		t.Run(name, func(t *testing.T) {
			sink := &memory{}
			_, err := Process(context.Background(), job(t, contract(t, visitsContract), sink, named{"n.csv", "notes", c.text}))
			var f *ark.Fault
			if !errors.As(err, &f) || f.Kind != c.kind {
				t.Fatalf("%v, want a fault of kind %v", err, c.kind)
			}
			if f.Where.File != c.where.File || c.where.Row != 0 && f.Where.Row != c.where.Row || c.where.Field != "" && f.Where.Field != c.where.Field {
				t.Errorf("it points at %+v, want %+v", f.Where, c.where)
			}
			if !strings.Contains(f.Public(), c.says) {
				t.Errorf("it says %q, want something of %q", f.Public(), c.says)
			}
			if f.Remedy == "" {
				t.Error("it does not say what to do")
			}
			for out := range sink.files {
				if out != "landing/quarantine.ndjson" {
					t.Errorf("it left %s", out)
				}
			}
		})
	}
}

// endless is one line of any length.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := int64(min(int64(len(p)), e.left))
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.left -= n
	return int(n), nil
}

func (e *endless) Close() error { return nil }

// A file of 10 GiB without a line end, plain or inside a small gzip, is refused
// without being held in memory.
func TestTenGibibytesOnOneLine(t *testing.T) {
	var bomb bytes.Buffer
	z, _ := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	if _, err := io.Copy(z, &endless{64 << 20}); err != nil {
		t.Fatal(err)
	}
	z.Close()
	for name, open := range map[string]func() (io.ReadCloser, error){
		"plain": func() (io.ReadCloser, error) { return &endless{10 << 30}, nil },
		"gzip":  func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(bomb.Bytes())), nil },
		"in a row": func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(notesHeader+"n1,p1,"), &endless{10 << 30})), nil
		},
		"in quotes": func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(notesHeader+"n1,p1,\""), &endless{10 << 30})), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			j := job(t, contract(t, visitsContract), &memory{}, named{"n.csv", "notes", ""})
			j.Files[0].Open = open
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			_, err := Process(context.Background(), j)
			runtime.ReadMemStats(&after)
			if !ark.Is(err, ark.TooMuch) && !ark.Is(err, ark.Invalid) {
				t.Errorf("%v, want a fault", err)
			}
			if where(err).File != "n.csv" {
				t.Errorf("the fault points at %+v", where(err))
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
				t.Errorf("%d MiB were allocated", used>>20)
			}
		})
	}
}

func TestManifestMismatchBlocks(t *testing.T) {
	text := notesHeader + "n1,p1,3\n"
	for name, change := range map[string]func(*Job){
		"rows":           func(j *Job) { j.Manifest.Files[0].Rows = 2 },
		"hash":           func(j *Job) { j.Manifest.Files[0].SHA256 = strings.Repeat("0", 64) },
		"missing file":   func(j *Job) { j.Files = nil },
		"another file":   func(j *Job) { j.Files[0].Name = "other.csv" },
		"extra file":     func(j *Job) { j.Files = append(j.Files, Input{Name: "x.csv"}) },
		"unknown table":  func(j *Job) { j.Manifest.Files[0].Table = "nothing" },
		"another source": func(j *Job) { j.Manifest.Source = "s-2" },
		"no manifest":    func(j *Job) { j.Manifest = nil },
		"other contract": func(j *Job) { j.Manifest.Contract = "gp" },
		"sent later":     func(j *Job) { j.Manifest.Sent = received.AddDate(0, 0, 3).Format(time.DateOnly) },
		"sent sometime":  func(j *Job) { j.Manifest.Sent = "last week" },
		"short key":      func(j *Job) { j.Key = j.Key[:16] },
	} {
		t.Run(name, func(t *testing.T) {
			sink := &memory{}
			j := job(t, contract(t, visitsContract), sink, named{"n.csv", "notes", text})
			change(&j)
			if _, err := Process(context.Background(), j); err == nil || ark.KindOf(err) == ark.Internal {
				t.Errorf("%v, want a fault", err)
			}
			if _, ok := sink.files["payload/notes.parquet"]; ok {
				t.Error("payload was written")
			}
		})
	}
}

// A sink that fails at any output fails the delivery.
func TestSinkFailures(t *testing.T) {
	text := visitsHeader + "v1,p1,9990000018,Smith,1980-02-03,F,2024-01-02,,a,71.5,n7,N\n"
	for n := 0; ; n++ {
		sink := &brokenSink{after: n}
		_, err := Process(context.Background(), job(t, contract(t, visitsContract), sink, named{"v.csv", "visits", text}))
		if sink.after >= 0 { // it never came to fail
			if err != nil || n < 5 {
				t.Errorf("after %d outputs: %v", n, err)
			}
			return
		}
		if err == nil {
			t.Fatalf("the failure of output %d was not seen", n)
		}
	}
}

type brokenSink struct{ after int }

func (f *brokenSink) Create(Zone, string) (io.WriteCloser, error) {
	if f.after--; f.after < 0 {
		return nil, errors.New("disk full")
	}
	return closer{&bytes.Buffer{}}, nil
}

func TestBadManifests(t *testing.T) {
	good := `{"source":"s-1","delivery":"d1","files":[{"name":"a.csv","table":"t","rows":1,"sha256":"` + strings.Repeat("a", 64) + `"}]}`
	if _, err := ParseManifest([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "array": "[]", "unknown key": strings.Replace(good, `"source"`, `"sauce"`, 1), "trailing": good + "{}",
		"folder": strings.Replace(good, "a.csv", "../a.csv", 1), "no files": `{"source":"s","delivery":"d","files":[]}`,
		"negative": strings.Replace(good, `"rows":1`, `"rows":-1`, 1), "hash": strings.Replace(good, "aaaa", "zzzz", 1),
		"source": strings.Replace(good, "s-1", "s/1", 1), "delivery": strings.Replace(good, "d1", "../d", 1),
		"twice": strings.Replace(good, `]}`, `,{"name":"a.csv","table":"t","rows":1,"sha256":"`+strings.Repeat("a", 64)+`"}]}`, 1),
		"huge":  good + strings.Repeat(" ", maxManifest),
	} {
		if _, err := ParseManifest([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
