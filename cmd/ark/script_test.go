package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"configure": configure, "flip": flip, "status": func(ts *testscript.TestScript, _ bool, args []string) {
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

// configure RECIPIENT CONFIG FOLDER has backups go to a folder, for a recipient.
func configure(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[1])
	text := strings.Replace(ts.ReadFile(args[1]), "backup:\n    to: \"\"\n    recipients: []\n",
		fmt.Sprintf("backup:\n    to: %q\n    recipients: [%s]\n", ts.MkAbs(args[2]), strings.TrimSpace(ts.ReadFile(args[0]))), 1)
	if !strings.Contains(text, "age1") {
		ts.Fatalf("the configuration has no part for backups")
	}
	ts.Check(os.WriteFile(name, []byte(text), 0o644))
}

// flip FOLDER flips one bit in the middle of its newest bundle.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	names, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "bundles", "*.age"))
	ts.Check(err)
	slices.Sort(names)
	name := names[len(names)-1]
	data, err := os.ReadFile(name)
	ts.Check(err)
	data[len(data)/2] ^= 1
	ts.Check(os.Chmod(name, 0o600))
	ts.Check(os.WriteFile(name, data, 0o600))
}
