package acro_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/airlock/acro"
	"github.com/ark-tre/ark/pkg/ark"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/results/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRealResults reads what ACRO 1.0.2 wrote. The marked cells are those of
// fewer than ten in the file itself.
func TestRealResults(t *testing.T) {
	r, err := acro.Parse(read(t, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Outputs) != 6 {
		t.Errorf("%d outputs", len(r.Outputs))
	}
	c := r.Of("counts_0.csv", read(t, "counts_0.csv"))
	if c == nil || c.Status != "fail" || c.Type != "table" || c.Method != "crosstab" || !strings.Contains(c.Summary, "7 cells may need suppressing") ||
		!strings.HasPrefix(c.Exception, "The counts are of charities") || c.Command != "a.crosstab(d.year, d.grant_type)" {
		t.Fatalf("the claim is %+v", c)
	}
	if diff := cmp.Diff([]string{"C2", "E2", "E3", "E4", "E5", "E6", "E7"}, cells(c, "MinimumThresholdCheck")); diff != "" {
		t.Error(diff)
	}
	lines := strings.Split(string(read(t, "counts_0.csv")), "\n")
	for _, m := range c.Masks {
		if v := strings.Split(lines[m.Row-1], ",")[m.Col-1]; len(v) != 1 {
			t.Errorf("%s holds %s, which is not fewer than ten", m, v)
		}
	}
	// With margins the frame is larger by a row and a column; the places are the same.
	if m := r.Of("output_2_0.csv", read(t, "output_2_0.csv")); m == nil || len(cells(m, "MinimumThresholdCheck")) != 7 || cells(m, "MinimumThresholdCheck")[0] != "C2" {
		t.Errorf("with margins: %+v", m)
	}
	if m := r.Of("means_0.csv", read(t, "means_0.csv")); len(cells(m, "PPercentCheck")) != 2 || len(cells(m, "NKCheck")) != 1 {
		t.Errorf("means: %+v", m)
	}
	if m := r.Of("output_3_0.csv", read(t, "output_3_0.csv")); m == nil || m.Status != "pass" || len(m.Masks) != 0 || m.Type != "regression" {
		t.Errorf("a regression: %+v", m)
	}
	if r.Of("other.csv", nil) != nil {
		t.Error("a claim about a file that the results do not name")
	}
}

func cells(c *acro.Claim, check string) []string {
	var out []string
	for _, m := range c.Masks {
		if m.Check == check {
			out = append(out, m.String())
		}
	}
	return out
}

func TestChecksum(t *testing.T) {
	data := read(t, "counts_0.csv")
	sum := sha256.Sum256(data)
	var c acro.Claim
	if c.Checksum(read(t, "checksums/counts_0.csv.txt"), hex.EncodeToString(sum[:])); !c.Recorded || c.Altered {
		t.Errorf("ACRO's own checksum: %+v", c)
	}
	sum = sha256.Sum256(append(data, '\n'))
	if c.Checksum(read(t, "checksums/counts_0.csv.txt"), hex.EncodeToString(sum[:])); !c.Altered {
		t.Error("altered bytes have the recorded checksum")
	}
	var none acro.Claim
	if none.Checksum([]byte("no checksum"), "x"); none.Recorded || none.Altered {
		t.Errorf("what is no checksum: %+v", none)
	}
}

// TestMasksFollowTheFile: headings over two rows and labels in two columns move
// the cells, and what lies outside the file marks nothing.
func TestMasksFollowTheFile(t *testing.T) {
	const results = `{"version":"1","results":{"o":{"uid":"o","status":"PASS","files":[{"name":"t.csv","sdc":{"cells":{"NKCheck":[[0,0],[1,1],[7,0],[0,9],[-1,0],[0]]}}}],
		"outcome":{"a":{"x":"ok","y":"ok"},"b":{"x":"ok","y":"ok"}}}}}`
	r, err := acro.Parse([]byte(results))
	if err != nil {
		t.Fatal(err)
	}
	c := r.Of("t.csv", []byte("h,h,1,1\nk,k,a,b\nx,1,5,6\ny,1,7,8\n"))
	if diff := cmp.Diff([]string{"C3", "D4"}, cells(c, "NKCheck")); diff != "" || c.Status != "pass" {
		t.Errorf("%s %s", c.Status, diff)
	}
}

func TestHostile(t *testing.T) {
	var many strings.Builder
	for i := range 600 {
		fmt.Fprintf(&many, `,"o%d":{}`, i)
	}
	for name, s := range map[string]string{
		"empty": "", "array": "[]", "other json": `{"a":1}`, "no results": `{"version":"1"}`, "no version": `{"results":{}}`, "deep": strings.Repeat("[", 100_000),
		"many": `{"version":"1","results":{"o":{}` + many.String() + `}}`,
	} {
		if _, err := acro.Parse([]byte(s)); !ark.Is(err, ark.Invalid) && !ark.Is(err, ark.TooMuch) || len(err.Error()) > 300 {
			t.Errorf("%s: %.200v", name, err)
		}
	}
	long := strings.Repeat("é", 100_000)
	r, err := acro.Parse([]byte(`{"version":"1","results":{"` + long + `":{"status":"splendid","summary":"` + long + `","comments":["` + long + `"],"files":[{"name":"a.csv","sdc":[1]},{"name":"a.csv"}],"outcome":7}}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := r.Of("a.csv", []byte("\xff\x00,\"\n"))
	if c.Status != "unknown" || len(c.Summary) > 2010 || len(c.Output) > 210 || len(c.Comments[0]) > 2010 {
		t.Errorf("%s, %d characters", c.Status, len(c.Summary))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(read(f, "results.json"), read(f, "counts_0.csv"))
	f.Add([]byte(`{"version":"1","results":{"o":{"files":[{"name":"t.csv","sdc":{"cells":{"c":[[0,0]]}}}]}}}`), []byte("a\n1"))
	f.Fuzz(func(t *testing.T, results, data []byte) {
		r, err := acro.Parse(results)
		if err != nil {
			return
		}
		for _, o := range r.Outputs {
			for _, name := range o.Files {
				c := r.Of(name, data)
				if c == nil || len(c.Masks) > 200 || c.Status == "" {
					t.Errorf("%+v", c)
				}
				for _, m := range c.Masks {
					if m.Row < 1 || m.Col < 1 {
						t.Errorf("a mask at %+v", m)
					}
				}
			}
		}
	})
}
