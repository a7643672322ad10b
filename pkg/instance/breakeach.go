package instance

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/keys"
)

// What is not known beforehand is broken as it comes: of each kind of commit
// of the database, and of each question to the keys or the enclave that makes
// something, the first is not done, and the second is done and nobody is told.
const (
	commitsEnv = "ARK_BREAK_COMMITS"
	asksEnv    = "ARK_BREAK_ASKS"
)

// BreakEach makes everything that this process starts from now on break what
// ("commits" or "asks") as it comes. Fired tells what was broken in both ways,
// and what only once, because nobody tried again.
func BreakEach(what, dir string) (fired func() (both, once []string, err error), err error) {
	env := map[string]string{"commits": commitsEnv, "asks": asksEnv}[what]
	if env == "" {
		return nil, errors.New("only commits and asks are broken as they come")
	}
	dir = filepath.Join(dir, what)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o777); err != nil { // every role writes there
		return nil, err
	}
	if err := errors.Join(os.Setenv(env, dir), ShortLeases()); err != nil {
		return nil, err
	}
	return func() (both, once []string, err error) {
		marks, err := os.ReadDir(dir)
		for _, m := range marks {
			point, err := url.PathUnescape(m.Name())
			if err != nil {
				return nil, nil, err
			}
			if point, ok := strings.CutSuffix(point, notStored); ok {
				if slices.ContainsFunc(marks, func(x fs.DirEntry) bool { return x.Name() == url.PathEscape(point+stored) }) {
					both = append(both, point)
				} else {
					once = append(once, point)
				}
			}
		}
		return both, once, err
	}, nil
}

// each breaks what it is put around, twice by name. The zero each breaks nothing.
type each struct{ dir string }

func breakCommits() each { return each{os.Getenv(commitsEnv)} }
func breakAsks() each    { return each{os.Getenv(asksEnv)} }

// first reports whether nobody came to the point before, in any process.
func (e each) first(point string) bool {
	f, err := os.OpenFile(filepath.Join(e.dir, url.PathEscape(point)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

func (e each) around(point string, do func() error) error {
	if e.dir == "" {
		return do()
	}
	if e.first(point + notStored) {
		return broken(point + " was not done")
	}
	err := do()
	if err == nil && e.first(point+stored) {
		return broken(point + " was done")
	}
	return err
}

// commit is store.Config.Commit.
func (e each) commit(_ context.Context, what string, commit func() error) error {
	return e.around(what, commit)
}

// breakingKeys breaks what a role makes with keys.
type breakingKeys struct {
	keys.Keyring
	each
	role string
}

func (e each) keys(role string, kr keys.Keyring) keys.Keyring {
	if e.dir == "" {
		return kr
	}
	return breakingKeys{kr, e, role}
}

func (b breakingKeys) at(what string, name keys.Name, do func() error) error {
	return b.around(what+"/"+string(name.Class())+"/"+b.role, do)
}

// Create implements keys.Keyring.
func (b breakingKeys) Create(ctx context.Context, name keys.Name) error {
	return b.at("create", name, func() error { return b.Keyring.Create(ctx, name) })
}

// NewDataKey implements keys.Keyring.
func (b breakingKeys) NewDataKey(ctx context.Context, name keys.Name) (s keys.Secret, w keys.Wrapped, err error) {
	err = b.at("wrap", name, func() error { s, w, err = b.Keyring.NewDataKey(ctx, name); return err })
	return s, w, err
}

// Sign implements keys.Keyring.
func (b breakingKeys) Sign(ctx context.Context, name keys.Name, message []byte) (sig []byte, err error) {
	err = b.at("sign", name, func() error { sig, err = b.Keyring.Sign(ctx, name, message); return err })
	return sig, err
}

// Destroy implements keys.Keyring.
func (b breakingKeys) Destroy(ctx context.Context, name keys.Name) (ev keys.Evidence, err error) {
	err = b.at("destroy", name, func() error { ev, err = b.Keyring.Destroy(ctx, name); return err })
	return ev, err
}

// breakingEnclave breaks what the enclave daemon is asked to do.
type breakingEnclave struct {
	http.RoundTripper
	each
}

func (e each) enclave(next http.RoundTripper) http.RoundTripper {
	if e.dir == "" {
		return next
	}
	return breakingEnclave{next, e}
}

var idInPath = regexp.MustCompile(`[a-z]{3}_[0-9a-f]{32}`)

// RoundTrip implements http.RoundTripper.
func (b breakingEnclave) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if r.Method == http.MethodGet {
		return b.RoundTripper.RoundTrip(r)
	}
	point := r.Method + " " + idInPath.ReplaceAllStringFunc(r.URL.Path, func(id string) string { return id[:3] })
	did := false
	err = b.around(point, func() error {
		did = true
		resp, err = b.RoundTripper.RoundTrip(r)
		return err
	})
	switch {
	case err != nil && resp != nil:
		resp.Body.Close()
		resp = nil
	case !did && r.Body != nil:
		r.Body.Close()
	}
	return resp, err
}
