package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/keystest"
)

var _ keys.Keyring = (*Keyring)(nil)

func TestContract(t *testing.T) {
	keystest.Run(t, func(t *testing.T) (keys.Keyring, func() keys.Keyring) {
		root, kr := fresh(t)
		return kr, func() keys.Keyring {
			kr, err := Open(root, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			return kr
		}
	})
}

func fresh(t *testing.T) (string, *Keyring) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "keyring")
	if err := Init(root); err != nil {
		t.Fatal(err)
	}
	kr, err := Open(root, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return root, kr
}

func TestOpenNeverCreates(t *testing.T) {
	root := t.TempDir()
	if _, err := Open(root, time.Now); !ark.Is(err, ark.Unavailable) {
		t.Fatalf("an empty folder opened as a keyring: %v", err)
	}
	entries, err := os.ReadDir(root)
	if err != nil || len(entries) != 0 {
		t.Fatalf("Open wrote %v, %v", entries, err)
	}
}

func TestInitIsALatch(t *testing.T) {
	root, _ := fresh(t)
	if err := Init(root); !ark.Is(err, ark.Conflict) {
		t.Fatalf("second Init: %v", err)
	}
}

// The portal's situation: it sees the public half and nothing else.
func TestSealingNeedsNoSecret(t *testing.T) {
	root, kr := fresh(t)
	must(t, kr.Create(t.Context(), "landing/portal"))
	hidden := filepath.Join(t.TempDir(), "hidden")
	secret := filepath.Join(root, "landing", "portal", "v1.secret")
	must(t, os.Rename(secret, hidden))
	plain, w, err := kr.NewDataKey(t.Context(), "landing/portal")
	must(t, err)
	if got, err := kr.Unwrap(t.Context(), "landing/portal", w); err == nil {
		t.Fatalf("opened without the secret: %v", got)
	}
	must(t, os.Rename(hidden, secret))
	got, err := kr.Unwrap(t.Context(), "landing/portal", w)
	if err != nil || !got.Same(plain) {
		t.Fatalf("does not open with the secret back: %v", err)
	}
}

func TestVerifyingNeedsNoSecret(t *testing.T) {
	root, kr := fresh(t)
	must(t, kr.Create(t.Context(), "signing/ledger"))
	sig, err := kr.Sign(t.Context(), "signing/ledger", []byte("m"))
	must(t, err)
	must(t, os.Remove(filepath.Join(root, "signing", "ledger", "v1.secret")))
	must(t, kr.Verify(t.Context(), "signing/ledger", []byte("m"), sig))
	if _, err := kr.Sign(t.Context(), "signing/ledger", []byte("m")); err == nil {
		t.Fatal("signed without the secret")
	}
}

func TestDestroyLeavesNoSecretBytes(t *testing.T) {
	root, kr := fresh(t)
	must(t, kr.Create(t.Context(), "project/a"))
	_, err := kr.Rotate(t.Context(), "project/a")
	must(t, err)
	dir := filepath.Join(root, "project", "a")
	// What a crashed Rotate leaves behind is a copy too.
	must(t, os.WriteFile(filepath.Join(dir, ".unfinished-1"), []byte(secretMagic+"left over\n"), 0o600))
	_, err = kr.Destroy(t.Context(), "project/a")
	must(t, err)
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 1 || entries[0].Name() != destroyedFile {
		t.Fatalf("the folder still holds %v", entries)
	}
	doc, err := os.ReadFile(filepath.Join(dir, destroyedFile))
	must(t, err)
	if strings.Contains(string(doc), secretMagic) {
		t.Fatal("the evidence holds the secret")
	}
}

// A crash after the evidence and before the removal: the key is unusable at
// once, and the next Destroy finishes.
func TestInterruptedDestroyRefusesAndFinishes(t *testing.T) {
	root, kr := fresh(t)
	must(t, kr.Create(t.Context(), "project/a"))
	_, w, err := kr.NewDataKey(t.Context(), "project/a")
	must(t, err)
	_, err = kr.evidence("project/a")
	must(t, err)
	if _, err := kr.Unwrap(t.Context(), "project/a", w); !ark.Is(err, ark.Lapsed) {
		t.Fatalf("Unwrap: %v", err)
	}
	ev, err := kr.Destroy(t.Context(), "project/a")
	if err != nil || ev.Versions != 1 {
		t.Fatalf("%+v, %v", ev, err)
	}
	if _, err := os.Lstat(filepath.Join(root, "project", "a", "v1.secret")); !os.IsNotExist(err) {
		t.Fatalf("the secret is still there: %v", err)
	}
}

// Files carried from one key to another open nothing.
func TestSwappedFilesAreRefused(t *testing.T) {
	root, kr := fresh(t)
	must(t, kr.Create(t.Context(), "payload/a"))
	must(t, kr.Create(t.Context(), "payload/b"))
	_, w, err := kr.NewDataKey(t.Context(), "payload/a")
	must(t, err)
	for _, f := range []string{"v1.secret", "v1.public"} {
		doc, err := os.ReadFile(filepath.Join(root, "payload", "b", f))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(root, "payload", "a", f), doc, 0o640))
	}
	if _, _, err := kr.NewDataKey(t.Context(), "payload/a"); err == nil {
		t.Error("sealed to another key's public half")
	}
	if _, err := kr.Unwrap(t.Context(), "payload/a", w); err == nil {
		t.Error("opened with another key's secret")
	}
}

func TestDamagedSecretIsNotQuoted(t *testing.T) {
	root, kr := fresh(t)
	must(t, kr.Create(t.Context(), "pseudonym/a"))
	must(t, os.WriteFile(filepath.Join(root, "pseudonym", "a", "v1.secret"), []byte(secretMagic+"c2VjcmV0IQ\n"), 0o640))
	_, err := kr.Derive(t.Context(), "pseudonym/a", "x")
	if !ark.Is(err, ark.Unavailable) || strings.Contains(err.Error(), "c2Vj") {
		t.Fatalf("%v", err)
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add([]byte(secretMagic + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"))
	f.Add([]byte("ark secret 2 x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSecret(b)
		if (err == nil) != (len(s.Reveal()) == keys.SecretSize) {
			t.Errorf("%d bytes with error %v", len(s.Reveal()), err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
