// Package keystest is the contract of keys.Keyring, run by every
// implementation's tests. It may use nothing that the interface does not
// offer, and must never be linked into a program.
package keystest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"slices"
	"sync"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
)

// Run holds the keyrings that open returns to the contract. Each call of open
// gets a fresh, empty keyring and a way to open the same keyring again as
// another process would.
func Run(t *testing.T, open func(t *testing.T) (first keys.Keyring, again func() keys.Keyring)) {
	for _, c := range []struct {
		name string
		test func(*testing.T, keys.Keyring, func() keys.Keyring)
	}{
		{"UseNeverCreates", useNeverCreates},
		{"CreateIsALatch", createIsALatch},
		{"NamesAndUsesAreClosed", namesAndUses},
		{"WrapAndUnwrap", wrap},
		{"WrappedKeyOfAnotherNameIsRefused", wrapOtherName},
		{"ChangedWrappedKeyIsRefused", wrapChanged},
		{"DeriveIsDeterministicAndSeparated", derive},
		{"MACIsDeterministicAndSeparated", mac},
		{"FingerprintRecognises", fingerprint},
		{"SignAndVerify", sign},
		{"RotationKeepsOldVersionsOpen", rotate},
		{"DestroyIsForEver", destroy},
		{"ListSaysWhatThereIs", list},
		{"ConcurrentCreateHasOneWinner", concurrentCreate},
	} {
		t.Run(c.name, func(t *testing.T) {
			kr, again := open(t)
			c.test(t, kr, again)
		})
	}
}

func useNeverCreates(t *testing.T, kr keys.Keyring, again func() keys.Keyring) {
	ctx := t.Context()
	for range 2 { // the first round must not have made what the second finds
		_, _, err := kr.NewDataKey(ctx, "payload/a")
		want(t, "NewDataKey", err, ark.Unknown)
		_, err = kr.Derive(ctx, "pseudonym/a", "x")
		want(t, "Derive", err, ark.Unknown)
		_, err = kr.MAC(ctx, "pseudonym/a", nil)
		want(t, "MAC", err, ark.Unknown)
		_, err = kr.Sign(ctx, "signing/a", nil)
		want(t, "Sign", err, ark.Unknown)
		want(t, "Verify", kr.Verify(ctx, "signing/a", nil, make([]byte, 64)), ark.Unknown)
		_, err = kr.Public(ctx, "signing/a")
		want(t, "Public", err, ark.Unknown)
		_, err = kr.Rotate(ctx, "payload/a")
		want(t, "Rotate", err, ark.Unknown)
		_, err = kr.Destroy(ctx, "payload/a")
		want(t, "Destroy", err, ark.Unknown)
		kr = again()
	}
}

func createIsALatch(t *testing.T, kr keys.Keyring, again func() keys.Keyring) {
	ctx := t.Context()
	create(t, kr, "project/prj_1")
	plain, w := dataKey(t, kr, "project/prj_1")
	want(t, "second Create", kr.Create(ctx, "project/prj_1"), ark.Conflict)
	want(t, "Create by another process", again().Create(ctx, "project/prj_1"), ark.Conflict)
	got, err := kr.Unwrap(ctx, "project/prj_1", w)
	if err != nil || !got.Same(plain) {
		t.Fatalf("the refused Create changed the key: %v", err)
	}
}

func namesAndUses(t *testing.T, kr keys.Keyring, _ func() keys.Keyring) {
	ctx := t.Context()
	for _, n := range []keys.Name{"", "payload", "payload/", "/a", "nosuch/a", "payload/A", "payload/a/b", "payload/..", "payload/.a", "payload/a b", "payload/a\x00"} {
		want(t, string(n), kr.Create(ctx, n), ark.Invalid)
		_, err := kr.Destroy(ctx, n)
		want(t, string(n), err, ark.Invalid)
	}
	create(t, kr, "signing/a")
	create(t, kr, "pseudonym/a")
	create(t, kr, "payload/a")
	_, _, err := kr.NewDataKey(ctx, "signing/a")
	want(t, "NewDataKey of a signing key", err, ark.Invalid)
	_, _, err = kr.NewDataKey(ctx, "pseudonym/a")
	want(t, "NewDataKey of a pseudonym key", err, ark.Invalid)
	_, err = kr.Sign(ctx, "payload/a", nil)
	want(t, "Sign by a sealing key", err, ark.Invalid)
	_, err = kr.Derive(ctx, "signing/a", "x")
	want(t, "Derive from a signing key", err, ark.Invalid)
	_, err = kr.List(ctx, "nosuch")
	want(t, "List of an unknown class", err, ark.Invalid)
}

