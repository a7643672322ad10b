package local

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/keys"
)

var versionForm = regexp.MustCompile(`^v[1-9][0-9]{0,6}\.(secret|public)$`)

// Copy returns the files of a key's versions, for a backup. They are the key:
// whoever gets them seals them at once. A destroyed key is a Lapsed fault.
func (k *Keyring) Copy(name keys.Name) (map[string][]byte, error) {
	if _, err := k.newest(name, 0); err != nil {
		return nil, err
	}
	unlock, err := lock(k.dir(name))
	if err != nil {
		return nil, denied(name, err)
	}
	defer unlock()
	pub, err := k.newest(name, 0) // again: it may have been destroyed or rotated meanwhile
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for v := 1; v <= pub.Version; v++ {
		for _, f := range []string{secretFile(v), publicFile(v)} {
			if out[f], err = os.ReadFile(filepath.Join(k.dir(name), f)); err != nil {
				return nil, denied(name, err)
			}
		}
	}
	return out, nil
}

// Take puts a key that Copy returned into a keyring that has none of its name.
// Secrets that do not belong to the public halves are refused.
func (k *Keyring) Take(name keys.Name, files map[string][]byte) error {
	if err := k.vacant(name); err != nil {
		return err
	}
	for f := range files {
		if !versionForm.MatchString(f) {
			return keys.NotAuthentic(name, "copy of a key")
		}
	}
	tmp, err := os.MkdirTemp(filepath.Join(k.root, string(name.Class())), durable.TempPrefix)
	if err != nil {
		return denied(name, err)
	}
	defer os.RemoveAll(tmp)
	for f, data := range files {
		mode := fs.FileMode(0o644)
		if strings.HasSuffix(f, ".secret") {
			mode = 0o640
		}
		if err := durable.CreateFile(filepath.Join(tmp, f), data, mode); err != nil {
			return broken(err)
		}
	}
	n, err := versions(tmp)
	if err != nil || n == 0 || len(files) != 2*n {
		return keys.NotAuthentic(name, "copy of a key")
	}
	for v := 1; v <= n; v++ {
		root, err := parseSecret(files[secretFile(v)])
		if err != nil {
			return err
		}
		want, err := publicOf(name, v, root)
		root.Wipe()
		if err != nil {
			return broken(err)
		}
		doc, err := json.Marshal(want)
		if err != nil || string(doc) != strings.TrimSuffix(string(files[publicFile(v)]), "\n") {
			return keys.NotAuthentic(name, "copy of a key")
		}
	}
	if err := sameMode(tmp, filepath.Dir(tmp)); err != nil {
		return broken(err)
	}
	if err := os.Rename(tmp, k.dir(name)); err != nil {
		return broken(err)
	}
	return broken(durable.SyncDir(filepath.Dir(tmp)))
}

// Bury puts the evidence of a key's destruction into a keyring that has none of
// its name: the key is destroyed there, too, and can't be made again.
func (k *Keyring) Bury(ev keys.Evidence) error {
	if err := k.vacant(ev.Name); err != nil {
		return err
	}
	if err := durable.MkdirAll(k.dir(ev.Name), 0o755); err != nil {
		return broken(err)
	}
	if err := sameMode(k.dir(ev.Name), filepath.Dir(k.dir(ev.Name))); err != nil {
		return broken(err)
	}
	return broken(k.write(ev))
}

// Evidence returns what is on record of a key's destruction.
func (k *Keyring) Evidence(name keys.Name) (ev keys.Evidence, err error) {
	if err := name.Check(); err != nil {
		return ev, err
	}
	ev, err = k.written(name)
	if errors.Is(err, fs.ErrNotExist) {
		return ev, ark.Faultf(ark.Unknown, "the key %s is not destroyed", name)
	}
	return ev, broken(err)
}

func (k *Keyring) vacant(name keys.Name) error {
	if err := name.Check(); err != nil {
		return err
	}
	if _, err := os.Lstat(k.dir(name)); !errors.Is(err, fs.ErrNotExist) {
		return keys.Exists(name)
	}
	return nil
}
