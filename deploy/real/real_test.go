package real

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/deploy/tools/built"
)

// whole is the tree and its bin/ark, for a test that runs a whole Ark.
func whole(t *testing.T) (tree, ark string) {
	t.Helper()
	if os.Getenv("ARK_WHOLE") == "" {
		t.Skip("set ARK_WHOLE to run whole Arks; deploy/test.sh does")
	}
	if os.Geteuid() != 0 {
		built.Missing(t, "roles as users of their own need root")
	}
	tree, err := filepath.Abs("../..")
	must(t, err)
	ark = filepath.Join(tree, "bin", "ark")
	if _, err := os.Stat(ark); err != nil {
		built.Missing(t, "bin/ark is not built: run make build")
	}
	return tree, ark
}

// TestMainJobOnRealServices plays the whole main job on the four services, each
// role with its own credential, and then tries what each credential reaches.
// It takes minutes: deploy/test.sh starts it by setting ARK_WHOLE.
func TestMainJobOnRealServices(t *testing.T) {
	tree, ark := whole(t)
	s := start(t)
	dir, err := os.MkdirTemp("", "ark-real-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir) })
	home := filepath.Join(dir, "ark")
	ctx, stop := context.WithTimeout(t.Context(), 15*time.Minute)
	defer stop()
	protected := make(chan error, 1)
	go func() { protected <- s.protect(ctx) }()
	out, err := exec.CommandContext(ctx, ark, "demo", "--unattended", "--keep", "--tree", tree, "--dir", home, "--listen", s.listen, "--parts", s.folder).CombinedOutput()
	t.Logf("the main job on Vault, S3, PostgreSQL and an outside provider:\n    %s", indented(out))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out, err := exec.Command(ark, "demo", "--reset", "--dir", home).CombinedOutput(); err != nil {
			t.Errorf("remove the Ark: %v: %s", err, out)
		}
	})
	must(t, <-protected)
	for _, gone := range []string{"keys", "objects", "db/ark.sqlite", "identity/accounts.json"} {
		if _, err := os.Stat(filepath.Join(home, gone)); err == nil {
			t.Errorf("%s is in the Ark's folder: the one-box default was used", gone)
		}
	}
	out, err = exec.CommandContext(ctx, ark, "reach", "--dir", home).CombinedOutput()
	t.Logf("what each credential reaches:\n    %s", indented(out))
	if err != nil {
		t.Errorf("ark reach: %v", err)
	}
	s.strangers(t)
}

// strangers tries the database and the object store without a credential.
func (s *services) strangers(t *testing.T) {
	t.Helper()
	u, err := url.Parse(s.database)
	must(t, err)
	q := u.Query()
	q.Set("password", "guessed")
	u.RawQuery = q.Encode()
	psql, err := exec.LookPath("psql")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
		if len(found) == 0 {
			built.Missing(t, "psql is not installed")
		}
		psql = found[len(found)-1]
	}
	out, err := exec.CommandContext(t.Context(), psql, u.String(), "-c", "SELECT 1").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "password authentication failed") {
		t.Errorf("the database let a wrong password in, or failed otherwise: %v: %s", err, out)
	}
	c, err := s3Client(s.s3.Endpoint, "ark-nobody", "guessed")
	must(t, err)
	if _, err := c.BucketExists(t.Context(), prefix+"payload"); err == nil {
		t.Error("the object store answered somebody it does not know")
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}