func wrap(t *testing.T, kr keys.Keyring, again func() keys.Keyring) {
	create(t, kr, "landing/a")
	p1, w1 := dataKey(t, kr, "landing/a")
	p2, w2 := dataKey(t, kr, "landing/a")
	if p1.Same(p2) || bytes.Equal(w1, w2) {
		t.Fatal("two data keys are the same")
	}
	if bytes.Contains(w1, p1.Reveal()) {
		t.Fatal("the wrapped key shows the data key")
	}
	got, err := again().Unwrap(t.Context(), "landing/a", w1)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Same(p1) {
		t.Fatal("unwrapped another key than was wrapped")
	}
}

func wrapOtherName(t *testing.T, kr keys.Keyring, _ func() keys.Keyring) {
	create(t, kr, "landing/a")
	create(t, kr, "landing/b")
	_, w := dataKey(t, kr, "landing/a")
	_, err := kr.Unwrap(t.Context(), "landing/b", w)
	want(t, "Unwrap under another name", err, ark.Invalid)
}

func wrapChanged(t *testing.T, kr keys.Keyring, _ func() keys.Keyring) {
	create(t, kr, "landing/a")
	_, w := dataKey(t, kr, "landing/a")
	for i := range w {
		bad := slices.Clone(w)
		bad[i] ^= 0x01
		if got, err := kr.Unwrap(t.Context(), "landing/a", bad); err == nil {
			t.Fatalf("byte %d changed, and it opened to %v", i, got)
		} else if !ark.Is(err, ark.Invalid) {
			t.Fatalf("byte %d changed: %v, want an Invalid fault", i, err)
		}
	}
	for _, bad := range []keys.Wrapped{nil, w[:len(w)-1], append(slices.Clone(w), 0)} {
		_, err := kr.Unwrap(t.Context(), "landing/a", bad)
		want(t, "Unwrap of another length", err, ark.Invalid)
	}
}

