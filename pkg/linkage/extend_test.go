package linkage

import (
	"bytes"
	"context"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/frame"
)

type extended struct{ index, links, state, report bytes.Buffer }

func extend(t testing.TB, in ExtendInput) (*extended, ExtendReport) {
	t.Helper()
	in.Key = bytes.Repeat([]byte{7}, 32)
	var b extended
	rep, err := Extend(context.Background(), in, ExtendOutput{&b.index, &b.links, &b.state, &b.report})
	if err != nil {
		t.Fatal(err)
	}
	return &b, rep
}

func stateFile(b *bytes.Buffer) File {
	return File{Name: "state", At: bytes.NewReader(b.Bytes()), Size: int64(b.Len())}
}

// overlay reads an index and lays extensions over it.
func overlay(t testing.TB, base *built, more []*extended, events []Event) map[string]string {
	t.Helper()
	ids, err := readIndex(context.Background(), base.previous())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range more {
		add, err := readIndex(context.Background(), &File{Name: "x", At: bytes.NewReader(e.index.Bytes()), Size: int64(e.index.Len())})
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range add {
			ids[k] = v
		}
	}
	for _, ev := range events {
		for k, v := range ids {
			for _, f := range ev.From {
				if v == f {
					ids[k] = ev.Into[0]
				}
			}
		}
	}
	return ids
}

func f1(ids map[string]string, rows []row) Measure {
	in := frame.NewInterner()
	var clusters, truth []uint32
	for _, r := range rows {
		clusters, truth = append(clusters, in.String(ids[r.key])), append(truth, uint32(r.who)+1)
	}
	m, _ := EvaluateClusters(clusters, truth, nil)
	return m
}

// TestExtendIsAsGoodAsAFullBuild: two deliveries linked as they come find the
// people that a full build finds, and nobody of the index changes id.
func TestExtendIsAsGoodAsAFullBuild(t *testing.T) {
	rows := town(2000)
	first, second, third := rows[:5700], rows[5700:5850], rows[5850:]
	again := append([]row{rows[10]}, second...) // a record comes a second time
	base, _ := build(t, IndexInput{Identifiers: []File{identifiers(t, "d1", first)}})
	e1, r1 := extend(t, ExtendInput{Identifiers: []File{identifiers(t, "d2", again)}, State: []File{stateFile(&base.state)}})
	e2, r2 := extend(t, ExtendInput{Identifiers: []File{identifiers(t, "d3", third)}, State: []File{stateFile(&base.state), stateFile(&e1.state)}})
	ids := overlay(t, base, []*extended{e1, e2}, append(r1.Events, r2.Events...))
	m := f1(ids, rows)
	t.Logf("F1 %.4f; first %+v", m.F1, r1)
	if m.Precision < 0.999 || m.F1 < 0.99 {
		t.Errorf("precision %.4f, F1 %.4f", m.Precision, m.F1)
	}
	if r1.Known == 0 || r1.Looked == 0 || r1.Looked > 1500 {
		t.Errorf("%d known, %d looked at", r1.Known, r1.Looked)
	}
	before, err := readIndex(context.Background(), base.previous())
	if err != nil {
		t.Fatal(err)
	}
	if before[rows[10].key] != ids[rows[10].key] {
		t.Error("a record that came again changed its person")
	}
}

// TestExtendAPersonOfTwoNumbers: somebody with a record under another's number is
// found by their own later, and by nobody else's; and a day's record under
// somebody's number that says everything else of another goes to that one.
func TestExtendAPersonOfTwoNumbers(t *testing.T) {
	mine, hers := nhsNumber(900001), nhsNumber(900004)
	me := row{given: "margaret", family: "oduya", dob: "1961-07-19", sex: "F", postcode: "SK9 9ZZ", who: -1}
	she := row{given: "ivy", family: "plunkett", dob: "1933-02-03", sex: "F", postcode: "M1 1AA", who: -1}
	at := func(p row, key, source, number string) row { p.key, p.source, p.nhs = key, source, number; return p }
	moved := at(me, "M3", "council", mine)
	moved.given, moved.family, moved.postcode = "peggy", "stone", "M40 9QQ"
	base, _ := build(t, IndexInput{Identifiers: []File{identifiers(t, "d1", append(town(600),
		at(me, "M2", "hospital", hers), at(me, "M1", "gp", mine), at(she, "S1", "gp", hers), at(she, "S2", "hospital", hers)))}})
	e, _ := extend(t, ExtendInput{State: []File{stateFile(&base.state)},
		Identifiers: []File{identifiers(t, "d2", []row{moved, at(she, "S3", "council", hers), at(she, "S4", "walk-in", mine)})}})
	alone, _ := extend(t, ExtendInput{State: []File{stateFile(&base.state)}, Identifiers: []File{identifiers(t, "d2", []row{moved})}})
	if ids := overlay(t, base, []*extended{alone}, nil); ids["M3"] != ids["M1"] { // nobody who holds her number is looked at
		t.Error("a person of two numbers is not found by their own")
	}
	ids := overlay(t, base, []*extended{e}, nil)
	for _, k := range []string{"M2", "M3"} {
		if ids[k] != ids["M1"] {
			t.Errorf("%s is not the person of M1", k)
		}
	}
	for _, k := range []string{"S2", "S3", "S4"} {
		if ids[k] != ids["S1"] {
			t.Errorf("%s is not the person of S1", k)
		}
	}
	if ids["S1"] == ids["M1"] {
		t.Error("two people became one")
	}
}

