package ledger_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ark-tre/ark/pkg/ledger"
)

// verified exports the log and verifies the export.
func verified(t *testing.T, l *ledger.Log, against ...[]byte) ledger.Report {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "export")
	_, err := l.Export(t.Context(), dir)
	must(t, err)
	return verifyDir(t, l, dir, against...)
}

func verifyDir(t *testing.T, l *ledger.Log, dir string, against ...[]byte) ledger.Report {
	t.Helper()
	key, err := l.VerifierKey(t.Context())
	must(t, err)
	report, err := ledger.Verify(os.DirFS(dir), []string{key}, against...)
	must(t, err)
	return report
}

func TestVerifyPassesWhatIsWhole(t *testing.T) {
	for _, n := range []int{0, 1, 2, 255, 256, 257, 512, 1000} {
		_, l := create(t)
		fill(t, l, n)
		report := verified(t, l)
		if !report.OK() || report.Size != int64(n) {
			t.Errorf("%d entries: %+v", n, report)
		}
	}
}
