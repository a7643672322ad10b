package intake

import (
	"bytes"
	"context"
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
