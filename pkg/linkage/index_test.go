package linkage

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/linkage/frame"
)

// row is a record of the identifiers zone; who is the truth.
type row struct {
	key, source, nhs, given, family, dob, sex, postcode string
	who                                                 int
}

func nhsNumber(n int) string {
	for {
		s := fmt.Sprintf("%09d", 900000000+n)
		sum := 0
		for i, c := range s {
			sum += int(c-'0') * (10 - i)
		}
		if c := (11 - sum%11) % 11; c < 10 {
			return fmt.Sprintf("%s%d", s, c)
		}
		n += 7919
	}
}

// town makes people with records at three organisations: some without an NHS
// number, some with a typing error, some who moved or changed name, twins.
func town(n int) []row {
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func(s string) string { w := strings.Fields(s); return w[rng.IntN(len(w))] }
	var out []row
	for who := range n {
		var given, family string
		for range 2 {
			given += pick("al be ca do ed fi ga he il jo ka lu ma no ol pe ro sa to ul vi wi ya zo")
			family += pick("ash berg cliff dale east ford green hill ingham jones kirk land mead north oak park quay ridge stone thorpe")
		}
		p := row{who: who, nhs: nhsNumber(who * 3), given: given, family: family, sex: pick("M F"),
			dob:      fmt.Sprintf("%04d-%02d-%02d", 1930+rng.IntN(90), 1+rng.IntN(12), 1+rng.IntN(28)),
			postcode: fmt.Sprintf("M%d %d%s%s", 1+rng.IntN(40), rng.IntN(10), pick("A B D E F G H J L N"), pick("A B D E F G H J L N"))}
		for s, source := range []string{"gp", "hospital", "council"} {
			r := p
			r.source, r.key = source, fmt.Sprintf("%s%06d", strings.ToUpper(source[:1]), who)
			if source == "council" || rng.IntN(50) == 0 {
				r.nhs = ""
			}
			if rng.IntN(25) == 0 {
				r.given = r.given[1:]
			}
			if s > 0 && rng.IntN(25) == 0 {
				r.postcode = "SK1 1AA"
			}
			if s > 0 && rng.IntN(40) == 0 {
				r.dob = r.dob[:8] + "29"
			}
			out = append(out, r)
		}
	}
	return out
}

