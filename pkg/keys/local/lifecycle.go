package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/keys"
)

// Rotate implements keys.Keyring.
func (k *Keyring) Rotate(_ context.Context, name keys.Name) (version int, err error) {
	if _, err = k.newest(name, 0); err != nil {
		return 0, err
	}
	unlock, err := lock(k.dir(name))
	if err != nil {
		return 0, denied(name, err)
	}
	defer unlock()
	pub, err := k.newest(name, 0) // again: it may have been destroyed or rotated meanwhile
	if err != nil {
		return 0, err
	}
	err = k.writeVersion(k.dir(name), name, pub.Version+1)
	if err != nil {
		return 0, denied(name, err)
	}
	return pub.Version + 1, nil
}

// Destroy implements keys.Keyring. The evidence is written first, which makes
// every use refuse; then the secrets are overwritten and removed.
func (k *Keyring) Destroy(_ context.Context, name keys.Name) (keys.Evidence, error) {
	err := name.Check()
	if err != nil {
		return keys.Evidence{}, err
	}
	dir := k.dir(name)
	if _, err = os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return keys.Evidence{}, keys.NotFound(name)
	}
	unlock, err := lock(dir)
	if err != nil {
		return keys.Evidence{}, denied(name, err)
	}
	defer unlock()
	ev, err := k.evidence(name)
	if err != nil {
		return keys.Evidence{}, denied(name, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return keys.Evidence{}, denied(name, err)
	}
	for _, e := range entries { // every file but the evidence, unfinished ones included
		if e.Name() == destroyedFile {
			continue
		}
		err = shred(filepath.Join(dir, e.Name()))
		if err != nil {
			return keys.Evidence{}, denied(name, err)
		}
	}
	return ev, broken(durable.SyncDir(dir))
}

// evidence returns the written evidence of an earlier attempt, or writes it.
func (k *Keyring) evidence(name keys.Name) (keys.Evidence, error) {
	if ev, err := k.written(name); !errors.Is(err, fs.ErrNotExist) {
		return ev, err
	}
	n, err := versions(k.dir(name))
	if err != nil {
		return keys.Evidence{}, err
	}
	ev := keys.Evidence{
		Name: name, Time: k.now().UTC(), Versions: n,
		Method: "each secret file overwritten with random bytes where its owner allows, flushed to disk and removed",
		Remains: []string{
			"backups of the keyring's folder made before this time, until each is destroyed by its own procedure",
			"blocks that the file system or the disk copied elsewhere (snapshots, journals, wear levelling), unless the disk is encrypted and its key is destroyed",
		},
	}
	for v := 1; v <= n; v++ {
		pub, err := os.ReadFile(filepath.Join(k.dir(name), publicFile(v)))
		if err != nil {
			return keys.Evidence{}, err
		}
		sum := sha256.Sum256(pub)
		ev.Public = append(ev.Public, "sha256:"+hex.EncodeToString(sum[:]))
	}
	return ev, k.write(ev)
}

// written reads the evidence of a destruction.
func (k *Keyring) written(name keys.Name) (ev keys.Evidence, err error) {
	doc, err := os.ReadFile(filepath.Join(k.dir(name), destroyedFile))
	if err != nil {
		return ev, err
	}
	return ev, json.Unmarshal(doc, &ev)
}

// write writes the evidence of a destruction where there is none.
func (k *Keyring) write(ev keys.Evidence) error {
	doc, err := json.Marshal(ev)
	if err != nil {
		return err
	}
	return durable.CreateFile(filepath.Join(k.dir(ev.Name), destroyedFile), doc, 0o644)
}

// shred overwrites a file in place and removes it. A file that this process
// may remove but not open for writing is removed all the same.
func shred(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		info, serr := f.Stat()
		err = serr
		for left := int64(0); err == nil && left < info.Size(); left += keys.SecretSize {
			noise := keys.RandomSecret()
			_, err = f.WriteAt(noise.Reveal()[:min(keys.SecretSize, info.Size()-left)], left)
		}
		err = errors.Join(err, f.Sync(), f.Close())
	} else if errors.Is(err, fs.ErrPermission) {
		err = nil
	}
	return errors.Join(err, os.Remove(path))
}

// List implements keys.Keyring.
func (k *Keyring) List(_ context.Context, class keys.Class) ([]keys.Info, error) {
	if !slices.Contains(keys.Classes[:], class) {
		return nil, ark.Faultf(ark.Invalid, "there is no key class of that name").Do("use one of the classes of package keys")
	}
	entries, err := os.ReadDir(filepath.Join(k.root, string(class)))
	if err != nil {
		return nil, broken(err)
	}
	var infos []keys.Info
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), durable.TempPrefix) {
			continue
		}
		info := keys.Info{Name: keys.Of(class, e.Name())}
		if info.Destroyed = gone(k.dir(info.Name)); info.Destroyed {
			ev, err := k.evidence(info.Name)
			if err != nil {
				return nil, broken(err)
			}
			info.Versions = ev.Versions
		} else if info.Versions, err = versions(k.dir(info.Name)); err != nil {
			return nil, broken(err)
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// lock holds the key's folder against other processes' Rotate and Destroy.
func lock(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(d.Fd()), unix.LOCK_EX)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return func() { _ = d.Close() }, nil // closing releases the lock
}
