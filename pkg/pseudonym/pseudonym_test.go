package pseudonym

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"sort"
	"testing"

	"pgregory.net/rapid"

	"github.com/ark-tre/ark/pkg/ark"
)

func hasher(t testing.TB, fill byte) *Hasher {
	t.Helper()
	h, err := New(bytes.Repeat([]byte{fill}, KeyLen))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// The record key must stay what other programs compute: HMAC by the standard
// library, base 32 by the standard library.
func TestRecordKeyAgainstIndependentComputation(t *testing.T) {
	h := hasher(t, 7)
	crockford := base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)
	for _, c := range []struct{ source, table, key string }{
		{"gp-01", "registrations", "12345"}, {"", "", ""}, {"a", "b", "c\x1ed"},
	} {
		m := hmac.New(sha256.New, bytes.Repeat([]byte{7}, KeyLen))
		m.Write([]byte(c.source + "\x1f" + c.table + "\x1f" + c.key))
		want := crockford.EncodeToString(m.Sum(nil)[:10])
		got := h.RecordKey(c.source, c.table, []byte(c.key))
		if string(got[:]) != want {
			t.Errorf("RecordKey(%q) = %s, want %s", c, got, want)
		}
		if !IsCode(want) {
			t.Errorf("IsCode(%s) = false", want)
		}
	}
}

func TestShortKeyRefused(t *testing.T) {
	for _, n := range []int{0, 1, 31} {
		if _, err := New(make([]byte, n)); !ark.Is(err, ark.Unavailable) {
			t.Errorf("key of %d bytes: %v, want Unavailable", n, err)
		}
	}
}

// Every single wrong character and every exchange of two differing ones is seen.
func TestCheckCharacterSeesEveryCopyingError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, _ := New(bytes.Repeat([]byte{1}, KeyLen))
		name := h.Name(Person, rapid.String().Draw(t, "value"))
		if _, err := Parse(name); err != nil {
			t.Fatalf("own name refused: %v", err)
		}
		for i := range CheckLen {
			for _, c := range alphabet {
				b := []byte(name)
				b[i] = byte(c)
				if string(b) != name && IsPseudonym(string(b)) {
					t.Fatalf("wrong character at %d not seen", i)
				}
			}
			for j := range i {
				b := []byte(name)
				b[i], b[j] = b[j], b[i]
				if string(b) != name && IsPseudonym(string(b)) {
					t.Fatalf("exchange of %d and %d not seen", i, j)
				}
			}
		}
	})
}

func TestParseRefusesOtherForms(t *testing.T) {
	good := hasher(t, 1).Name(Person, "x")
	for _, s := range []string{"", good[:16], good + "0", "l" + good[1:], "I" + good[1:], " " + good[1:], good[:16] + "é"} {
		if _, err := Parse(s); !ark.Is(err, ark.Invalid) {
			t.Errorf("Parse(%q) = %v, want Invalid", s, err)
		}
	}
}

// Attack: someone with the extracts of two projects over the same people tries
// to join them by name, by part of a name, and by order.
func TestTwoProjectsShareNoNameAndNoOrder(t *testing.T) {
	a, b := hasher(t, 1), hasher(t, 2)
	const n = 20000
	seen := make(map[string]bool, n)
	prefixes := make(map[string]bool, n)
	type row struct{ ao, bo uint64 }
	rows := make([]row, n)
	for i := range n {
		v := fmt.Sprint("person", i)
		x := a.Name(Person, v)
		seen[x], prefixes[x[:8]] = true, true
		rows[i] = row{a.Order(Person, v), b.Order(Person, v)}
	}
	if len(seen) != n {
		t.Fatalf("%d people have %d names in one project", n, len(seen))
	}
	hits := 0
	for i := range n {
		x := b.Name(Person, fmt.Sprint("person", i))
		if seen[x] {
			t.Fatal("two projects share a name")
		}
		if prefixes[x[:8]] {
			hits++
		}
	}
	if hits > 5 { // 40 bits of prefix: 4·10⁸ pairs in 10¹² give one hit in 2,700 runs
		t.Errorf("%d names share their first half with another project's", hits)
	}
	// Order: Spearman's rho of the two orders must be noise (sd 1/√n = 0.007).
	if rho := spearman(rows, func(r row) (uint64, uint64) { return r.ao, r.bo }); rho > 0.035 || rho < -0.035 {
		t.Errorf("orders of two projects correlate: rho %.4f", rho)
	}
}

func spearman[T any](rows []T, f func(T) (uint64, uint64)) float64 {
	rank := func(get func(T) uint64) []float64 {
		at := make([]int, len(rows))
		for i := range at {
			at[i] = i
		}
		sort.Slice(at, func(i, j int) bool { return get(rows[at[i]]) < get(rows[at[j]]) })
		r := make([]float64, len(rows))
		for i, k := range at {
			r[k] = float64(i)
		}
		return r
	}
	x := rank(func(t T) uint64 { a, _ := f(t); return a })
	y := rank(func(t T) uint64 { _, b := f(t); return b })
	d := 0.0
	for i := range x {
		d += (x[i] - y[i]) * (x[i] - y[i])
	}
	n := float64(len(rows))
	return 1 - 6*d/(n*(n*n-1))
}

func TestKindsAndOrderAreSeparate(t *testing.T) {
	h := hasher(t, 3)
	if h.Name(Person, "1") == h.Name(Record, "1") {
		t.Error("a person and a record of one number share a name")
	}
	if got := h.Name(Person, "1"); got != hasher(t, 3).Clone().Name(Person, "1") {
		t.Error("one domain gives two names")
	}
	r := NewRekeyer(h, Person)
	for _, k := range []string{"1", "1", "", "2", "1", ""} {
		want := ""
		if k != "" {
			want = h.Clone().Name(Person, k)
		}
		if got := r.Name(k); got != want {
			t.Errorf("Rekeyer.Name(%q) = %q, want %q", k, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("0123456789ABCDEFG")
	f.Fuzz(func(t *testing.T, s string) {
		code, err := Parse(s)
		if (err == nil) != IsPseudonym(s) || err == nil && !IsCode(code) {
			t.Fatalf("Parse and IsPseudonym disagree on %q", s)
		}
	})
}
