package vault

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/keystest"
)

// server starts a real Vault and returns a client with its root token.
func server(t *testing.T) *api.Client {
	t.Helper()
	url, token := built.StartVault(t)
	return client(t, url, token)
}

func client(t *testing.T, address, token string) *api.Client {
	t.Helper()
	config := api.DefaultConfig()
	config.Address = address
	config.MaxRetries = 0
	c, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	c.SetToken(token)
	return c
}

func TestContractOnARealVault(t *testing.T) {
	c := server(t)
	var n atomic.Int64
	keystest.Run(t, func(t *testing.T) (keys.Keyring, func() keys.Keyring) {
		prefix := fmt.Sprintf("ark%d", n.Add(1))
		if err := Init(t.Context(), c, prefix); err != nil {
			t.Fatal(err)
		}
		return New(c, prefix), func() keys.Keyring { return New(client(t, c.Address(), c.Token()), prefix) }
	})
}

// Every right alone, under Vault's own enforcement: what it is for works, and
// everything else is refused.
func TestPolicyAllowsExactlyTheRight(t *testing.T) {
	root := server(t)
	if err := Init(t.Context(), root, "ark"); err != nil {
		t.Fatal(err)
	}
	all := New(root, "ark")
	for _, n := range []keys.Name{"payload/a", "pseudonym/a", "signing/a"} {
		if err := all.Create(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	_, wrapped, err := all.NewDataKey(t.Context(), "payload/a")
	if err != nil {
		t.Fatal(err)
	}
	attempts := []struct {
		right keys.Right
		class keys.Class
		try   func(ctx context.Context, k keys.Keyring, i int) error
	}{
		{keys.MaySeal, keys.Payload, func(ctx context.Context, k keys.Keyring, i int) error {
			_, _, err := k.NewDataKey(ctx, "payload/a")
			return err
		}},
		{keys.MayOpen, keys.Payload, func(ctx context.Context, k keys.Keyring, i int) error {
			_, err := k.Unwrap(ctx, "payload/a", wrapped)
			return err
		}},
		{keys.MayHash, keys.Pseudonym, func(ctx context.Context, k keys.Keyring, i int) error {
			_, err := k.MAC(ctx, "pseudonym/a", nil)
			return err
		}},
		{keys.MaySign, keys.Signing, func(ctx context.Context, k keys.Keyring, i int) error {
			_, err := k.Sign(ctx, "signing/a", nil)
			return err
		}},
		{keys.MayVerify, keys.Signing, func(ctx context.Context, k keys.Keyring, i int) error {
			_, err := k.Public(ctx, "signing/a")
			return err
		}},
		{keys.MayCreate, keys.Payload, func(ctx context.Context, k keys.Keyring, i int) error {
			return k.Create(ctx, keys.Of(keys.Payload, fmt.Sprint("new", i)))
		}},
		{keys.MayCreate, keys.Signing, func(ctx context.Context, k keys.Keyring, i int) error {
			_, err := k.Rotate(ctx, "signing/a")
			return err
		}},
		{keys.MayDestroy, keys.Payload, func(ctx context.Context, k keys.Keyring, i int) error {
			_, err := k.Destroy(ctx, keys.Of(keys.Payload, fmt.Sprint("spare", i)))
			return err
		}},
		{keys.MayList, keys.Payload, func(ctx context.Context, k keys.Keyring, i int) error {
			_, err := k.List(ctx, keys.Payload)
			return err
		}},
	}
	for i, given := range attempts {
		if err := all.Create(t.Context(), keys.Of(keys.Payload, fmt.Sprint("spare", i))); err != nil {
			t.Fatal(err)
		}
		role := fmt.Sprintf("role%d-%s", i, given.right)
		k := as(t, root, role, keys.Rights{given.class: {given.right}})
		for _, a := range attempts {
			err := a.try(t.Context(), k, i)
			allowed := a.right == given.right && a.class == given.class ||
				a.right == keys.MayVerify && a.class == given.class // public halves are for everybody
			if allowed && err != nil {
				t.Errorf("%s of %s may not do what it is for: %v", given.right, given.class, err)
			}
			if !allowed && !ark.Is(err, ark.Forbidden) {
				t.Errorf("%s of %s tries %s of %s: %v; want Forbidden", given.right, given.class, a.right, a.class, err)
			}
		}
	}
}

// A role with the right to create can neither weaken nor remove a key.
func TestCreatorCanNotDestroy(t *testing.T) {
	root := server(t)
	if err := Init(t.Context(), root, "ark"); err != nil {
		t.Fatal(err)
	}
	k := as(t, root, "creator", keys.Rights{keys.Project: {keys.MayCreate}})
	if err := k.Create(t.Context(), "project/a"); err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string]map[string]any{
		"ark/project/keys/a/config":           {"deletion_allowed": true},
		"ark/project/keys/a/trim":             {"min_available_version": 1},
		"ark/project/export/encryption-key/a": nil,
		"ark/project/backup/a":                nil,
		"ark/payload/keys/b":                  {"type": "aes256-gcm96"},
		"sys/mounts/other":                    {"type": "transit"},
	} {
		if _, err := k.client.Logical().WriteWithContext(t.Context(), path, data); err == nil {
			t.Errorf("it may write %s", path)
		}
	}
	if _, err := k.client.Logical().ReadWithContext(t.Context(), "ark/project/export/encryption-key/a"); err == nil {
		t.Error("it may export the key")
	}
}

// as returns a keyring with a token of a new role that has the rights.
func as(t *testing.T, root *api.Client, role string, rights keys.Rights) *Keyring {
	t.Helper()
	if err := root.Sys().PutPolicyWithContext(t.Context(), role, Policy("ark", role, rights)); err != nil {
		t.Fatal(err)
	}
	secret, err := root.Auth().Token().CreateWithContext(t.Context(), &api.TokenCreateRequest{Policies: []string{role}, NoDefaultPolicy: true})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(secret.Auth.Policies, role) {
		t.Fatalf("token has %v", secret.Auth.Policies)
	}
	return New(client(t, root.Address(), secret.Auth.ClientToken), "ark")
}

func TestUnreachableVaultIsUnavailable(t *testing.T) {
	k := New(client(t, "http://127.0.0.1:1", "token"), "ark")
	if _, _, err := k.NewDataKey(t.Context(), "payload/a"); !ark.Is(err, ark.Unavailable) {
		t.Errorf("%v; want Unavailable", err)
	}
	if err := k.Create(t.Context(), "payload/a"); !ark.Is(err, ark.Unavailable) {
		t.Errorf("%v; want Unavailable", err)
	}
}
