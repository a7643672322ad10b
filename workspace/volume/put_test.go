package volume_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/volume"
)

// A put is repeated after a crash: the same bytes are put again without
// complaint, what was half written gives way, other bytes are refused.
func TestPutMayBeRepeated(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".helper.py.part"), []byte("half a fi"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := volume.Put(dir, "helper.py", strings.NewReader("ANSWER = 42\n")); err != nil {
			t.Fatalf("put, and put again: %v", err)
		}
	}
	if _, err := volume.Put(dir, "helper.py", strings.NewReader("ANSWER = 43\n")); !ark.Is(err, ark.Conflict) {
		t.Errorf("other bytes under a name that is there: %v, want a conflict", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "helper.py"))
	left, _ := os.ReadDir(dir)
	if err != nil || string(text) != "ANSWER = 42\n" || len(left) != 1 {
		t.Errorf("the folder holds %v, the file %q, %v", left, text, err)
	}
}
