package enclave_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ark-tre/ark/workspace/apps"
	"github.com/ark-tre/ark/workspace/enclave/enclavetest"
)

// TestJupyterAnswers starts JupyterLab and asks it for its page.
func TestJupyterAnswers(t *testing.T) {
	d := enclavetest.Start(t)
	q := request(t, "prj_a", "usr_a")
	if _, _, err := d.Provision(t.Context(), q, nil); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := d.Start(t.Context(), q.ID, q.Key, apps.Jupyter); err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %s", time.Since(begin))
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialApp(ctx, q.ID, apps.Jupyter)
	}}}
	for time.Since(begin) < 12*time.Second {
		resp, err := client.Get("http://x/jupyter/api/status")
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		t.Logf("answered after %s: %d %.300s", time.Since(begin), resp.StatusCode, text)
		return
	}
	dump(t, d, q.ID)
	t.Fatal("JupyterLab did not answer within 60 s")
}

// dump shows the apps' logs, which only a test may.
func dump(t *testing.T, d *enclavetest.Daemon, id string) {
	t.Helper()
	for _, app := range []string{"jupyter", "sql"} {
		text, _ := os.ReadFile(filepath.Join(d.Dir, "run/ws", id, "volume/sealed/home/.ark", app+".log"))
		t.Logf("%s: %s", app, text)
	}
}
