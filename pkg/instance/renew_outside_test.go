package instance

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/vault"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/s3"
	"github.com/ark-tre/ark/pkg/worker"
	"github.com/ark-tre/ark/policies"
)

// olderOutside is an Ark on a real Vault and a real S3 server as an older
// version made it: without the zones, keys and one role's credential that came
// since, with policies of its day.
func olderOutside(t *testing.T) (Config, Renewal, *api.Client, *minio.Client) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	address, token := built.StartVault(t)
	server := built.StartS3(t)
	c := Config{dir: t.TempDir()}
	c.Vault = Vault{Address: address, Prefix: "ark"}
	c.S3 = S3{Endpoint: server.Endpoint, Region: server.Region, Prefix: "ark-", Insecure: true}
	r := Renewal{Credentials: t.TempDir(), Policies: true}
	grants, err := policies.LoadGrants()
	must(err)
	root, err := c.vaultClient(Credential{})
	must(err)
	root.SetToken(token)
	must(os.MkdirAll(c.Path("credentials"), 0o700))
	write := func(path string, v map[string]string) {
		raw, err := json.Marshal(v)
		must(err)
		must(os.WriteFile(path, raw, 0o400))
	}
	write(filepath.Join(r.Credentials, "founder.json"), map[string]string{"vault_token": token, "s3_access": server.Access, "s3_secret": server.Secret})
	for role := range grants {
		dir := c.Path("credentials")
		if role == "airlock" {
			dir = r.Credentials // it came since
		}
		server.AddUser(t, "ark-"+role, "secret-of-"+role)
		made, err := root.Auth().Token().CreateWithContext(t.Context(), &api.TokenCreateRequest{Policies: []string{"ark-" + role}, NoDefaultPolicy: true})
		must(err)
		write(filepath.Join(dir, role+".json"), map[string]string{"vault_token": made.Auth.ClientToken, "s3_access": "ark-" + role, "s3_secret": "secret-of-" + role})
	}
	must(vault.Init(t.Context(), root, "ark"))
	ring := vault.New(root, "ark")
	for _, k := range standing {
		if _, since := later(k); !since {
			must(ring.Create(t.Context(), k))
		}
	}
	for _, class := range []keys.Class{worker.ContributorsKey.Class(), worker.ListsKey.Class()} {
		must(root.Sys().UnmountWithContext(t.Context(), "ark/"+string(class)))
	}
	old := objects.DefaultRules()
	delete(old, objects.Contributors)
	delete(old, objects.Lists)
	cred, err := readCredential(filepath.Join(r.Credentials, "founder.json"))
	must(err)
	must(s3.Init(t.Context(), c.s3(cred), old))
	must(root.Sys().PutPolicyWithContext(t.Context(), "ark-intake", "path \"ark/landing/keys/+\" {\n  capabilities = [\"read\"]\n}\n\npath \"ark/index/decrypt/+\" {\n  capabilities = [\"update\"]\n}\n"))
	must(root.Sys().PutPolicyWithContext(t.Context(), "theirs", "path \"secret/*\" {\n  capabilities = [\"read\"]\n}\n"))
	admin, err := minio.New(server.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(server.Access, server.Secret, ""), Region: server.Region, BucketLookup: minio.BucketLookupPath})
	must(err)
	wide, err := s3.BucketPolicy("ark-identifiers", objects.DefaultRules()[objects.Identifiers], []string{"ark-intake", "ark-publish"})
	must(err)
	must(admin.SetBucketPolicy(t.Context(), "ark-identifiers", wide))
	return c, r, root, admin
}

