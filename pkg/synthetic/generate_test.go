package synthetic

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/nhsnumber"
)

func region1500(t *testing.T, seed uint64) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "region")
	if _, err := Generate(context.Background(), Options{People: 1500, Seed: seed, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func hashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		sum := sha256.Sum256(b)
		out[rel] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSameSeedSameBytes(t *testing.T) {
	a, b := hashes(t, region1500(t, 7)), hashes(t, region1500(t, 7))
	if d := cmp.Diff(a, b); d != "" {
		t.Error(d)
	}
	if c := hashes(t, region1500(t, 8)); c["truth/people.csv"] == a["truth/people.csv"] {
		t.Error("another seed makes the same people")
	}
}

func rows(t *testing.T, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var out []map[string]string
	for _, r := range all[1:] {
		m := map[string]string{}
		for i, h := range all[0] {
			m[h] = r[i]
		}
		out = append(out, m)
	}
	return out
}

func TestManifestsSayWhatIsThere(t *testing.T) {
	dir := region1500(t, 7)
	found, _ := filepath.Glob(filepath.Join(dir, "deliveries", "*", "*", "manifest.json"))
	if len(found) != 22 {
		t.Fatalf("%d manifests, want 22 (11 sources, two deliveries)", len(found))
	}
	for _, path := range found {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var m manifest
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		for _, f := range m.Files {
			data, err := os.ReadFile(filepath.Join(filepath.Dir(path), f.Name))
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(data)
			if got := hex.EncodeToString(sum[:]); got != f.SHA256 {
				t.Errorf("%s: hash differs from the manifest", f.Name)
			}
			if n := int64(len(rows(t, filepath.Join(filepath.Dir(path), f.Name)))); n != f.Rows {
				t.Errorf("%s: %d rows, manifest says %d", f.Name, n, f.Rows)
			}
		}
	}
}

// Every local number in a feed has its person, and the feeds have the errors
// they should, in the share they should.
func TestTruthAndErrors(t *testing.T) {
	dir := region1500(t, 7)
	people := map[string]map[string]string{}
	for _, p := range rows(t, filepath.Join(dir, "truth", "people.csv")) {
		people[p["person"]] = p
		if !nhsnumber.Valid(p["nhs_number"]) || !strings.HasPrefix(p["nhs_number"], "999") {
			t.Fatalf("%s has a number outside the test range", p["person"])
		}
	}
	if len(people) != 1500 {
		t.Fatalf("%d people, want 1500", len(people))
	}
	truth := map[string]string{}
	for _, l := range rows(t, filepath.Join(dir, "truth", "links.csv")) {
		k := l["source"] + "/" + l["local_id"]
		if old, ok := truth[k]; ok && old != l["person"] {
			t.Fatalf("local number %s is two people", k)
		}
		truth[k] = l["person"]
	}
	n, missing, wrong, other := 0, 0, 0, 0
	for _, r := range rows(t, filepath.Join(dir, "deliveries", "ed-01", "2024-10", "attendances.csv")) {
		who, ok := truth["ed-01/"+r["patient_id"]]
		if !ok {
			t.Fatalf("attendance of nobody known")
		}
		n++
		switch s := nhsnumber.Clean(r["nhs_number"]); {
		case s == "":
			missing++
		case !nhsnumber.Valid(s):
			wrong++
		case s != people[who]["nhs_number"]:
			other++
		}
	}
	if n < 300 || missing*100 < n || missing*5 > n || wrong == 0 && other == 0 {
		t.Errorf("of %d attendances: %d without number, %d wrong, %d another's", n, missing, wrong, other)
	}
}

// The lists name people of the region by valid numbers, in the shares meant.
func TestListsOfThoseWhoDecline(t *testing.T) {
	dir := region1500(t, 7)
	people := map[string]bool{}
	for _, p := range rows(t, filepath.Join(dir, "truth", "people.csv")) {
		people[p["nhs_number"]] = true
	}
	for name, want := range map[string][2]int{"optouts.dat": {45, 125}, "objections.dat": {1, 20}} {
		b, err := os.ReadFile(filepath.Join(dir, "lists", name))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		if len(lines) < want[0] || len(lines) > want[1] {
			t.Errorf("%s has %d people, want %v", name, len(lines), want)
		}
		for _, l := range lines {
			if n, ok := strings.CutSuffix(l, ","); !ok || !people[n] {
				t.Fatalf("%s names nobody of the region", name)
			}
		}
	}
}

func TestLateCorrectionsMeetTheirRows(t *testing.T) {
	dir := region1500(t, 7)
	first := map[string]bool{}
	for _, r := range rows(t, filepath.Join(dir, "deliveries", "lab-01", "2024-10", "results.csv")) {
		first[r["result_id"]] = true
	}
	mended, withdrawn := 0, 0
	for _, r := range rows(t, filepath.Join(dir, "deliveries", "lab-01", "2025-01", "results.csv")) {
		if r["change"] == "N" {
			continue
		}
		if !first[r["result_id"]] {
			t.Fatalf("a correction of a row that was never sent")
		}
		if r["change"] == "U" {
			mended++
		} else {
			withdrawn++
		}
	}
	if mended == 0 || withdrawn == 0 {
		t.Errorf("%d corrections, %d withdrawals", mended, withdrawn)
	}
}

// Local numbers must not repeat: the fifth power permutes.
func TestLocalNumbersAreDistinct(t *testing.T) {
	s := &source{start: 12345}
	seen := map[string]bool{}
	for range 300_000 {
		n := s.local()
		if seen[n] {
			t.Fatal("a local number came twice")
		}
		seen[n] = true
	}
}

func TestNumbersOfAllRanges(t *testing.T) {
	n := newNumbers(3)
	if len(n.test) != testRange {
		t.Fatalf("test range holds %d", len(n.test))
	}
	seen := map[string]bool{}
	for i := uint64(0); i < testRange; i += 7 {
		seen[n.at(i)] = true
	}
	if len(seen) != (testRange+6)/7 {
		t.Error("numbers of the test range repeat")
	}
	for _, i := range []uint64{0, testRange - 1, testRange, testRange + 1, testRange + perPrefix, numbersMax - 1} {
		s := n.at(i)
		if !nhsnumber.Valid(s) || !nhsnumber.Synthetic(s) {
			t.Errorf("number %d is not a valid synthetic one", i)
		}
	}
	if n.at(numbersMax) != "" {
		t.Error("a number past the last")
	}
}

// The planted effect shows in the truth: deprived people's kidney disease is
// recorded later, or never.
func TestKidneyEffectIsPlanted(t *testing.T) {
	names, err := loadNames()
	if err != nil {
		t.Fatal(err)
	}
	w := &population{region: newRegion(5, 60000), names: names, numbers: newNumbers(5), seed: 5}
	var all, never [2]float64
	for n := int64(0); w.people < 60000; n++ {
		house, _ := w.next(n, 60000-int(w.people))
		for _, p := range house {
			if len(p.born.String()) != 10 {
				t.Fatal("someone was never born")
			}
			if h := p.health; h.ckd != 0 && h.ckd < spanFrom-2000 && p.died == 0 {
				g := 0
				if h.decile <= 3 {
					g = 1
				}
				all[g]++
				if h.ckdCoded == 0 || h.ckdCoded > spanTo {
					never[g]++
				}
			}
		}
	}
	if all[0] < 50 || all[1] < 50 {
		t.Fatalf("too few with kidney disease to see: %v", all)
	}
	if a, b := never[0]/all[0], never[1]/all[1]; b < a+0.08 {
		t.Errorf("unrecorded: %.2f of others, %.2f of the deprived (of %v)", a, b, all)
	}
}

// The first day of 1970 is a birthday too.
func TestNobodyIsNeverBorn(t *testing.T) {
	for _, d := range []day{-1, 0, 1} {
		if len(ever(d).String()) != 10 {
			t.Errorf("day %d has no date", d)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, n := range []int{-1, 0, 99, numbersMax + 1} {
		if _, err := Generate(context.Background(), Options{People: n, Dir: t.TempDir()}); !ark.Is(err, ark.Invalid) {
			t.Errorf("%d people: %v, want Invalid", n, err)
		}
	}
	full := t.TempDir()
	os.WriteFile(filepath.Join(full, "x"), nil, 0o600)
	if _, err := Generate(context.Background(), Options{People: 200, Dir: full}); !ark.Is(err, ark.Conflict) {
		t.Errorf("a full folder: %v, want Conflict", err)
	}
}
