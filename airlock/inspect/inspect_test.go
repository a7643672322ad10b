package inspect

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

func profile(t testing.TB) policy.Profile {
	t.Helper()
	p, err := policy.Shipped("ark")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func pictures(t testing.TB) (p, j []byte) {
	t.Helper()
	im := image.NewRGBA(image.Rect(0, 0, 8, 8))
	im.Set(3, 3, color.White)
	var a, b bytes.Buffer
	if err := png.Encode(&a, im); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&b, im, nil); err != nil {
		t.Fatal(err)
	}
	return a.Bytes(), b.Bytes()
}

const key = "0123456789ABCDEFGHJKMNPQRS"

func known(s string) bool { return s == key }

func TestFile(t *testing.T) {
	p, j := pictures(t)
	good := "year,n\n2019,120\n2020,130\n2021,140\n"
	for _, c := range []struct {
		name    string
		data    []byte
		verdict string
		rule    string
	}{
		{"rates.csv", []byte(good), "", ""},
		{"rates.CSV", []byte(good), "", ""},
		{"small.csv", []byte("year,n\n2019,3\n2020,130\n"), "fail", ""},
		{"notes.txt", []byte("Rounded to ten."), "review", "text-needs-eyes"},
		{"notes.md", []byte("# Rounded\n"), "review", "text-needs-eyes"},
		{"key.txt", []byte("see\n" + key + "."), "fail", "identifier-pseudonym"},
		{"binary.txt", []byte("a\x00b\xff\xfe"), "fail", ""},
		{"plot.png", p, "review", "picture-needs-eyes"},
		{"plot.jpg", j, "review", "picture-needs-eyes"},
		{"plot.jpeg", j, "review", "picture-needs-eyes"},
		{"more.png", append(bytes.Clone(p), "rows"...), "fail", "picture-hidden-data"},
		{"more.jpg", append(bytes.Clone(j), "rows"...), "fail", "picture-hidden-data"},
		{"cut.png", p[:len(p)-3], "fail", "picture-hidden-data"},
		{"really-a-png.csv", p, "fail", "file-type-mismatch"},
		{"really-a-png.jpg", p, "fail", "file-type-mismatch"},
		{"really-a-csv.png", []byte(good), "fail", "file-type-mismatch"},
		{"program.csv", []byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00"), "fail", "file-type-mismatch"},
		{"archive.txt", []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00"), "fail", "file-type-mismatch"},
		{"model.pkl", []byte("x"), "fail", "file-type-not-allowed"},
		{"notebook.ipynb", []byte("{}"), "fail", "file-type-not-allowed"},
		{"page.html", []byte("<script>1</script>"), "fail", "file-type-not-allowed"},
		{"none", []byte("x"), "fail", "file-type-not-allowed"},
		{"rates.csv.exe", []byte(good), "fail", "file-type-not-allowed"},
		{"empty.csv", nil, "fail", "file-empty"},
		{"large.txt", bytes.Repeat([]byte("a"), MaxFile+1), "fail", "file-too-large"},
	} {
		r, err := File(t.Context(), profile(t), c.name, c.data, known)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.verdict == "" && r.Verdict == "fail" || c.verdict != "" && string(r.Verdict) != c.verdict {
			t.Errorf("%s: %s, want %q: %+v", c.name, r.Verdict, c.verdict, r.Findings)
		}
		if c.rule != "" && (len(r.Findings) == 0 || r.Findings[0].Rule != c.rule) {
			t.Errorf("%s: found %+v, want %s", c.name, r.Findings, c.rule)
		}
		for _, f := range r.Findings {
			if strings.Contains(f.Says+f.Repair, key) {
				t.Errorf("%s: the finding repeats the key", c.name)
			}
			if f.Says == "" || f.Repair == "" {
				t.Errorf("%s: the finding %s lacks words", c.name, f.Rule)
			}
		}
	}
}

// FuzzFile: whatever the name and bytes, a verdict comes back, and nothing but
// an allowed ending ever passes.
func FuzzFile(f *testing.F) {
	f.Add("a.csv", []byte("a,b\n1,2\n"))
	f.Add("a.png", []byte("\x89PNG\r\n\x1a\n"))
	f.Add("a.txt", []byte("x"))
	p, err := policy.Shipped("ark")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		r, err := File(context.Background(), p, name, data, known)
		if err != nil {
			return
		}
		switch r.Verdict {
		case "pass", "review", "fail":
		default:
			t.Errorf("the verdict %q", r.Verdict)
		}
	})
}
