package real

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/api"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store/storetest"
	"github.com/ark-tre/ark/policies"
)

// services are the four, running, and the folder that tells an Ark of them.
type services struct {
	folder   string
	origin   string // of the Ark that will use them
	listen   string
	vault    *api.Client // as its root
	s3       built.S3
	database string // address with its password
	roles    []string
}

const prefix = "ark-"

// start starts the services and writes parts.yaml and the credentials.
func start(t *testing.T) *services {
	t.Helper()
	port := built.FreePort(t)
	s := &services{folder: t.TempDir(), listen: fmt.Sprintf("127.0.0.1:%d", port), origin: fmt.Sprintf("http://localhost:%d", port)}
	grants, err := policies.LoadGrants()
	must(t, err)
	for role := range grants {
		s.roles = append(s.roles, role)
	}
	creds := map[string]map[string]string{"founder": {}}
	for _, role := range s.roles {
		creds[role] = map[string]string{}
	}
	s.startVault(t, creds)
	s.startS3(t, creds)
	store := s.startStore(t, creds)
	issuer := s.startProvider(t, creds)
	text := fmt.Sprintf("store: %q\nvault: {address: %q, prefix: ark}\ns3: {endpoint: %q, region: %s, prefix: %s, insecure: true}\nidentity: {issuer: %q, client: portal}\n",
		store, s.vault.Address(), s.s3.Endpoint, s.s3.Region, prefix, issuer)
	must(t, os.WriteFile(filepath.Join(s.folder, "parts.yaml"), []byte(text), 0o644))
	for name, c := range creds {
		raw, err := json.Marshal(c)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(s.folder, name+".json"), raw, 0o400))
	}
	return s
}

func secret(t *testing.T) string {
	t.Helper()
	b := make([]byte, 18)
	_, err := rand.Read(b)
	must(t, err)
	return hex.EncodeToString(b)
}

// startVault loads each role's policy and gives it a token under it.
func (s *services) startVault(t *testing.T, creds map[string]map[string]string) {
	t.Helper()
	address, token := built.StartVault(t)
	s.vault = vaultClient(t, address, token)
	creds["founder"]["vault_token"] = token
	for _, role := range s.roles {
		policy, err := os.ReadFile(filepath.Join("..", "vault", role+".hcl"))
		must(t, err)
		must(t, s.vault.Sys().PutPolicyWithContext(t.Context(), "ark-"+role, string(policy)))
		made, err := s.vault.Auth().Token().CreateWithContext(t.Context(), &api.TokenCreateRequest{Policies: []string{"ark-" + role}, NoDefaultPolicy: true})
		must(t, err)
		creds[role]["vault_token"] = made.Auth.ClientToken
	}
}

func vaultClient(t *testing.T, address, token string) *api.Client {
	t.Helper()
	config := api.DefaultConfig()
	config.Address, config.MaxRetries = address, 0
	c, err := api.NewClient(config)
	must(t, err)
	c.SetToken(token)
	return c
}

// startS3 makes the buckets' users. The buckets are Init's to make, so their
// policies follow in protect.
func (s *services) startS3(t *testing.T, creds map[string]map[string]string) {
	t.Helper()
	s.s3 = built.StartS3(t)
	creds["founder"]["s3_access"], creds["founder"]["s3_secret"] = s.s3.Access, s.s3.Secret
	for _, role := range s.roles {
		creds[role]["s3_access"], creds[role]["s3_secret"] = "ark-"+role, secret(t)
		s.s3.AddUser(t, creds[role]["s3_access"], creds[role]["s3_secret"])
	}
}

// protect puts the policies on the buckets, as soon as they are there.
func (s *services) protect(ctx context.Context) error {
	admin, err := s3Client(s.s3.Endpoint, s.s3.Access, s.s3.Secret)
	if err != nil {
		return err
	}
	for z := range objects.DefaultRules() {
		text, err := os.ReadFile(filepath.Join("..", "s3", string(z)+".json"))
		if os.IsNotExist(err) {
			continue // nobody's zone: nobody but the founder reaches it
		}
		if err != nil {
			return err
		}
		for {
			ok, err := admin.BucketExists(ctx, prefix+string(z))
			if err != nil {
				return err
			}
			if ok {
				break
			}
			if err := pause(ctx); err != nil {
				return err
			}
		}
		if err := admin.SetBucketPolicy(ctx, prefix+string(z), string(text)); err != nil {
			return fmt.Errorf("policy of %s: %w", z, err)
		}
	}
	return nil
}

func s3Client(endpoint, access, secret string) (*minio.Client, error) {
	return minio.New(endpoint, &minio.Options{Creds: credentials.NewStaticV4(access, secret, ""), Region: "us-east-1", BucketLookup: minio.BucketLookupPath})
}

// startStore starts a PostgreSQL that asks for a password; the address that
// goes into the configuration has none.
func (s *services) startStore(t *testing.T, creds map[string]map[string]string) string {
	t.Helper()
	server := &storetest.Server{Password: secret(t)}
	t.Cleanup(server.Stop)
	s.database = server.DSN(t)
	u, err := url.Parse(s.database)
	must(t, err)
	q := u.Query()
	creds["control"]["store_password"] = q.Get("password")
	q.Del("password")
	u.RawQuery = q.Encode()
	return u.String()
}

// startProvider starts the outside OpenID provider.
func (s *services) startProvider(t *testing.T, creds map[string]map[string]string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	port := built.FreePort(t)
	issuer := fmt.Sprintf("http://localhost:%d", port)
	creds["control"]["client_secret"] = secret(t)
	stop := built.StartProvider(t, built.Provider(t), map[string]any{
		"issuer": issuer, "port": port, "secret": creds["control"]["client_secret"], "redirect": s.origin + "/signed-in", "signedOut": s.origin + "/signed-out",
		"backChannel": s.origin + "/logged-out", "alg": "ES256", "authMethod": "client_secret_basic",
		"keys": []jose.JSONWebKey{{Key: key, KeyID: "one", Algorithm: "ES256", Use: "sig"}},
	})
	t.Cleanup(stop)
	return issuer
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// indented is what a program said, for a test's log.
func indented(b []byte) string {
	return string(bytes.ReplaceAll(bytes.TrimSpace(b), []byte("\n"), []byte("\n    ")))
}
