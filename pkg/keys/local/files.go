package local

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/keys"
)

// public is the content of a v<n>.public file.
type public struct {
	Name    keys.Name `json:"name"`
	Version int       `json:"version"`
	Seal    []byte    `json:"seal,omitempty"`   // X25519, for HPKE
	Verify  []byte    `json:"verify,omitempty"` // Ed25519
}

const (
	secretMagic   = "ark secret 1 "
	destroyedFile = "destroyed"
)

func secretFile(v int) string { return fmt.Sprintf("v%d.secret", v) }
func publicFile(v int) string { return fmt.Sprintf("v%d.public", v) }

// writeVersion makes the two files of a new version in dir. The public file
// is last: a version without it does not exist yet.
func (k *Keyring) writeVersion(dir string, name keys.Name, v int) error {
	root := keys.RandomSecret()
	defer root.Wipe()
	pub, err := publicOf(name, v, root)
	if err != nil {
		return err
	}
	doc, err := json.Marshal(pub)
	if err != nil {
		return err
	}
	text := []byte(secretMagic + base64.StdEncoding.EncodeToString(root.Reveal()) + "\n")
	defer clear(text)
	path := filepath.Join(dir, secretFile(v))
	err = durable.WriteFile(path, text, 0o600) // nobody else's until it has its group
	if err == nil {
		err = k.giveToReaders(path, name.Class())
	}
	if err != nil {
		return err
	}
	return durable.CreateFile(filepath.Join(dir, publicFile(v)), append(doc, '\n'), 0o644)
}

// giveToReaders gives a new secret to the group that reads its class, which is
// the folder's where Layout named no other.
func (k *Keyring) giveToReaders(path string, class keys.Class) error {
	info, err := os.Stat(filepath.Join(k.root, string(class), readers))
	if err == nil {
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return errors.New("the readers of a class of keys cannot be told")
		}
		err = os.Lchown(path, -1, int(st.Gid))
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(path, 0o640)
}

// gone reports whether the key in dir has been destroyed. A folder that can't
// be examined counts as gone.
func gone(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, destroyedFile))
	return !errors.Is(err, fs.ErrNotExist)
}

// newest returns the newest version's public file. Use 0 asks for no use.
func (k *Keyring) newest(name keys.Name, use keys.Use) (public, error) {
	err := name.Check()
	if err == nil && use != 0 {
		err = name.Permit(use)
	}
	if err != nil {
		return public{}, err
	}
	if _, err := os.Lstat(k.dir(name)); errors.Is(err, fs.ErrNotExist) {
		return public{}, keys.NotFound(name)
	}
	if gone(k.dir(name)) {
		return public{}, keys.Gone(name)
	}
	n, err := versions(k.dir(name))
	if err != nil {
		return public{}, denied(name, err)
	}
	if n == 0 {
		return public{}, keys.NotFound(name)
	}
	return k.public(name, n)
}

func (k *Keyring) public(name keys.Name, v int) (public, error) {
	doc, err := os.ReadFile(filepath.Join(k.dir(name), publicFile(v)))
	if err != nil {
		return public{}, denied(name, err)
	}
	var pub public
	err = json.Unmarshal(doc, &pub)
	if err != nil {
		return public{}, broken(err)
	}
	if pub.Name != name || pub.Version != v {
		return public{}, broken(fmt.Errorf("%s: the public file belongs to another key or version", publicFile(v)))
	}
	return pub, nil
}

// secret reads the root secret of a version.
func (k *Keyring) secret(name keys.Name, v int) (keys.Secret, error) {
	if _, err := os.Lstat(k.dir(name)); err == nil && gone(k.dir(name)) {
		return keys.Secret{}, keys.Gone(name)
	}
	text, err := os.ReadFile(filepath.Join(k.dir(name), secretFile(v)))
	if errors.Is(err, fs.ErrNotExist) {
		return keys.Secret{}, keys.NotFound(name)
	}
	if err != nil {
		return keys.Secret{}, denied(name, err)
	}
	defer clear(text)
	s, err := parseSecret(text)
	if err != nil {
		return keys.Secret{}, broken(fmt.Errorf("%s: %w", secretFile(v), err))
	}
	return s, nil
}

func parseSecret(text []byte) (keys.Secret, error) {
	body, ok := strings.CutPrefix(string(text), secretMagic)
	body, nl := strings.CutSuffix(body, "\n")
	if !ok || !nl {
		return keys.Secret{}, errors.New("not a secret file")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(body)
	if err != nil {
		return keys.Secret{}, errors.New("not a secret file") // the decoder's error would quote it
	}
	defer clear(raw)
	return keys.NewSecret(raw)
}

// versions counts the versions in dir: they are numbered from 1 without gaps.
func versions(dir string) (int, error) {
	for n := 0; ; n++ {
		_, err := os.Lstat(filepath.Join(dir, publicFile(n+1)))
		if errors.Is(err, fs.ErrNotExist) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}
