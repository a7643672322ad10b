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
	f.Add(base.state.Bytes()[:4096])
	f.Add([]byte(stateMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := openState(File{Name: "s", At: bytes.NewReader(b), Size: int64(len(b))})
		if err == nil {
			err = s.rows([]uint32{0}, func(uint32, identity) error { return nil })
			if s.N == 0 {
				return
			}
		}
		if err != nil && !ark.Is(err, ark.Invalid) {
			t.Fatalf("another error than invalid: %v", err)
		}
	})
}
