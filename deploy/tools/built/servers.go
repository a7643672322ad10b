package built

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// S3 is a real S3 server (versitygw over a folder, with versioning), for as
// long as the test.
type S3 struct {
	Endpoint string // host:port, HTTP
	Region   string
	Access   string
	Secret   string
}

// StartS3 starts an S3 server without buckets.
func StartS3(t testing.TB) S3 {
	t.Helper()
	path := Path(t, "versitygw")
	dir := t.TempDir()
	data, versions := filepath.Join(dir, "data"), filepath.Join(dir, "versions")
	for _, d := range []string{data, versions} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s := S3{Endpoint: fmt.Sprintf("127.0.0.1:%d", FreePort(t)), Region: "us-east-1", Access: "access", Secret: "secret-of-the-test"}
	Run(t, false, []string{"ROOT_ACCESS_KEY=" + s.Access, "ROOT_SECRET_KEY=" + s.Secret}, path,
		"--port", s.Endpoint, "--quiet", "posix", "--versioning-dir", versions, data)
	Answers(t, s.Endpoint)
	return s
}

// StartVault starts a real, unsealed Vault in memory and returns its URL and
// root token.
func StartVault(t testing.TB) (url, token string) {
	t.Helper()
	line := Run(t, true, nil, Path(t, "vault"), "127.0.0.1:0")
	var ready struct{ Address, Token string }
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return ready.Address, ready.Token
}
