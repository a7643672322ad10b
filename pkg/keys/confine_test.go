package keys_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
)

// Each right alone lets through what it is for and nothing else; no rights let
// through nothing.
func TestConfineAllowsExactlyTheRight(t *testing.T) {
	root := filepath.Join(t.TempDir(), "keys")
	if err := local.Init(root); err != nil {
		t.Fatal(err)
	}
	ring, err := local.Open(root, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []keys.Name{"payload/a", "signing/a"} {
		if err := ring.Create(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	_, wrapped, err := ring.NewDataKey(t.Context(), "payload/a")
	if err != nil {
		t.Fatal(err)
	}
	signature, err := ring.Sign(t.Context(), "signing/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	tries := []struct {
		name  string
		right keys.Right
		class keys.Class
		try   func(context.Context, keys.Keyring) error
	}{
		{"NewDataKey", keys.MaySeal, keys.Payload, func(ctx context.Context, k keys.Keyring) error {
			_, _, err := k.NewDataKey(ctx, "payload/a")
			return err
		}},
		{"Fingerprint", keys.MaySeal, keys.Payload, func(ctx context.Context, k keys.Keyring) error {
			_, err := k.Fingerprint(ctx, "payload/a", nil)
			return err
		}},
		{"Unwrap", keys.MayOpen, keys.Payload, func(ctx context.Context, k keys.Keyring) error {
			_, err := k.Unwrap(ctx, "payload/a", wrapped)
			return err
		}},
		{"Derive", keys.MayHash, keys.Payload, func(ctx context.Context, k keys.Keyring) error { _, err := k.Derive(ctx, "payload/a", "x"); return err }},
		{"MAC", keys.MayHash, keys.Payload, func(ctx context.Context, k keys.Keyring) error { _, err := k.MAC(ctx, "payload/a", nil); return err }},
		{"Sign", keys.MaySign, keys.Signing, func(ctx context.Context, k keys.Keyring) error { _, err := k.Sign(ctx, "signing/a", nil); return err }},
		{"Verify", keys.MayVerify, keys.Signing, func(ctx context.Context, k keys.Keyring) error { return k.Verify(ctx, "signing/a", nil, signature) }},
		{"Public", keys.MayVerify, keys.Signing, func(ctx context.Context, k keys.Keyring) error { _, err := k.Public(ctx, "signing/a"); return err }},
		{"Rotate", keys.MayCreate, keys.Payload, func(ctx context.Context, k keys.Keyring) error { _, err := k.Rotate(ctx, "payload/a"); return err }},
		{"List", keys.MayList, keys.Payload, func(ctx context.Context, k keys.Keyring) error { _, err := k.List(ctx, keys.Payload); return err }},
	}
	all := []keys.Right{"", keys.MaySeal, keys.MayOpen, keys.MayHash, keys.MaySign, keys.MayVerify, keys.MayCreate, keys.MayDestroy, keys.MayList}
	for _, given := range all {
		for _, class := range []keys.Class{keys.Payload, keys.Signing} {
			k := keys.Confine(ring, keys.Rights{class: {given}})
			for _, c := range tries {
				err := c.try(t.Context(), k)
				if allowed := c.right == given && c.class == class; allowed && err != nil {
					t.Errorf("%s of %s may not %s: %v", given, class, c.name, err)
				} else if !allowed && !ark.Is(err, ark.Forbidden) {
					t.Errorf("%s of %s may %s: %v; want Forbidden", given, class, c.name, err)
				}
			}
		}
	}
	none := keys.Confine(ring, nil)
	if err := none.Create(t.Context(), "payload/b"); !ark.Is(err, ark.Forbidden) {
		t.Errorf("no rights, and Create: %v", err)
	}
	if _, err := none.Destroy(t.Context(), "payload/a"); !ark.Is(err, ark.Forbidden) {
		t.Errorf("no rights, and Destroy: %v", err)
	}
}
