package ledger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ark-tre/ark/pkg/ledger"
)

func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint("batch", batch), func(b *testing.B) {
			_, l := create(b)
			next := 0
			for b.Loop() {
				_, _, err := l.Append(b.Context(), leaves(next, next+batch))
				must(b, err)
				next += batch
			}
			b.ReportMetric(float64(next)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	_, l := create(b)
	for i := range 20 {
		_, _, err := l.Append(b.Context(), leaves(i*1000, i*1000+1000))
		must(b, err)
	}
	dir := filepath.Join(b.TempDir(), "export")
	_, err := l.Export(b.Context(), dir)
	must(b, err)
	key, err := l.VerifierKey(b.Context())
	must(b, err)
	for b.Loop() {
		report, err := ledger.Verify(os.DirFS(dir), []string{key})
		if err != nil || !report.OK() {
			b.Fatal(report.Findings, err)
		}
	}
	b.ReportMetric(20000*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
