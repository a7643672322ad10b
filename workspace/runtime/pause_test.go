package runtime

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A runtime that could not freeze is asked again; one that says anything else is
// not.
func TestPauseIsAskedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		says  string
		fails string // times
		asked int    // 0: as often as there was time for
		works bool
	}{
		"busy twice":    {"unable to freeze", "2", 3, true},
		"no such":       {"container does not exist", "2", 1, false},
		"at once":       {"unable to freeze", "0", 1, true},
		"given up, ctx": {"unable to freeze", "99", 0, false},
	} {
		dir := t.TempDir()
		program := filepath.Join(dir, "runc")
		script := "#!/bin/sh\necho x >> " + dir + "/asked\n[ $(wc -l < " + dir + "/asked) -gt " + c.fails + " ] && exit 0\necho '" + c.says + "' > \"$4\"\nexit 1\n"
		if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		if name == "given up, ctx" {
			cancel()
		}
		err := Runc{Program: program, State: dir}.Pause(ctx, "wsp_1")
		cancel()
		asked, _ := os.ReadFile(filepath.Join(dir, "asked"))
		if n := strings.Count(string(asked), "x"); (err == nil) != c.works || n != c.asked && c.asked > 0 {
			t.Errorf("%s: asked %d times, %v", name, n, err)
		}
	}
}
