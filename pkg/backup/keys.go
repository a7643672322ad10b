package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/keys"
)

const (
	destroyed = ".destroyed"
	maxKey    = 1 << 20
)

func (f *Folder) key(name keys.Name, ext string) string {
	return filepath.Join(f.root, "keys", string(name.Class()), name.Local()+ext)
}

// KeepKey stores the copy of a key that can be destroyed. One whose destruction
// is on record here stays destroyed.
func (f *Folder) KeepKey(name keys.Name, files map[string][]byte, to []age.Recipient) error {
	if err := name.Check(); err != nil {
		return err
	}
	if _, gone, err := f.Destroyed(name); gone || err != nil {
		return err
	}
	doc, err := json.Marshal(files)
	if err != nil {
		return err
	}
	defer clear(doc)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err == nil {
		_, err = w.Write(doc)
	}
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := durable.MkdirAll(filepath.Dir(f.key(name, suffix)), 0o755); err != nil {
		return unreachable(err)
	}
	if err := durable.WriteFile(f.key(name, suffix), out.Bytes(), 0o440); err != nil {
		return unreachable(err)
	}
	return nil
}

// DestroyKey puts the evidence of a destruction in the place of the copy. It
// may be repeated, and is for a key that has no copy, too: a bundle that is
// brought here later may name it.
func (f *Folder) DestroyKey(ev keys.Evidence) error {
	if err := ev.Name.Check(); err != nil {
		return err
	}
	doc, err := json.Marshal(ev)
	if err != nil {
		return err
	}
	path := f.key(ev.Name, destroyed)
	if err := durable.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return unreachable(err)
	}
	if err := durable.CreateFile(path, doc, 0o444); err != nil && !errors.Is(err, fs.ErrExist) {
		return unreachable(err)
	}
	if err := durable.Remove(f.key(ev.Name, suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unreachable(err)
	}
	return nil
}

// Destroyed returns the evidence of a key's destruction, if it is on record.
func (f *Folder) Destroyed(name keys.Name) (ev keys.Evidence, gone bool, err error) {
	doc, err := os.ReadFile(f.key(name, destroyed))
	if errors.Is(err, fs.ErrNotExist) {
		return ev, false, nil
	}
	if err != nil {
		return ev, false, unreachable(err)
	}
	if err := json.Unmarshal(doc, &ev); err != nil || ev.Name != name {
		return keys.Evidence{Name: name}, true, nil // whoever wrote it meant that it is gone
	}
	return ev, true, nil
}

// Key opens the copy of a key.
func (f *Folder) Key(name keys.Name, with []age.Identity) (map[string][]byte, error) {
	if err := name.Check(); err != nil {
		return nil, err
	}
	file, err := os.Open(f.key(name, suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ark.Faultf(ark.Unknown, "the copy of the key %s is missing, and no record says that it was destroyed", name).
			Do("use another copy of this folder; without the key what it seals cannot be opened")
	}
	if err != nil {
		return nil, unreachable(err)
	}
	defer file.Close()
	r, err := age.Decrypt(file, with...)
	if err != nil {
		return nil, changed("the key " + string(name)).Because(err)
	}
	doc, err := io.ReadAll(io.LimitReader(r, maxKey))
	if err != nil {
		return nil, changed("the key " + string(name)).Because(err)
	}
	defer clear(doc)
	var files map[string][]byte
	if err := json.Unmarshal(doc, &files); err != nil {
		return nil, changed("the key " + string(name)).Because(err)
	}
	return files, nil
}
