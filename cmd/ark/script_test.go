package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ark-tre/ark/airlock/bundle"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/worker"
)

// TestMain makes this test binary be the program too, for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ark": main})
}

// TestScripts runs testdata/script: whole commands as a user types them, in a
// process of their own. ARK_GOLDEN=update rewrites what cmp compares with.
func TestScripts(t *testing.T) {
	log, logKey, head := exported(t)
	zip, zipKey, broken := sealed(t)
	tree, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: os.Getenv("ARK_GOLDEN") == "update",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": func(ts *testscript.TestScript, _ bool, args []string) {
			// status N ARGS…: ark ARGS… ends with exit status N.
			if len(args) < 2 {
				ts.Fatalf("usage: status N args")
			}
			got := 0
			var ended *exec.ExitError
			if err := ts.Exec("ark", args[1:]...); errors.As(err, &ended) {
				got = ended.ExitCode()
			} else if err != nil {
				ts.Fatalf("ark: %v", err)
			}
			if strconv.Itoa(got) != args[0] {
				ts.Fatalf("exit status %d, not %s", got, args[0])
			}
		}},
		Setup: func(e *testscript.Env) error {
			for k, v := range map[string]string{"LEDGER": log, "LEDGERKEY": logKey, "HEAD": head, "BUNDLE": zip, "BUNDLEKEY": zipKey, "BROKEN": broken, "TREE": tree,
				"HOME": e.WorkDir, "XDG_CONFIG_HOME": filepath.Join(e.WorkDir, "config")} {
				e.Setenv(k, v)
			}
			return nil
		},
	})
}

// sealed makes a signed bundle, the file of its public key, and the bundle
// with one bit flipped.
func sealed(t *testing.T) (zip, key, broken string) {
	t.Helper()
	ctx, tmp := context.Background(), t.TempDir()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(local.Init(filepath.Join(tmp, "keys")))
	ring, err := local.Open(filepath.Join(tmp, "keys"), time.Now)
	ok(err)
	ok(ring.Create(ctx, worker.ReleaseKey))
	data, err := bundle.Seal(ctx, ring, worker.ReleaseKey, bundle.Statement{Release: "rel_1", Project: "prj_1", Checkers: 2, Checked: bundle.Rule{Profile: "ark"},
		Files: []bundle.File{{Ordinal: 1, Name: "table.csv", Data: []byte("sex,people\nF,120\nM,115\n")}}})
	ok(err)
	public, err := ring.Public(ctx, worker.ReleaseKey)
	ok(err)
	der, err := x509.MarshalPKIXPublicKey(public)
	ok(err)
	zip, key, broken = filepath.Join(tmp, "release.zip"), filepath.Join(tmp, "release.pub"), filepath.Join(tmp, "broken.zip")
	ok(os.WriteFile(zip, data, 0o600))
	ok(os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600))
	data[len(data)/2] ^= 1
	ok(os.WriteFile(broken, data, 0o600))
	return zip, key, broken
}
