package intake

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/ark-tre/ark/pkg/ark"
)

// How a file is written is found out and reported, and makes no difference to
// what comes out.
func TestFormsAreFoundOut(t *testing.T) {
	plain := "note_id,patient_id,score\nn1,p1,3\nn2,p\xc3\xa9,4\n"
	zstandard := func(s string) string {
		w, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(w.EncodeAll([]byte(s), nil))
	}
	auto := strings.Replace(visitsContract, "{kind: csv,", "{kind: csv, delimiter: auto,", 1)
	western := strings.Replace(visitsContract, "{kind: csv,", "{kind: csv, encoding: windows-1252,", 1)
	found := strings.Replace(visitsContract, "{kind: csv,", "{kind: csv, encoding: auto,", 1)
	want, _ := takeIn(t, contract(t, visitsContract), named{"n.csv", "notes", plain})
	for name, c := range map[string]struct {
		contract, text string
		report         FileReport
	}{
		"gzip":         {visitsContract, gzipped(t, plain), FileReport{Compression: "gzip", Encoding: "utf-8", Delimiter: "comma", LineEnds: "lf"}},
		"zstd":         {visitsContract, zstandard(plain), FileReport{Compression: "zstd", Encoding: "utf-8", Delimiter: "comma", LineEnds: "lf"}},
		"BOM and CRLF": {visitsContract, "\xef\xbb\xbf" + strings.ReplaceAll(plain, "\n", "\r\n"), FileReport{Compression: "none", Encoding: "utf-8", BOM: true, Delimiter: "comma", LineEnds: "crlf"}},
		"semicolons":   {auto, strings.ReplaceAll(plain, ",", ";"), FileReport{Compression: "none", Encoding: "utf-8", Delimiter: "semicolon", LineEnds: "lf"}},
		"tabs":         {auto, strings.ReplaceAll(plain, ",", "\t"), FileReport{Compression: "none", Encoding: "utf-8", Delimiter: "tab", LineEnds: "lf"}},
		"bars":         {auto, strings.ReplaceAll(plain, ",", "|"), FileReport{Compression: "none", Encoding: "utf-8", Delimiter: "bar", LineEnds: "lf"}},
		"windows-1252": {western, strings.ReplaceAll(plain, "\xc3\xa9", "\xe9"), FileReport{Compression: "none", Encoding: "windows-1252", Delimiter: "comma", LineEnds: "lf"}},
		"quoted":       {visitsContract, "\"note_id\",\"patient_id\",\"score\"\n\"n1\",\"p1\",\"3\"\n\"n2\",\"p\xc3\xa9\",\"4\"", FileReport{Compression: "none", Encoding: "utf-8", Delimiter: "comma", LineEnds: "lf"}},
		"zip":          {visitsContract, zipped(t, map[string]string{"n.csv": plain}), FileReport{Compression: "zip", Encoding: "utf-8", Delimiter: "comma", LineEnds: "lf"}},
		"found 1252":   {found, strings.ReplaceAll(plain, "\xc3\xa9", "\xe9"), FileReport{Compression: "none", Encoding: "windows-1252", Delimiter: "comma", LineEnds: "lf"}},
		"found utf-8":  {found, plain, FileReport{Compression: "none", Encoding: "utf-8", Delimiter: "comma", LineEnds: "lf"}},
		"found utf-16": {found, utf16le(plain), FileReport{Compression: "none", Encoding: "utf-16", BOM: true, Delimiter: "comma", LineEnds: "lf"}},
		"other order":  {visitsContract, "Score,NOTE_ID, patient_id\n3,n1,p1\n4,n2,p\xc3\xa9\n", FileReport{Compression: "none", Encoding: "utf-8", Delimiter: "comma", LineEnds: "lf"}},
	} {
		t.Run(name, func(t *testing.T) {
			sink := &memory{}
			j := job(t, contract(t, c.contract), sink, named{"n.csv", "notes", c.text})
			j.Manifest.Files[0].Rows = 2
			r, err := Process(context.Background(), j)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(sink.files["payload/notes.parquet"].Bytes(), want.files["payload/notes.parquet"].Bytes()) {
				t.Error("the payload differs from the plain file's")
			}
			got := *r.Files[0]
			if got.Compression != c.report.Compression || got.Encoding != c.report.Encoding || got.BOM != c.report.BOM || got.Delimiter != c.report.Delimiter || got.LineEnds != c.report.LineEnds {
				t.Errorf("found %+v, want %+v", got, c.report)
			}
		})
	}
}

