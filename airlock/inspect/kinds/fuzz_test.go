package kinds

import (
	"archive/zip"
	"context"
	"io"
	"path"
	"strings"
	"testing"

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

// fuzz looks at arbitrary bytes under an ending: no panic, a media type, and
// nothing that an inspector did not read to its end may pass unseen.
func fuzz(f *testing.F, endings ...string) {
	seeds(f, 12, endings...)
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
