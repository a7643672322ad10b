package built

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
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
	data, versions, users := filepath.Join(dir, "data"), filepath.Join(dir, "versions"), filepath.Join(dir, "users")
	for _, d := range []string{data, versions, users} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s := S3{Endpoint: fmt.Sprintf("127.0.0.1:%d", FreePort(t)), Region: "us-east-1", Access: "access", Secret: "secret-of-the-test"}
	Run(t, false, []string{"ROOT_ACCESS_KEY=" + s.Access, "ROOT_SECRET_KEY=" + s.Secret}, path,
		"--port", s.Endpoint, "--quiet", "--iam-dir", users, "posix", "--versioning-dir", versions, data)
	Answers(t, s.Endpoint)
	return s
}

// AddUser makes an account that has no right on any bucket.
func (s S3) AddUser(t testing.TB, access, secret string) {
	t.Helper()
	cmd := exec.Command(Path(t, "versitygw"), "admin", "--access", s.Access, "--secret", s.Secret, "--endpoint-url", "http://"+s.Endpoint,
		"create-user", "--access", access, "--secret", secret, "--role", "user")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("making the user %s: %v\n%s", access, err, out)
	}
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
