package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
)

// exported makes a ledger of 300 entries and returns the folder of its export,
// the file of its key and the file of a checkpoint given out after 100.
func exported(t *testing.T) (dir, key, permit string) {
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
	ok(ring.Create(ctx, "signing/ledger"))
	rules := objects.DefaultRules()
	ok(folder.Init(filepath.Join(tmp, "objects"), rules))
	back, err := folder.Open(filepath.Join(tmp, "objects"), rules, time.Now)
	ok(err)
	l, err := ledger.Create(ctx, ledger.Config{
		Tiles: ledger.InStore(objects.New(back, ring, rules)), Keys: ring, Key: "signing/ledger", Origin: "ark.test/ledger",
	})
	ok(err)
	random, at := rand.NewChaCha8([32]byte{}), time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	permit, key, dir = filepath.Join(tmp, "permit"), filepath.Join(tmp, "key"), filepath.Join(tmp, "export")
	for _, n := range []int{100, 200} {
		var leaves []ledger.Leaf
		for range n {
			e, err := ledger.NewEntry(ark.NewID(ark.PrefixEvent, at, random), "project.submit", at, nil, nil, random)
			ok(err)
			leaves = append(leaves, e.Leaf)
		}
		_, head, err := l.Append(ctx, leaves)
		ok(err)
		if n == 100 {
			ok(os.WriteFile(permit, head.Note, 0o600))
		}
	}
	line, err := l.VerifierKey(ctx)
	ok(err)
	ok(os.WriteFile(key, []byte(line+"\n"), 0o600))
	_, err = l.Export(ctx, dir)
	ok(err)
	return dir, key, permit
}

func TestLedgerVerify(t *testing.T) {
	dir, key, permit := exported(t)
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.CopyFS(broken, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(broken, "tile/entries/000")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[50] ^= 1
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		exit int
		says []string
	}{
		{"whole", []string{"--key", key, dir}, 0, []string{"verified: ark.test/ledger, 300 entries"}},
		{"against", []string{"--key", key, "--against", permit, dir}, 0, []string{"begins with the 100 entries"}},
		{"flipped", []string{"--key", key, broken}, 1, []string{"altered: tile/entries/000 entry 0", "NOT VERIFIED"}},
		{"key_as_checkpoint", []string{"--key", key, "--against", key, dir}, 1, []string{"forged", "NOT VERIFIED"}},
		{"no_key", []string{dir}, 2, nil},
		{"no_folder", []string{"--key", key, dir + "x"}, 2, nil},
		{"not_a_key", []string{"--key", permit, dir}, 2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			exit, out := captured(t, append([]string{"ledger", "verify"}, c.args...))
			if exit != c.exit {
				t.Errorf("exit %d, want %d\n%s", exit, c.exit, out)
			}
			for _, s := range c.says {
				if !strings.Contains(out, s) {
					t.Errorf("does not say %q:\n%s", s, out)
				}
			}
		})
	}
}

// captured runs the command line and returns its status and standard output.
func captured(t *testing.T, args []string) (int, string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	done := make(chan string)
	go func() {
		b, err := io.ReadAll(r)
		if err != nil {
			b = fmt.Append(nil, err)
		}
		done <- string(b)
	}()
	exit := run(args)
	os.Stdout = stdout
	_ = w.Close()
	return exit, <-done
}