// identifiers writes rows as an identifiers.parquet.
func identifiers(t testing.TB, name string, rows []row) File {
	t.Helper()
	var buf bytes.Buffer
	cols := []string{"record_key", "source", "nhs_number", "given_name", "family_name", "date_of_birth", "sex", "postcode"}
	var s columnar.Schema
	for _, c := range cols {
		s = append(s, columnar.Field{Name: c, Type: cell.String, Nullable: true})
	}
	err := table(&buf, s, len(rows), func(i int, into []cell.Value) {
		r := rows[i]
		for j, v := range []string{r.key, r.source, r.nhs, r.given, r.family, r.dob, r.sex, r.postcode} {
			into[j] = text(v)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return File{Name: name, At: bytes.NewReader(buf.Bytes()), Size: int64(buf.Len())}
}

func demographics(t testing.TB, rows []row) File {
	t.Helper()
	var buf bytes.Buffer
	s := columnar.Schema{{Name: "record_key", Type: cell.String}, {Name: "year_of_birth", Type: cell.Int64, Nullable: true},
		{Name: "sex", Type: cell.String, Nullable: true}}
	err := table(&buf, s, len(rows), func(i int, into []cell.Value) {
		var y int64
		fmt.Sscan(rows[i].dob[:4], &y)
		into[0], into[1], into[2] = cell.Str(rows[i].key), cell.Int(y), cell.Str(rows[i].sex)
	})
	if err != nil {
		t.Fatal(err)
	}
	return File{Name: "demographics", At: bytes.NewReader(buf.Bytes()), Size: int64(buf.Len())}
}

type built struct{ index, links, persons, report, state bytes.Buffer }

func (b *built) previous() *File {
	return &File{Name: "person_index", At: bytes.NewReader(b.index.Bytes()), Size: int64(b.index.Len())}
}

func build(t testing.TB, in IndexInput) (*built, Report) {
	t.Helper()
	in.Key = bytes.Repeat([]byte{7}, 32)
	var b built
	rep, err := BuildIndex(context.Background(), in, IndexOutput{&b.index, &b.links, &b.persons, &b.report, &b.state, nil})
	if err != nil {
		t.Fatal(err)
	}
	return &b, rep
}

// quality reads an index back and measures it against the truth.
func quality(t testing.TB, b *built, rows []row) Measure {
	t.Helper()
	ids, err := readIndex(context.Background(), b.previous())
	if err != nil {
		t.Fatal(err)
	}
	in := frame.NewInterner()
	var clusters, truth []uint32
	for _, r := range rows {
		if ids[r.key] == "" {
			t.Fatalf("a record has no person")
		}
		clusters = append(clusters, in.String(ids[r.key]))
		truth = append(truth, uint32(r.who)+1)
	}
	m, _ := EvaluateClusters(clusters, truth, nil)
	return m
}

func TestBuildIndexFindsPeople(t *testing.T) {
	rows := town(3000)
	in := IndexInput{Identifiers: []File{identifiers(t, "d1", rows)}, Demographics: []File{demographics(t, rows)}}
	in.Options.Threads = 2
	b, rep := build(t, in)
	m := quality(t, b, rows)
	t.Logf("precision %.4f recall %.4f F1 %.4f; %d records, %d identities, %d persons, tiers %v, links %v",
		m.Precision, m.Recall, m.F1, rep.Records, rep.Identities, rep.Persons, rep.ByTier, rep.Links)
	if m.Precision < 0.999 || m.F1 < 0.99 {
		t.Errorf("precision %.4f, F1 %.4f", m.Precision, m.F1)
	}
	for _, canary := range []string{rows[0].nhs, rows[0].family, rows[0].postcode, rows[0].key} {
		if canary != "" && strings.Contains(b.report.String(), canary) {
			t.Errorf("the report holds a value of an identifier")
		}
	}
}

func TestIndexIsTheSameAtAnyThreadCount(t *testing.T) {
	rows := town(800)
	var first *built
	for _, threads := range []int{1, 2, 7} {
		in := IndexInput{Identifiers: []File{identifiers(t, "d1", rows[:1200]), identifiers(t, "d2", rows[1200:])},
			Demographics: []File{demographics(t, rows)}}
		in.Options.Threads = threads
		b, _ := build(t, in)
		if first == nil {
			first = b
			continue
		}
		for name, pair := range map[string][2][]byte{
			"person_index": {first.index.Bytes(), b.index.Bytes()}, "links": {first.links.Bytes(), b.links.Bytes()},
			"persons": {first.persons.Bytes(), b.persons.Bytes()}, "report": {first.report.Bytes(), b.report.Bytes()}} {
			if !bytes.Equal(pair[0], pair[1]) {
				t.Errorf("%s differs at %d threads", name, threads)
			}
		}
	}
}

func TestPersonIdsStayAcrossDeliveries(t *testing.T) {
	rows := town(500)
	b1, _ := build(t, IndexInput{Identifiers: []File{identifiers(t, "d1", rows[:900])}})
	before, err := readIndex(context.Background(), b1.previous())
	if err != nil {
		t.Fatal(err)
	}
	b2, rep := build(t, IndexInput{Identifiers: []File{identifiers(t, "d1", rows[:900]), identifiers(t, "d2", rows[900:])}, Previous: b1.previous()})
	after, err := readIndex(context.Background(), b2.previous())
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	for k, id := range before {
		if after[k] != id {
			moved++
		}
	}
	if moved > 6*(1+len(rep.Events)) {
		t.Errorf("%d of %d records changed person with %d events", moved, len(before), len(rep.Events))
	}
	b3, rep := build(t, IndexInput{Identifiers: []File{identifiers(t, "d1", rows)}, Previous: b2.previous()})
	again, err := readIndex(context.Background(), b3.previous())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(after, again); d != "" || len(rep.Events) != 0 {
		t.Errorf("the same records gave another index: %s", d)
	}
}

func TestTwinsAndConflictingNumbersStayApart(t *testing.T) {
	rows := town(300)
	twin := rows[0]
	twin.key, twin.given, twin.nhs, twin.who = "TWIN1", "zebedee", nhsNumber(700001), 100001
	ward := twin // the other twin at the hospital, without a number
	ward.key, ward.source, ward.nhs = "TWIN2", "hospital", ""
	clash := rows[3] // everything the same but a valid number of someone else
	clash.key, clash.nhs, clash.who = "CLASH", nhsNumber(800001), 100002
	all := append(rows, twin, ward, clash)
	b, rep := build(t, IndexInput{Identifiers: []File{identifiers(t, "d1", all)}})
	ids, err := readIndex(context.Background(), b.previous())
	if err != nil {
		t.Fatal(err)
	}
	if ids["TWIN1"] == ids[rows[0].key] || ids["TWIN2"] == ids[rows[0].key] {
		t.Error("a twin was taken for the other")
	}
	if ids["TWIN1"] != ids["TWIN2"] {
		t.Error("the records of one twin were not linked")
	}
	if ids["CLASH"] == ids[rows[3].key] {
		t.Error("records with different verified NHS numbers were linked")
	}
	if rep.Links[Refused] == 0 {
		t.Error("no refused link tells why")
	}
}

// TestDecisionsAreKept: people part records that say the same, and join others.
func TestDecisionsAreKept(t *testing.T) {
	rows := town(400)
	ids := func(in IndexInput) (map[string]string, *built, Report) {
		b, rep := build(t, in)
		m, err := readIndex(context.Background(), b.previous())
		if err != nil {
			t.Fatal(err)
		}
		return m, b, rep
	}
	in := IndexInput{Identifiers: []File{identifiers(t, "d1", rows)}}
	before, b, _ := ids(in)
	var same [2]string // two records of one person that say exactly the same
	for i := 0; i+1 < len(rows) && same[0] == ""; i += 3 {
		if rows[i].given == rows[i+1].given && rows[i].nhs == rows[i+1].nhs && rows[i].postcode == rows[i+1].postcode && rows[i].dob == rows[i+1].dob {
			same = [2]string{rows[i].key, rows[i+1].key}
		}
	}
	if before[same[0]] != before[same[1]] {
		t.Fatal("records that say the same are not one person")
	}
	two := [2]string{rows[30].key, rows[60].key} // of two people
	in.Previous = b.previous()
	in.Decisions = []Decision{{L: same[0], R: same[1], Same: true, Reason: "an error"},
		{L: same[1], R: same[0], Reason: "father and son"}, {L: two[0], R: two[1], Same: true, Reason: "married name"}}
	after, b2, rep := ids(in)
	if after[same[0]] == after[same[1]] {
		t.Error("records that people parted are one person")
	}
	if after[two[0]] != after[two[1]] {
		t.Error("records that people joined are two persons")
	}
	kinds := map[string]int{}
	for _, e := range rep.Events {
		kinds[e.Kind]++
	}
	if kinds["split"] == 0 || kinds["merge"] == 0 {
		t.Errorf("events %v lack the split or the merge", rep.Events)
	}
	in.Previous, in.Decisions = b2.previous(), in.Decisions[:1]
	again, _, _ := ids(in)
	if again[same[0]] != again[same[1]] || again[two[0]] == again[two[1]] {
		t.Error("decisions that were withdrawn still hold")
	}
}

// TestRecallUndoesADelivery: without a delivery the index is what it would have
// been, and everybody else keeps their id.
func TestRecallUndoesADelivery(t *testing.T) {
	rows := town(500)
	d1, d2 := identifiers(t, "d1", rows[:1000]), identifiers(t, "d2", rows[1000:])
	first, _ := build(t, IndexInput{Identifiers: []File{d1}})
	both, _ := build(t, IndexInput{Identifiers: []File{d1, d2}, Previous: first.previous()})
	recalled, _ := build(t, IndexInput{Identifiers: []File{d1}, Previous: both.previous()})
	before, err := readIndex(context.Background(), first.previous())
	if err != nil {
		t.Fatal(err)
	}
	after, err := readIndex(context.Background(), recalled.previous())
	if err != nil {
		t.Fatal(err)
	}
	if len(after) != 1000 {
		t.Errorf("%d records after the recall, want 1000", len(after))
	}
	kept := 0
	for k, id := range before {
		if after[k] == id {
			kept++
		}
	}
	if kept < 990 {
		t.Errorf("only %d of 1000 records kept their person", kept)
	}
	joined := func(ids map[string]string) map[string]string {
		least := map[string]string{}
		for k, id := range ids {
			if least[id] == "" || k < least[id] {
				least[id] = k
			}
		}
		out := map[string]string{}
		for k, id := range ids {
			out[k] = least[id]
		}
		return out
	}
	if d := cmp.Diff(joined(before), joined(after)); d != "" {
		t.Errorf("who is one person with whom differs: %s", d)
	}
}