func utf16le(s string) string {
	out := []byte{0xff, 0xfe}
	for _, r := range s {
		out = append(out, byte(r), byte(r>>8))
	}
	return string(out)
}

func zipped(t testing.TB, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// An archive of several files is read by the names the manifest gives, and by
// nothing else; one that is damaged, hidden or cut off is refused.
func TestZip(t *testing.T) {
	plain := notesHeader + "n1,p1,3\n"
	two := zipped(t, map[string]string{"../../a.csv": notesHeader + "n0,p0,0\n", "b/n.csv": plain})
	try := func(text, member string) error {
		j := job(t, contract(t, visitsContract), &memory{}, named{"n.zip", "notes", text})
		j.Manifest.Files[0].Rows, j.Manifest.Files[0].Member = 1, member
		j.Limits.Bytes = 1 << 20
		_, err := Process(context.Background(), j)
		return err
	}
	if err := try(two, "b/n.csv"); err != nil {
		t.Error(err)
	}
	flipped := []byte(zipped(t, map[string]string{"n.csv": strings.Repeat(plain, 1)}))
	flipped[14] ^= 1
	bomb := zipped(t, map[string]string{"a": strings.Repeat("x", 2<<20), "b": plain})
	for name, c := range map[string]struct {
		text, member string
		kind         ark.Kind
	}{
		"two and no name": {two, "", ark.Invalid}, "no such member": {two, "n.csv", ark.Invalid}, "cut off": {two[:60], "b/n.csv", ark.Invalid},
		"not a zip": {plain, "n.csv", ark.Invalid}, "a bomb on the way": {bomb, "b", ark.TooMuch}, "a bomb": {bomb, "a", ark.TooMuch},
	} {
		if err := try(c.text, c.member); !ark.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", name, err, c.kind)
		}
	}
}

// A hostile Parquet file ends in a fault.
func TestParquetIsNotTrusted(t *testing.T) {
	good, _ := takeIn(t, contract(t, visitsContract), named{"n.csv", "notes", notesHeader + "n1,p1,3\n"})
	raw := good.files["payload/notes.parquet"].Bytes()
	c := contract(t, visitsContract)
	try := func(raw []byte) error {
		j := job(t, c, &memory{}, named{"n.parquet", "notes", string(raw)})
		j.Files[0].At = func() (io.ReaderAt, int64, io.Closer, error) {
			return bytes.NewReader(raw), int64(len(raw)), io.NopCloser(nil), nil
		}
		_, err := Process(context.Background(), j)
		return err
	}
	for name, b := range map[string][]byte{"other columns": raw, "cut off": raw[:len(raw)/2], "a head alone": []byte("PAR1"), "a footer alone": []byte("PAR1PAR1PAR1")} {
		if err := try(b); !ark.Is(err, ark.Invalid) && !ark.Is(err, ark.TooMuch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file that unpacks to more than a delivery may hold is refused, however
// small it came.
func TestBombs(t *testing.T) {
	text := notesHeader + strings.Repeat("n,p,5\n", 400_000)
	j := job(t, contract(t, visitsContract), &memory{}, named{"n.csv", "notes", gzipped(t, text)})
	j.Limits.Bytes = 1 << 20
	if _, err := Process(context.Background(), j); !ark.Is(err, ark.TooMuch) {
		t.Errorf("%v, want TooMuch", err)
	}
}
