package linkage

import (
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// loaded reads gzipped CSV files of testdata as one frame, a source each.
func loaded(t testing.TB, files ...string) *frame.Frame {
	t.Helper()
	b := frame.NewBuilder()
	for _, name := range files {
		f, err := os.Open(filepath.Join("bench", "data", name))
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.AddCSV(name, z); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Frame()
}

// truthOf numbers the people that a column names, by the part that pattern
// matches.
func truthOf(f *frame.Frame, column, pattern string) []uint32 {
	re := regexp.MustCompile(pattern)
	in := frame.NewInterner()
	out := make([]uint32, f.N)
	c := f.Col(column)
	for i := range out {
		v, _ := c.Value(i)
		out[i] = in.String(re.FindString(v))
	}
	return out
}

func TestFEBRLReachesThePublishedQuality(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		mode  model.Mode
		want  float64
	}{
		{"febrl3", []string{"febrl3.csv.gz"}, model.Dedupe, 0.999},
		{"febrl4", []string{"febrl4a.csv.gz", "febrl4b.csv.gz"}, model.Link, 0.999},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := loaded(t, c.files...)
			truth := truthOf(f, "rec_id", `^rec-\d+`)
			canon, m, err := Infer(f, c.mode)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Run(context.Background(), canon, m, Options{Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			var across []uint16
			if c.mode == model.Link {
				across = f.Source
			}
			wanted := PairTruth(truth, across)
			pairs := EvaluatePairs(r.Edges, truth, wanted, engine.Weight(DefaultAccept))
			cut, best := BestPairs(r.Edges, truth, wanted)
			clusters, bcubed := EvaluateClusters(r.Clusters, truth, across)
			t.Logf("pairs %.5f (precision %.5f, recall %.5f), best %.5f at %.1f bits; clusters %.5f, B-cubed %.5f",
				pairs.F1, pairs.Precision, pairs.Recall, best.F1, cut, clusters.F1, bcubed.F1)
			if pairs.F1 < c.want || clusters.F1 < c.want {
				t.Errorf("pairwise F1 %.5f, cluster F1 %.5f, want %.3f at the default threshold", pairs.F1, clusters.F1, c.want)
			}
		})
	}
}