func derive(t *testing.T, kr keys.Keyring, again func() keys.Keyring) {
	create(t, kr, "pseudonym/a")
	create(t, kr, "pseudonym/b")
	get := func(kr keys.Keyring, n keys.Name, context string) keys.Secret {
		s, err := kr.Derive(t.Context(), n, context)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	base := get(kr, "pseudonym/a", "records")
	if !base.Same(get(again(), "pseudonym/a", "records")) {
		t.Error("the same name and context gave another subkey")
	}
	for _, other := range []keys.Secret{get(kr, "pseudonym/a", "record"), get(kr, "pseudonym/a", ""), get(kr, "pseudonym/b", "records")} {
		if base.Same(other) {
			t.Error("another name or context gave the same subkey")
		}
	}
	m, err := kr.MAC(t.Context(), "pseudonym/a", []byte("records"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(m, base.Reveal()) {
		t.Error("MAC and Derive of the same input are the same")
	}
}

func mac(t *testing.T, kr keys.Keyring, again func() keys.Keyring) {
	create(t, kr, "pseudonym/a")
	create(t, kr, "pseudonym/b")
	get := func(kr keys.Keyring, n keys.Name, data string) []byte {
		m, err := kr.MAC(t.Context(), n, []byte(data))
		if err != nil || len(m) != 32 {
			t.Fatalf("%d bytes, %v", len(m), err)
		}
		return m
	}
	base := get(kr, "pseudonym/a", "x")
	if !bytes.Equal(base, get(again(), "pseudonym/a", "x")) {
		t.Error("the same data gave another MAC")
	}
	if bytes.Equal(base, get(kr, "pseudonym/a", "y")) || bytes.Equal(base, get(kr, "pseudonym/b", "x")) {
		t.Error("other data or another key gave the same MAC")
	}
	get(kr, "pseudonym/a", "") // nothing is data too
}

func fingerprint(t *testing.T, kr keys.Keyring, again func() keys.Keyring) {
	ctx := t.Context()
	create(t, kr, "landing/a")
	create(t, kr, "landing/b")
	create(t, kr, "pseudonym/a")
	get := func(kr keys.Keyring, n keys.Name, data string) []byte {
		f, err := kr.Fingerprint(ctx, n, []byte(data))
		if err != nil || len(f) != 32 {
			t.Fatalf("%d bytes, %v", len(f), err)
		}
		return f
	}
	base := get(kr, "landing/a", "x")
	if _, err := kr.Rotate(ctx, "landing/a"); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(base, get(again(), "landing/a", "x")) {
		t.Error("the same data gave another fingerprint")
	}
	if bytes.Equal(base, get(kr, "landing/a", "y")) || bytes.Equal(base, get(kr, "landing/b", "x")) {
		t.Error("other data or another key gave the same fingerprint")
	}
	if m, err := kr.MAC(ctx, "landing/a", []byte("x")); err != nil || bytes.Equal(m, base) {
		t.Errorf("MAC and fingerprint are the same: %v", err)
	}
	_, err := kr.Fingerprint(ctx, "pseudonym/a", nil)
	want(t, "by a pseudonym key", err, ark.Invalid)
	_, err = kr.Fingerprint(ctx, "landing/nosuch", nil)
	want(t, "by a missing key", err, ark.Unknown)
	if _, err := kr.Destroy(ctx, "landing/a"); err != nil {
		t.Fatal(err)
	}
	_, err = kr.Fingerprint(ctx, "landing/a", []byte("x"))
	want(t, "by a destroyed key", err, ark.Lapsed)
}

func sign(t *testing.T, kr keys.Keyring, again func() keys.Keyring) {
	ctx := t.Context()
	create(t, kr, "signing/a")
	create(t, kr, "signing/b")
	sig, err := kr.Sign(ctx, "signing/a", []byte("message"))
	if err != nil {
		t.Fatal(err)
	}
	if err := again().Verify(ctx, "signing/a", []byte("message"), sig); err != nil {
		t.Error(err)
	}
	pub, err := kr.Public(ctx, "signing/a")
	if err != nil {
		t.Fatal(err)
	}
	if len(pub) != ed25519.PublicKeySize || !ed25519.Verify(pub, []byte("message"), sig) {
		t.Error("the signature is not plain Ed25519 under the public key")
	}
	want(t, "another message", kr.Verify(ctx, "signing/a", []byte("massage"), sig), ark.Invalid)
	want(t, "another key", kr.Verify(ctx, "signing/b", []byte("message"), sig), ark.Invalid)
	want(t, "no signature", kr.Verify(ctx, "signing/a", []byte("message"), nil), ark.Invalid)
	bad := slices.Clone(sig)
	bad[10] ^= 1
	want(t, "changed signature", kr.Verify(ctx, "signing/a", []byte("message"), bad), ark.Invalid)
}

func rotate(t *testing.T, kr keys.Keyring, again func() keys.Keyring) {
	ctx := t.Context()
	create(t, kr, "payload/a")
	create(t, kr, "signing/a")
	create(t, kr, "pseudonym/a")
	old, oldW := dataKey(t, kr, "payload/a")
	oldSig, err := kr.Sign(ctx, "signing/a", []byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	oldPub, err := kr.Public(ctx, "signing/a")
	if err != nil {
		t.Fatal(err)
	}
	oldSub, err := kr.Derive(ctx, "pseudonym/a", "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []keys.Name{"payload/a", "signing/a", "pseudonym/a"} {
		if v, err := kr.Rotate(ctx, n); err != nil || v != 2 {
			t.Fatalf("Rotate %s: version %d, %v; want 2", n, v, err)
		}
	}
	kr2 := again()
	if got, err := kr2.Unwrap(ctx, "payload/a", oldW); err != nil || !got.Same(old) {
		t.Errorf("what version 1 wrapped does not open: %v", err)
	}
	fresh, freshW := dataKey(t, kr2, "payload/a")
	if got, err := kr.Unwrap(ctx, "payload/a", freshW); err != nil || !got.Same(fresh) {
		t.Errorf("what version 2 wrapped does not open: %v", err)
	}
	if err := kr2.Verify(ctx, "signing/a", []byte("m"), oldSig); err != nil {
		t.Errorf("what version 1 signed does not verify: %v", err)
	}
	if pub, err := kr2.Public(ctx, "signing/a"); err != nil || pub.Equal(oldPub) {
		t.Errorf("Public is not that of the newest version: %v", err)
	}
	sig, err := kr2.Sign(ctx, "signing/a", []byte("m"))
	if err != nil || ed25519.Verify(oldPub, []byte("m"), sig) {
		t.Errorf("signed by the old version after rotation: %v", err)
	}
	if got, err := kr2.Derive(ctx, "pseudonym/a", "x"); err != nil || !got.Same(oldSub) {
		t.Errorf("rotation changed a derived key: %v", err)
	}
}

func destroy(t *testing.T, kr keys.Keyring, again func() keys.Keyring) {
	ctx := t.Context()
	create(t, kr, "project/a")
	create(t, kr, "project/b")
	_, w := dataKey(t, kr, "project/a")
	_, keep := dataKey(t, kr, "project/b")
	if _, err := kr.Rotate(ctx, "project/a"); err != nil {
		t.Fatal(err)
	}
	ev, err := kr.Destroy(ctx, "project/a")
	if err != nil {
		t.Fatal(err)
	}
	if ev.Name != "project/a" || ev.Versions != 2 || ev.Method == "" || len(ev.Remains) == 0 || ev.Time.IsZero() {
		t.Errorf("evidence says too little: %+v", ev)
	}
	for _, kr := range []keys.Keyring{kr, again()} {
		_, err = kr.Unwrap(ctx, "project/a", w)
		want(t, "Unwrap", err, ark.Lapsed)
		_, _, err = kr.NewDataKey(ctx, "project/a")
		want(t, "NewDataKey", err, ark.Lapsed)
		_, err = kr.Derive(ctx, "project/a", "x")
		want(t, "Derive", err, ark.Lapsed)
		_, err = kr.Rotate(ctx, "project/a")
		want(t, "Rotate", err, ark.Lapsed)
		want(t, "Create", kr.Create(ctx, "project/a"), ark.Lapsed)
		if _, err := kr.Unwrap(ctx, "project/b", keep); err != nil {
			t.Errorf("another key suffered: %v", err)
		}
		if got, err := kr.Destroy(ctx, "project/a"); err != nil || !got.Time.Equal(ev.Time) || got.Versions != 2 {
			t.Errorf("destroying again: %+v, %v; want the first evidence", got, err)
		}
	}
}

func list(t *testing.T, kr keys.Keyring, again func() keys.Keyring) {
	ctx := t.Context()
	for _, n := range []keys.Name{"index/b", "index/a", "index/c.d", "payload/x"} {
		create(t, kr, n)
	}
	if _, err := kr.Rotate(ctx, "index/b"); err != nil {
		t.Fatal(err)
	}
	if _, err := kr.Destroy(ctx, "index/a"); err != nil {
		t.Fatal(err)
	}
	got, err := again().List(ctx, keys.Index)
	wantList := []keys.Info{{Name: "index/a", Versions: 1, Destroyed: true}, {Name: "index/b", Versions: 2}, {Name: "index/c.d", Versions: 1}}
	if err != nil || !slices.Equal(got, wantList) {
		t.Errorf("List: %+v, %v; want %+v", got, err, wantList)
	}
	if got, err := kr.List(ctx, keys.Sidecar); err != nil || len(got) != 0 {
		t.Errorf("List of an empty class: %+v, %v", got, err)
	}
}

func concurrentCreate(t *testing.T, kr keys.Keyring, again func() keys.Keyring) {
	const n = 8
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		other := again()
		wg.Go(func() { errs[i] = other.Create(context.WithoutCancel(t.Context()), "versions/a") })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil && !ark.Is(err, ark.Conflict) {
			t.Errorf("Create: %v, want nil or a Conflict", err)
		}
	}
	infos, err := kr.List(t.Context(), keys.Versions)
	if err != nil || !slices.Equal(infos, []keys.Info{{Name: "versions/a", Versions: 1}}) {
		t.Errorf("after concurrent creates: %+v, %v", infos, err)
	}
}

func create(t *testing.T, kr keys.Keyring, n keys.Name) {
	t.Helper()
	if err := kr.Create(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

func dataKey(t *testing.T, kr keys.Keyring, n keys.Name) (keys.Secret, keys.Wrapped) {
	t.Helper()
	s, w, err := kr.NewDataKey(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Reveal()) != keys.SecretSize || len(w) == 0 {
		t.Fatalf("a data key of %d bytes, wrapped in %d", len(s.Reveal()), len(w))
	}
	return s, w
}

func want(t *testing.T, what string, err error, kind ark.Kind) {
	t.Helper()
	if !ark.Is(err, kind) {
		t.Errorf("%s: %v; want a fault of the kind %v", what, err, kind)
	}
}
