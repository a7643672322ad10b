package kinds

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/inspect/look"
)

// seeds are up to n files of the corpus with an ending.
func seeds(f *testing.F, n int, endings ...string) {
	z, err := zip.OpenReader("../testdata/corpus.zip")
	if err != nil {
		f.Fatal(err)
	}
	defer z.Close()
	var names []string
	for i, m := range z.File {
		r, err := m.Open()
		if err != nil {
			f.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			f.Fatal(err)
		}
		if i == 0 {
			for l := range strings.Lines(string(b)) {
				names = append(names, strings.Split(l, "\t")[1])
			}
			continue
		}
		for _, e := range endings {
			if n > 0 && len(b) < 64<<10 && path.Ext(names[i-1]) == "."+e {
				f.Add(b)
				n--
			}
		}
	}
	f.Add([]byte{})
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
}

// walled is an ark-inspect behind its walls, one for each process that fuzzes.
var walled = sync.OnceValues(func() (*inspect.Session, error) {
	dir, err := os.MkdirTemp("", "ark-inspect-fuzz-")
	if err != nil {
		return nil, err
	}
	program := filepath.Join(dir, "ark-inspect")
	cmd := exec.Command("go", "build", "-o", program, "github.com/ark-tre/ark/cmd/ark-inspect")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	s, err := inspect.Inspector{Program: program, PerFile: 3 * time.Minute}.Start(context.Background(), nil)
	return s, errors.Join(err, os.RemoveAll(dir)) // a child that ends is a finding: none is started again
})

// fuzz looks at arbitrary bytes under an ending, once in this process, where
// what the bytes reach is seen, and once behind the walls: no panic, no call
// that the walls forbid, the same findings and the same clean file.
func fuzz(f *testing.F, endings ...string) {
	seeds(f, 12, endings...)
	box, err := walled()
	if err != nil {
		if os.Getenv("CI") != "" || !strings.Contains(err.Error(), "wall itself in") {
			f.Fatal(err)
		}
		f.Log("this kernel grants no walls: fuzzing in this process alone")
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, e := range endings {
			r := Look(context.Background(), Options{}, "file."+e, data)
			if r.Media == "" {
				t.Error("no type")
			}
			for _, x := range r.Findings {
				if x.Says == "an inspector broke its own list of rules" {
					t.Errorf("rule %s is not on the list", x.Rule)
				}
			}
			if len(data) == 0 && !r.Fails() {
				t.Error("nothing passes")
			}
			if box == nil {
				continue
			}
			got, err := box.Look(context.Background(), inspect.Item{Name: "file." + e, Data: data})
			if err != nil {
				t.Fatal(err)
			}
			if got.Verdict != r.Verdict() || len(got.Findings) != len(r.Findings) || !bytes.Equal(got.Rebuilt, r.Rebuilt) {
				t.Errorf("behind the walls: %s %v; here: %s %v", got.Verdict, got.Findings, r.Verdict(), r.Findings)
			}
		}
		_ = look.NewRoom()
	})
}

func FuzzCSV(f *testing.F)         { fuzz(f, "csv", "tsv") }
func FuzzJSON(f *testing.F)        { fuzz(f, "json") }
func FuzzParquet(f *testing.F)     { fuzz(f, "parquet") }
func FuzzXLSX(f *testing.F)        { fuzz(f, "xlsx") }
func FuzzODS(f *testing.F)         { fuzz(f, "ods") }
func FuzzPNG(f *testing.F)         { fuzz(f, "png") }
func FuzzJPEG(f *testing.F)        { fuzz(f, "jpg") }
func FuzzSVG(f *testing.F)         { fuzz(f, "svg") }
func FuzzHTML(f *testing.F)        { fuzz(f, "html") }
func FuzzPDF(f *testing.F)         { fuzz(f, "pdf") }
func FuzzOffice(f *testing.F)      { fuzz(f, "docx", "pptx") }
func FuzzNotebook(f *testing.F)    { fuzz(f, "ipynb") }
func FuzzText(f *testing.F)        { fuzz(f, "md", "py") }
func FuzzPickle(f *testing.F)      { fuzz(f, "pkl", "joblib") }
func FuzzR(f *testing.F)           { fuzz(f, "rds") }
func FuzzStata(f *testing.F)       { fuzz(f, "dta") }
func FuzzONNX(f *testing.F)        { fuzz(f, "onnx") }
func FuzzSafetensors(f *testing.F) { fuzz(f, "safetensors") }
func FuzzPMML(f *testing.F)        { fuzz(f, "pmml") }
func FuzzZIP(f *testing.F)         { fuzz(f, "zip") }
func FuzzTAR(f *testing.F)         { fuzz(f, "tar", "tgz") }
