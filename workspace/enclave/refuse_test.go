package enclave_test

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/apps"
	"github.com/ark-tre/ark/workspace/enclave"
	"github.com/ark-tre/ark/workspace/volume"
)

// TestWithoutTheMeansNothingRuns: a host that lacks a part refuses workspaces
// with the reason and what to do, and never runs one some other way.
func TestWithoutTheMeansNothingRuns(t *testing.T) {
	dir := t.TempDir()
	fake := filepath.Join(dir, "fake-runc")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for name, c := range map[string]enclave.Config{
		"no root file system": {Runc: fake, RootFS: filepath.Join(dir, "absent")},
		"no runtime":          {Runc: filepath.Join(dir, "absent"), RootFS: root},
		"a runtime that lies": {Runc: fake, RootFS: root},
		"nothing at all":      {},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			c.State, c.Run, c.Self = filepath.Join(top, "state"), filepath.Join(top, "run"), fake
			c.Log, c.Now = slog.New(slog.NewTextHandler(io.Discard, nil)), time.Now
			m, err := enclave.Open(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { unmount(t, filepath.Join(c.Run, "root")) })
			err = m.Probe(t.Context())
			if !ark.Is(err, ark.Unavailable) || !strings.Contains(err.Error(), " — ") && os.Geteuid() == 0 && name != "a runtime that lies" {
				t.Errorf("the probe says %v", err)
			}
			q := request(t, "prj_a", "usr_a")
			if _, err := m.Provision(t.Context(), q); !ark.Is(err, ark.Unavailable) {
				t.Errorf("provisioning gave %v", err)
			}
			if err := m.Start(t.Context(), q.ID, q.Key, []string{apps.Jupyter}); !ark.Is(err, ark.Unavailable) {
				t.Errorf("starting gave %v", err)
			}
			if files, _ := filepath.Glob(filepath.Join(c.State, "*", "*")); len(files) > 0 {
				t.Errorf("something was left: %v", files)
			}
		})
	}
}

func unmount(t *testing.T, path string) {
	t.Helper()
	if volume.IsMounted(path) {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}
}
