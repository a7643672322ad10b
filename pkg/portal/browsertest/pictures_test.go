package browsertest

import (
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestPictures holds that every picture the README shows is there, and that
// those the walk makes are pictures of a page and small.
func TestPictures(t *testing.T) {
	shown := map[string]bool{}
	for _, name := range []string{"researcher", "custodian", "checker"} {
		shown[filepath.Join("docs", "pictures", name+".png")] = true
	}
	readme, err := os.ReadFile(filepath.Join(tree, "README.md"))
	switch {
	case os.IsNotExist(err) && os.Getenv("CI") == "":
		t.Log("there is no README.md yet")
	case err != nil:
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?:\]\(|src=")([^)" ]+\.png)`).FindAllSubmatch(readme, -1) {
		shown[string(m[1])] = true
	}
	for path := range shown {
		f, err := os.Open(filepath.Join(tree, path))
		if err != nil {
			t.Errorf("%s: %v: make it with ARK_PICTURES=1 go test ./pkg/portal/browsertest", path, err)
			continue
		}
		defer f.Close()
		if st, err := f.Stat(); err != nil || st.Size() > 300_000 {
			t.Errorf("%s: more than 300 kB (%v)", path, err)
		}
		c, err := png.DecodeConfig(f)
		if err != nil || c.Width < 1000 || c.Height < 500 {
			t.Errorf("%s: no picture of a page: %d × %d, %v", path, c.Width, c.Height, err)
		}
	}
}
