package real

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// kinds of crash, as "ark demo --crash" names them.
var kinds = []string{"points", "words", "writes", "commits", "asks", "kills"}

// TestCrashes plays the main job while it is broken and compares where it ends
// with an undisturbed run. ARK_CRASH names the kinds, separated by commas, a
// kind as often as it is to be run; without it, one is taken in turn by the day
// beside the declared points, so that all of them come round.
func TestCrashes(t *testing.T) {
	want := []string{"points", kinds[1+int(time.Now().Unix()/86400)%5]}
	if text := os.Getenv("ARK_CRASH"); text != "" {
		want = strings.Split(text, ",")
	}
	at := t.TempDir()
	calm := filepath.Join(at, "calm")
	_, _ = played(t, "--projection", calm)
	was := projection(t, calm)
	for i, kind := range want {
		if !slices.Contains(kinds, kind) {
			t.Fatalf("there is no crash of the kind %q", kind)
		}
		t.Run(kind, func(t *testing.T) {
			file := filepath.Join(at, kind)
			_, said := played(t, "--crash", kind, "--projection", file, "--kill-seed", itoa(i+int(time.Now().Unix()%1000)+1))
			for _, line := range strings.Split(said, "\n") {
				if strings.Contains(line, "fired once") || strings.Contains(line, "kills at random") || strings.Contains(line, "leftovers") {
					t.Log(strings.TrimSpace(line))
				}
			}
			is := projection(t, file)
			var only []string
			for _, x := range is {
				if !slices.Contains(was, x) {
					only = append(only, "only after the crashes: "+x)
				}
			}
			for _, x := range was {
				if !slices.Contains(is, x) {
					only = append(only, "only undisturbed: "+x)
				}
			}
			for _, x := range only {
				t.Errorf("%.2000s", x)
			}
			t.Logf("%d lines of the end state compared with the undisturbed run's, %d differ", len(is), len(only))
		})
	}
}

func projection(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) < 80 {
		t.Fatalf("the projection has %d lines: it looks at too little", len(lines))
	}
	return lines
}