func TestExtendGivesTheSameBytesAtAnyThreadCount(t *testing.T) {
	rows := town(600)
	base, _ := build(t, IndexInput{Identifiers: []File{identifiers(t, "d1", rows[:1500])}})
	var first *extended
	for _, threads := range []int{1, 4} {
		e, _ := extend(t, ExtendInput{Identifiers: []File{identifiers(t, "d2", rows[1500:])}, State: []File{stateFile(&base.state)}, Options: Options{Threads: threads}})
		if first == nil {
			first = e
		} else if !bytes.Equal(first.index.Bytes(), e.index.Bytes()) || !bytes.Equal(first.links.Bytes(), e.links.Bytes()) || !bytes.Equal(first.state.Bytes(), e.state.Bytes()) {
			t.Error("an extension differs with the number of threads")
		}
	}
}

func FuzzState(f *testing.F) {
	rows := town(100)
	base, _ := build(f, IndexInput{Identifiers: []File{identifiers(f, "d1", rows)}})
	f.Add(base.state.Bytes())
	f.Add(base.state.Bytes()[:4096])
	f.Add([]byte(stateMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := openState(File{Name: "s", At: bytes.NewReader(b), Size: int64(len(b))})
		if err == nil {
			err = s.read([]uint32{0}, make([]uint64, max(1, s.N)), newIdentities(len(s.Columns), 1))
		}
		if err != nil && !ark.Is(err, ark.Invalid) {
			t.Fatalf("another error than invalid: %v", err)
		}
	})
}

// TestExtendIndexWritesTheWholeIndex: an index that was extended holds every
// record once, in the form of a full build and about as good; ids stay; who
// comes again stays one person; decisions hold or ask for a full build.
func TestExtendIndexWritesTheWholeIndex(t *testing.T) {
	rows := town(2000)
	first, second := rows[:5700], rows[5700:]
	d1, d2 := identifiers(t, "d1", first), identifiers(t, "d2", second)
	base, rep := build(t, IndexInput{Identifiers: []File{d1}})
	in := ExtendIndexInput{Index: *base.previous(), Links: File{Name: "links", At: bytes.NewReader(base.links.Bytes()), Size: int64(base.links.Len())}, Report: rep,
		All: []File{d1, d2}, Demographics: []File{demographics(t, rows)}, ExtendInput: ExtendInput{Identifiers: []File{d2}, State: []File{stateFile(&base.state)}, Key: bytes.Repeat([]byte{7}, 32)}}
	run := func(in ExtendIndexInput) (*built, map[string]string, []ReviewPair, Report) {
		t.Helper()
		var b built
		var pairs []ReviewPair
		rep, err := ExtendIndex(context.Background(), in, IndexOutput{&b.index, &b.links, &b.persons, &b.report, &b.state, func(ps []ReviewPair) error { pairs = ps; return nil }})
		if err != nil {
			t.Fatal(err)
		}
		ids, err := readIndex(context.Background(), b.previous())
		if err != nil {
			t.Fatal(err)
		}
		return &b, ids, pairs, rep
	}
	b, ids, pairs, out := run(in)
	if m := f1(ids, rows); len(ids) != len(rows) || m.Precision < 0.999 || m.F1 < 0.99 {
		t.Errorf("%d records, precision %.4f, F1 %.4f", len(ids), m.Precision, m.F1)
	}
	if out.Records != len(rows) || out.Persons >= len(rows) || out.Extended != 1 || out.Links[Linked] <= rep.Links[Linked] {
		t.Errorf("report %+v", out)
	}
	before, err := readIndex(context.Background(), base.previous())
	if err != nil {
		t.Fatal(err)
	}
	merged := map[string]string{}
	for _, e := range out.Events {
		for _, f := range e.From {
			merged[f] = e.Into[0]
		}
	}
	for k, id := range before {
		if now := ids[k]; now != id && merged[id] != now {
			t.Fatalf("a person of the index changed its id without an event")
		}
	}
	for _, p := range pairs {
		if p.Sources[0] == "" || p.Sources[1] == "" {
			t.Errorf("a pair for review lacks its sources: %+v", p)
		}
	}
	if again, _, _, _ := run(in); !bytes.Equal(again.index.Bytes(), b.index.Bytes()) || !bytes.Equal(again.links.Bytes(), b.links.Bytes()) || !bytes.Equal(again.persons.Bytes(), b.persons.Bytes()) || !bytes.Equal(again.state.Bytes(), b.state.Bytes()) {
		t.Error("the same extension gave other bytes")
	}
	// Decisions: two of the index joined; a pair that would link kept apart; one
	// that parts a person of the index asks for a full build.
	l, r := rows[30].key, rows[60].key
	with := in
	with.Decisions = []Decision{{L: l, R: r, Same: true, Reason: "two reviewers agreed"}}
	_, joined, _, rep2 := run(with)
	if joined[l] != joined[r] || joined[l] != before[l] && joined[l] != before[r] {
		t.Error("people joined two records and the extension did not")
	}
	if len(rep2.Events) <= len(out.Events) {
		t.Error("the merge left no event")
	}
	with.Decisions = append(with.Decisions, Decision{L: r, R: l, Reason: "taken back"}) // the last one counts
	if _, parted, _, _ := run(with); parted[l] == parted[r] {
		t.Error("a decision that was taken back still holds")
	}
	var same [2]string
	for i := 1; i < len(first) && same[0] == ""; i++ {
		if before[first[i].key] == before[first[i-1].key] {
			same = [2]string{first[i-1].key, first[i].key}
		}
	}
	with.Decisions = []Decision{{L: same[0], R: same[1], Reason: "father and son"}}
	if _, err := Extend(context.Background(), with.ExtendInput, ExtendOutput{}); !ark.Is(err, ark.Conflict) {
		t.Errorf("parting a person of the index: %v", err)
	}
}
