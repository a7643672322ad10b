package vault

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
	keyvault "github.com/ark-tre/ark/pkg/keys/vault"
	"github.com/ark-tre/ark/policies"
)

// TestEveryRoleOnEveryKey loads the policies of this folder into a real Vault
// and lets each role try every operation on a key of every class: what the
// grants name works, everything else is refused by Vault.
func TestEveryRoleOnEveryKey(t *testing.T) {
	grants, err := policies.LoadGrants()
	if err != nil {
		t.Fatal(err)
	}
	root := client(t)(built.StartVault(t))
	if err := keyvault.Init(t.Context(), root, "ark"); err != nil {
		t.Fatal(err)
	}
	all := keyvault.New(root, "ark")
	wrapped := make(map[keys.Class]keys.Wrapped)
	for _, class := range keys.Classes {
		if err := all.Create(t.Context(), keys.Of(class, "a")); err != nil {
			t.Fatal(err)
		}
		if class.Allows(keys.Seal) {
			if _, wrapped[class], err = all.NewDataKey(t.Context(), keys.Of(class, "a")); err != nil {
				t.Fatal(err)
			}
		}
	}
	rights := map[string]keys.Rights{"operator": operator()}
	for role, grant := range grants {
		rights[role] = grant.Keys
	}
	allowed, refused := 0, 0
	for role, has := range rights {
		ring := as(t, root, role)
		for _, class := range keys.Classes {
			spare := keys.Of(class, "spare-"+role)
			if err := all.Create(t.Context(), spare); err != nil {
				t.Fatal(err)
			}
			for right, try := range attempts(class, role, wrapped[class]) {
				err := try(t.Context(), ring)
				if slices.Contains(has[class], right) {
					allowed++
					if err != nil {
						t.Errorf("%s may %s %s by the grants, and Vault says: %v", role, right, class, err)
					}
					continue
				}
				refused++
				if !ark.Is(err, ark.Forbidden) {
					t.Errorf("%s may not %s %s by the grants, and Vault says: %v", role, right, class, err)
				}
			}
		}
	}
	t.Logf("%d operations allowed, %d refused", allowed, refused)
	if allowed < 50 || refused < 200 {
		t.Error("the matrix is smaller than it should be: the test looks at too little")
	}
}

type attempt func(context.Context, keys.Keyring) error

// attempts are the operations that keys of the class have.
func attempts(class keys.Class, role string, wrapped keys.Wrapped) map[keys.Right]attempt {
	name := keys.Of(class, "a")
	tries := map[keys.Right]attempt{
		keys.MayCreate: func(ctx context.Context, k keys.Keyring) error {
			return k.Create(ctx, keys.Of(class, "new-"+role))
		},
		keys.MayDestroy: func(ctx context.Context, k keys.Keyring) error {
			_, err := k.Destroy(ctx, keys.Of(class, "spare-"+role))
			return err
		},
	}
	if class.Allows(keys.Seal) {
		tries[keys.MaySeal] = func(ctx context.Context, k keys.Keyring) error {
			_, _, err := k.NewDataKey(ctx, name)
			return err
		}
		tries[keys.MayOpen] = func(ctx context.Context, k keys.Keyring) error {
			_, err := k.Unwrap(ctx, name, wrapped)
			return err
		}
	}
	if class.Allows(keys.Hash) {
		tries[keys.MayHash] = func(ctx context.Context, k keys.Keyring) error {
			_, err := k.Derive(ctx, name, "x")
			return err
		}
	}
	if class.Allows(keys.Attest) {
		tries[keys.MaySign] = func(ctx context.Context, k keys.Keyring) error {
			_, err := k.Sign(ctx, name, []byte("x"))
			return err
		}
	}
	return tries
}

// as returns a keyring with a token under the policy file of the role.
func as(t *testing.T, root *api.Client, role string) keys.Keyring {
	t.Helper()
	policy, err := os.ReadFile(role + ".hcl")
	if err != nil {
		t.Fatal(err)
	}
	if err := root.Sys().PutPolicyWithContext(t.Context(), "ark-"+role, string(policy)); err != nil {
		t.Fatal(err)
	}
	secret, err := root.Auth().Token().CreateWithContext(t.Context(), &api.TokenCreateRequest{Policies: []string{"ark-" + role}, NoDefaultPolicy: true})
	if err != nil {
		t.Fatal(err)
	}
	return keyvault.New(client(t)(root.Address(), secret.Auth.ClientToken), "ark")
}

func client(t *testing.T) func(url, token string) *api.Client {
	return func(url, token string) *api.Client {
		t.Helper()
		config := api.DefaultConfig()
		config.Address, config.MaxRetries = url, 0
		c, err := api.NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		c.SetToken(token)
		return c
	}
}
