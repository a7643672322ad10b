// Package assets serves the portal's style sheets, scripts and icons from
// inside the program, each under an address that holds the hash of its bytes.
//
// It holds files only: it knows nothing of pages, users or routes. Nothing
// here may come from another origin (the content security policy refuses it),
// and nothing may be a secret: assets are served to anybody.
package assets

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"sort"
	"strings"
)

//go:embed third own
var files embed.FS

// Prefix is where the portal mounts a Set.
const Prefix = "/assets/"

// Set is the assets with their addresses. It never changes after New and may
// be used from many goroutines.
type Set struct {
	url  map[string]string // name → address
	file map[string]file   // address → file
}

type file struct {
	body []byte
	kind string
}

// kinds are the file types that may be an asset; any other file is no asset.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// reference is how a style sheet or script names another asset.
var reference = regexp.MustCompile(`asset:[a-z0-9/._-]+`)

// New reads the embedded files, replaces each asset:name by its address and
// hashes the result. A reference to nothing, or a ring of references, is an error.
func New() (*Set, error) {
	raw := map[string][]byte{}
	for _, root := range []string{"third", "own"} {
		err := fs.WalkDir(files, root, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || kinds[path.Ext(p)] == "" {
				return err
			}
			b, err := files.ReadFile(p)
			raw[strings.TrimPrefix(p, root+"/")] = b
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("assets: read %s: %w", root, err)
		}
	}
	s := &Set{url: map[string]string{}, file: map[string]file{}}
	names := make([]string, 0, len(raw))
	for n := range raw {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		if _, err := s.add(raw, n, 0); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add gives name its address, after everything that it refers to.
func (s *Set) add(raw map[string][]byte, name string, depth int) (string, error) {
	if u, ok := s.url[name]; ok {
		return u, nil
	}
	b, ok := raw[name]
	if !ok {
		return "", fmt.Errorf("assets: there is no asset %q", name)
	}
	if depth > 8 {
		return "", fmt.Errorf("assets: %q refers to itself", name)
	}
	var bad error
	b = reference.ReplaceAllFunc(b, func(m []byte) []byte {
		u, err := s.add(raw, strings.TrimPrefix(string(m), "asset:"), depth+1)
		if err != nil {
			bad = fmt.Errorf("%w (named in %s)", err, name)
		}
		return []byte(u)
	})
	if bad != nil {
		return "", bad
	}
	sum := sha256.Sum256(b)
	u := Prefix + hex.EncodeToString(sum[:8]) + "/" + path.Base(name)
	s.url[name] = u
	s.file[u] = file{body: b, kind: kinds[path.Ext(name)]}
	return u, nil
}

// URL returns the address of the asset of that name. Asking for one that does
// not exist is an error, so that a page with a broken link never renders.
func (s *Set) URL(name string) (string, error) {
	u, ok := s.url[name]
	if !ok {
		return "", fmt.Errorf("assets: there is no asset %q", name)
	}
	return u, nil
}

// ServeHTTP answers for an address under Prefix. The bytes behind an address
// never change, so they may be kept for a year.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := s.file[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Length", fmt.Sprint(len(f.body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(f.body)
}
