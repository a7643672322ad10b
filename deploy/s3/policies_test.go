package s3

import (
	"bytes"
	"flag"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/objects"
	store "github.com/ark-tre/ark/pkg/objects/s3"
	"github.com/ark-tre/ark/policies"
)

var update = flag.Bool("update", false, "write the policies anew")

const prefix = "ark-"

// principals returns the access keys of the roles that reach each zone.
func principals(t *testing.T) map[objects.Zone][]string {
	t.Helper()
	grants, err := policies.LoadGrants()
	if err != nil {
		t.Fatal(err)
	}
	zones := make(map[objects.Zone][]string)
	for _, role := range slices.Sorted(maps.Keys(grants)) {
		for _, z := range grants[role].Zones {
			zones[z] = append(zones[z], prefix+role)
		}
	}
	return zones
}

func TestPoliciesSayWhatTheGrantsSay(t *testing.T) {
	want := make(map[string]string)
	for z, who := range principals(t) {
		text, err := store.BucketPolicy(prefix+string(z), objects.DefaultRules()[z], who)
		if err != nil {
			t.Fatal(err)
		}
		want[string(z)+".json"] = text
		if *update {
			if err := os.WriteFile(string(z)+".json", []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	names, err := filepath.Glob("*.json")
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = string(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the policies differ from policies/grants.yaml; go test ./deploy/s3 -update (-want +got)\n%s", diff)
	}
}

// TestEveryRoleOnEveryZone puts the policies of this folder on the buckets of a
// real server and lets each role, with its own credentials, try every zone.
func TestEveryRoleOnEveryZone(t *testing.T) {
	server := built.StartS3(t)
	rules := objects.DefaultRules()
	root := store.Config{Endpoint: server.Endpoint, Region: server.Region, Access: server.Access, Secret: server.Secret, Prefix: prefix, Insecure: true}
	if err := store.Init(t.Context(), root, rules); err != nil {
		t.Fatal(err)
	}
	all, err := store.Open(t.Context(), root, rules, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	roles := make(map[string][]objects.Zone)
	zones := principals(t)
	for z, who := range zones {
		for _, role := range who {
			if roles[role] == nil {
				server.AddUser(t, role, "secret-of-"+role)
			}
			roles[role] = append(roles[role], z)
		}
	}
	admin := client(t, server.Endpoint, server.Access, server.Secret)
	for z := range rules {
		if err := all.Create(t.Context(), z, "there/a", bytes.NewReader([]byte("x"))); err != nil {
			t.Fatal(err)
		}
		if len(zones[z]) == 0 {
			continue
		}
		text, err := os.ReadFile(string(z) + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if err := admin.SetBucketPolicy(t.Context(), prefix+string(z), string(text)); err != nil {
			t.Fatalf("%s: %v", z, err)
		}
	}
	allowed, refused := 0, 0
	for role, granted := range roles {
		config := root
		config.Access, config.Secret = role, "secret-of-"+role
		own := make(objects.Rules)
		for _, z := range granted {
			own[z] = rules[z]
		}
		mine, err := store.Open(t.Context(), config, own, time.Now)
		if err != nil {
			t.Errorf("%s can't open its own zones: %v", role, err)
			continue
		}
		direct := client(t, server.Endpoint, role, config.Secret)
		for z, rule := range rules {
			if slices.Contains(granted, z) {
				allowed++
				use(t, mine, role, z, rule)
			} else {
				refused++
				tryToBreak(t, direct, role, prefix+string(z))
			}
			if rule.Retain > 0 {
				err := direct.RemoveObject(t.Context(), prefix+string(z), "there/a", minio.RemoveObjectOptions{})
				forbidden(t, err, role, "hides an object under retention in", string(z))
			}
			err := direct.SetBucketPolicy(t.Context(), prefix+string(z), `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::`+prefix+string(z)+`/*"}]}`)
			forbidden(t, err, role, "changes the policy of", string(z))
		}
	}
	t.Logf("%d pairs of role and zone allowed, %d refused", allowed, refused)
	if allowed < 10 || refused < 20 {
		t.Error("the matrix is smaller than it should be: the test looks at too little")
	}
}

// use does all that a role may do in a zone.
func use(t *testing.T, s *store.Store, role string, z objects.Zone, rule objects.Rule) {
	t.Helper()
	name := "new/" + role
	if err := s.Create(t.Context(), z, name, bytes.NewReader(make([]byte, 20<<20))); err != nil {
		t.Errorf("%s writes %s: %v", role, z, err)
		return
	}
	if _, err := s.Stat(t.Context(), z, name); err != nil {
		t.Errorf("%s reads %s: %v", role, z, err)
	}
	for _, err := range s.List(t.Context(), z, "new/") {
		if err != nil {
			t.Errorf("%s lists %s: %v", role, z, err)
		}
	}
	if _, err := s.Unfinished(t.Context(), z, time.Now()); err != nil {
		t.Errorf("%s looks for half uploads in %s: %v", role, z, err)
	}
	if len(rule.Passing) > 0 { // what is superseded may go, retention or not
		name = "pending/" + role
		if err := s.Create(t.Context(), z, name, bytes.NewReader(nil)); err != nil {
			t.Errorf("%s writes %s: %v", role, z, err)
		}
	} else if rule.Retain > 0 {
		return
	}
	if err := s.Delete(t.Context(), z, name); err != nil {
		t.Errorf("%s deletes in %s: %v", role, z, err)
	}
}

// tryToBreak tries what a role may not do in a zone.
func tryToBreak(t *testing.T, c *minio.Client, role, bucket string) {
	t.Helper()
	ctx := t.Context()
	_, err := c.StatObject(ctx, bucket, "there/a", minio.StatObjectOptions{})
	forbidden(t, err, role, "reads", bucket)
	_, err = c.PutObject(ctx, bucket, "there/b", bytes.NewReader(nil), 0, minio.PutObjectOptions{})
	forbidden(t, err, role, "writes", bucket)
	err = c.RemoveObject(ctx, bucket, "there/a", minio.RemoveObjectOptions{})
	forbidden(t, err, role, "deletes in", bucket)
	for info := range c.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		forbidden(t, info.Err, role, "lists", bucket)
	}
}

func forbidden(t *testing.T, err error, role, does, what string) {
	t.Helper()
	if minio.ToErrorResponse(err).StatusCode != http.StatusForbidden {
		t.Errorf("%s %s %s: %v; want 403", role, does, what, err)
	}
}

func client(t *testing.T, endpoint, access, secret string) *minio.Client {
	t.Helper()
	c, err := minio.New(endpoint, &minio.Options{Creds: credentials.NewStaticV4(access, secret, ""), Region: "us-east-1", BucketLookup: minio.BucketLookupPath})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
