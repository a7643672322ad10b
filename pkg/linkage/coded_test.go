package linkage

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// encoded writes rows as the identifiers.parquet of an organisation that sends
// encodings; beside the names of the same rows where it sends both.
func encoded(t testing.TB, name string, key byte, names, rows []row) File {
	t.Helper()
	plain, err := readAll(context.Background(), []File{identifiers(t, name, names)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := readAll(context.Background(), []File{identifiers(t, name, rows)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Encode(again, bytes.Repeat([]byte{key}, 32), "record_key", "source")
	if err != nil {
		t.Fatal(err)
	}
	if names != nil {
		for _, c := range plain.Cols {
			if f.Col(c.Name) == nil {
				f.Cols = append(f.Cols, c)
			}
		}
	}
	var s columnar.Schema
	for _, c := range f.Cols {
		s = append(s, columnar.Field{Name: c.Name, Type: cell.String, Nullable: true})
	}
	var buf bytes.Buffer
	if err := table(&buf, s, f.N, func(i int, into []cell.Value) {
		for j, c := range f.Cols {
			v, _ := c.Value(i)
			into[j] = text(v)
		}
	}); err != nil {
		t.Fatal(err)
	}
	return File{Name: name, At: bytes.NewReader(buf.Bytes()), Size: int64(buf.Len())}
}

// TestDeliveriesOfEncodings: a hospital that sends encodings only is linked
// with a practice that sends names and encodings, through it with a council
// that sends names only, and not with anybody under another key; records that
// fit two people go to neither.
func TestDeliveriesOfEncodings(t *testing.T) {
	all := town(1500)
	var gp, hospital, council []row
	for _, r := range all {
		switch r.source {
		case "gp":
			gp = append(gp, r)
		case "hospital":
			hospital = append(hospital, r)
		default:
			council = append(council, r)
		}
	}
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(hospital), func(i, j int) { hospital[i], hospital[j] = hospital[j], hospital[i] })
	in := IndexInput{Identifiers: []File{encoded(t, "gp", 1, gp, gp), encoded(t, "hospital", 1, nil, hospital), identifiers(t, "council", council)}}
	b, rep := build(t, in)
	persons, err := readIndex(context.Background(), b.previous())
	if err != nil {
		t.Fatal(err)
	}
	who := map[string]string{} // person of the practice
	for i, r := range gp {
		who[persons[r.key]] = r.key[1:]
		if c := council[i]; c.who != r.who {
			t.Fatal("the town is in another order")
		}
	}
	right, wrong, lost := 0, 0, 0
	for _, r := range hospital {
		switch who[persons[r.key]] {
		case r.key[1:]:
			right++
		case "":
			lost++
		default:
			wrong++
		}
	}
	t.Logf("of %d encoded records %d are with their person, %d with nobody, %d with another; report %d %d", len(hospital), right, lost, wrong, rep.Encoded, rep.Joined)
	if right < 1440 || wrong > 3 || rep.Encoded != 1500 || rep.Joined < right {
		t.Errorf("%d right, %d wrong, %d encoded, %d joined", right, wrong, rep.Encoded, rep.Joined)
	}
	// The same whatever the threads, and the encodings part nobody whom names join.
	in.Options.Threads = 2
	if again, _ := build(t, in); !bytes.Equal(again.index.Bytes(), b.index.Bytes()) || !bytes.Equal(again.links.Bytes(), b.links.Bytes()) {
		t.Error("two threads give another index")
	}
	// Attack: an encoding under another key fits nobody. Who is who among names
	// is the same with encodings that fit and with those that don't.
	foreign, rep := build(t, IndexInput{Identifiers: []File{encoded(t, "gp", 1, gp, gp), encoded(t, "hospital", 2, nil, hospital), identifiers(t, "council", council)}})
	other, err := readIndex(context.Background(), foreign.previous())
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for i := range gp {
		named[other[gp[i].key]], named[other[council[i].key]] = true, true
		if (other[gp[i].key] == other[council[i].key]) != (persons[gp[i].key] == persons[council[i].key]) {
			t.Error("encodings changed who is who among names")
		}
	}
	for _, r := range hospital {
		if named[other[r.key]] {
			t.Fatal("a record under another key was linked")
		}
	}
	if rep.Joined != 0 {
		t.Errorf("%d records under another key were joined", rep.Joined)
	}
	// A delivery of encodings is compared with everything.
	_, err = ExtendIndex(context.Background(), ExtendIndexInput{Index: *foreign.previous(), Report: rep,
		ExtendInput: ExtendInput{Identifiers: []File{encoded(t, "hospital", 1, nil, hospital)}, State: []File{stateFile(&foreign.state)}, Key: bytes.Repeat([]byte{7}, 32)}}, IndexOutput{})
	if !ark.Is(err, ark.Conflict) {
		t.Errorf("an extension by encodings: %v", err)
	}
}

// TestEncodingsDoNotJoinPeople: two whom names tell apart have the same
// encodings; who fits both goes to neither, and a decision of people holds.
func TestEncodingsDoNotJoinPeople(t *testing.T) {
	all := town(600)
	var gp, hospital []row
	for _, r := range all {
		if r.source == "gp" {
			gp = append(gp, r)
		} else if r.source == "hospital" {
			hospital = append(hospital, r)
		}
	}
	in := IndexInput{Identifiers: []File{encoded(t, "gp", 1, gp, gp), encoded(t, "hospital", 1, nil, hospital)}}
	b, _ := build(t, in)
	persons, err := readIndex(context.Background(), b.previous())
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(hospital, func(r row) bool { return persons[r.key] == persons["G"+r.key[1:]] })
	if at < 0 {
		t.Fatal("nobody was linked")
	}
	x := hospital[at].key
	// Attack: somebody else's record carries the encodings of this person.
	g := gp[slices.IndexFunc(gp, func(r row) bool { return r.key[1:] == x[1:] })]
	thief := town(601)[3*600]
	thief.key = "G999999"
	two, _ := build(t, IndexInput{Identifiers: []File{encoded(t, "gp", 1, append(slices.Clone(gp), thief), append(slices.Clone(gp), func() row { r := g; r.key = thief.key; return r }())), in.Identifiers[1]}})
	stolen, err := readIndex(context.Background(), two.previous())
	if err != nil {
		t.Fatal(err)
	}
	if stolen[thief.key] == stolen[g.key] {
		t.Error("encodings joined two people whom names tell apart")
	}
	if stolen[x] == stolen[g.key] || stolen[x] == stolen[thief.key] {
		t.Error("a record that fits two people went to one of them")
	}
	in.Decisions = []Decision{{L: x, R: "G" + x[1:], Reason: "a person said so"}}
	b, _ = build(t, in)
	if persons, err = readIndex(context.Background(), b.previous()); err != nil {
		t.Fatal(err)
	}
	if persons[x] == persons["G"+x[1:]] {
		t.Error("a decision of people was overruled by encodings")
	}
}