// TestAnOlderArkOnVaultAndS3 is told what it lacks, gets it when it says so, and
// then has nothing to be done: roles do their work on what came since under
// today's policies, what is there stays, and a lost key is not made anew.
func TestAnOlderArkOnVaultAndS3(t *testing.T) {
	c, r, root, admin := olderOutside(t)
	ctx := t.Context()
	is := func(did []string, err error, want ...string) {
		t.Helper()
		if err != nil {
			t.Fatal(err, did)
		}
		for _, w := range want {
			if !slices.ContainsFunc(did, func(l string) bool { return strings.Contains(l, w) }) {
				t.Errorf("nothing is said of %q:\n%s", w, strings.Join(did, "\n"))
			}
		}
	}
	says := []string{"mount a transit engine at ark/" + string(worker.ListsKey.Class()), "mount a transit engine at ark/" + string(worker.ContributorsKey.Class()), "make the bucket ark-contributors", "make the bucket ark-lists",
		"make the key " + string(worker.ListsKey), "make the key " + string(worker.ContributorsKey), "policy ark-linkage is missing: gives", "take the credential of the role airlock", "policy of ark-payload is missing"}
	did, err := RenewOutside(ctx, c, r)
	is(did, err, says...)
	for _, l := range did {
		switch {
		case strings.Contains(l, "policy ark-intake:") && (!strings.Contains(l, "takes away: update ark/index/decrypt/+") || !strings.Contains(l, "gives more: ")):
			t.Error("of the policy of intake it says ", l)
		case strings.Contains(l, "policy of ark-identifiers:") && !strings.Contains(l, "takes away: ark-publish"):
			t.Error("of the bucket of identifiers it says ", l)
		}
	}
	if there, err := admin.BucketExists(ctx, "ark-lists"); err != nil || there {
		t.Fatalf("it was only asked what would be done, and the bucket is there: %v %v", there, err)
	}
	if mounts, err := root.Sys().ListMountsWithContext(ctx); err != nil || mounts["ark/lists/"] != nil {
		t.Fatalf("it was only asked what would be done, and the engine is there: %v", err)
	}

	noPolicies := r
	noPolicies.Policies = false
	if did, err = RenewOutside(ctx, c, noPolicies); err != nil || slices.ContainsFunc(did, func(l string) bool { return strings.Contains(l, "policy") }) {
		t.Errorf("without policies: %v %v", did, err)
	}

	r.Apply = true
	did, err = RenewOutside(ctx, c, r)
	is(did, err, says...)
	if did, err = RenewOutside(ctx, c, r); err != nil || len(did) != 0 {
		t.Fatalf("a second time: %v %v", did, err)
	}
	if p, err := root.Sys().GetPolicyWithContext(ctx, "theirs"); err != nil || !strings.Contains(p, "secret/*") {
		t.Errorf("a policy of somebody else's: %q %v", p, err)
	}

	// The roles do their work on what came since, and nobody else's.
	grants, err := policies.LoadGrants()
	if err != nil {
		t.Fatal(err)
	}
	as := func(role string) (*objects.Store, error) {
		cred, err := c.credential(role)
		if err != nil {
			return nil, err
		}
		ring, err := c.keyring(cred)
		if err != nil {
			return nil, err
		}
		back, err := c.backend(ctx, cred, objects.Rules{objects.Lists: objects.DefaultRules()[objects.Lists]})
		if err != nil {
			return nil, err
		}
		return objects.New(back, ring, objects.DefaultRules()), nil
	}
	worked := 0
	for role, g := range grants {
		may := slices.Contains(g.Zones, objects.Lists) && slices.Contains(g.Keys[worker.ListsKey.Class()], keys.MaySeal)
		s, err := as(role)
		if err == nil {
			_, err = s.Put(ctx, objects.Lists, "of/"+role, worker.ListsKey, strings.NewReader("a list"))
		}
		if (err == nil) != may {
			t.Errorf("%s stores a list: %v; by the grants: %v", role, err, may)
		}
		if may {
			worked++
		}
	}
	if worked == 0 {
		t.Error("no role may store a list, so nothing was tried")
	}

	// Now that something is sealed under it, a key that is gone was lost.
	gone := func(k keys.Name) {
		t.Helper()
		at := "ark/" + string(k.Class()) + "/keys/" + k.Local()
		if _, err := root.Logical().WriteWithContext(ctx, at+"/config", map[string]any{"deletion_allowed": true}); err != nil {
			t.Fatal(err)
		}
		if _, err := root.Logical().DeleteWithContext(ctx, at); err != nil {
			t.Fatal(err)
		}
	}
	gone(worker.ListsKey)
	if did, err := RenewOutside(ctx, c, r); !ark.Is(err, ark.Unavailable) || !strings.Contains(err.Error(), string(worker.ListsKey)) {
		t.Errorf("a key that seals something is made anew: %v %v", did, err)
	}
	if err := vault.New(root, "ark").Create(ctx, worker.ListsKey); err != nil {
		t.Fatal(err)
	}
	gone(worker.PersonsKey)
	if did, err := RenewOutside(ctx, c, r); !ark.Is(err, ark.Unavailable) || !strings.Contains(err.Error(), string(worker.PersonsKey)) {
		t.Errorf("a key of the first day is made anew: %v %v", did, err)
	}
}

// TestRenewRefuses: somebody else's mount, a bucket without the lock that its
// zone needs, and an Ark in its own folder are left as they are.
func TestRenewRefuses(t *testing.T) {
	if _, err := RenewOutside(t.Context(), Config{dir: t.TempDir()}, Renewal{}); !ark.Is(err, ark.Conflict) {
		t.Errorf("an Ark in its own folder: %v", err)
	}
	c, r, root, admin := olderOutside(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r.Apply = true
	if err := admin.RemoveBucket(ctx, "ark-ledger"); err != nil {
		t.Fatal(err)
	}
	if err := admin.MakeBucket(ctx, "ark-ledger", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if did, err := RenewOutside(ctx, c, r); !ark.Is(err, ark.Unavailable) || !strings.Contains(err.Error(), "object lock") {
		t.Errorf("a bucket without object lock: %v %v", did, err)
	}
	if err := root.Sys().UnmountWithContext(ctx, "ark/"+string(worker.ListsKey.Class())); err != nil {
		t.Fatal(err)
	}
	if err := root.Sys().MountWithContext(ctx, "ark/"+string(worker.ListsKey.Class()), &api.MountInput{Type: "kv"}); err != nil {
		t.Fatal(err)
	}
	if did, err := RenewOutside(ctx, c, r); !ark.Is(err, ark.Conflict) || !strings.Contains(err.Error(), "something else") {
		t.Errorf("somebody else's mount: %v %v", did, err)
	}
}
