// Package local is the keyring of one box: a folder in which the operating
// system's groups decide which role reads which secret.
//
// Layout:
//
//	<root>/keyring                     says that this is a keyring; without it nothing opens
//	<root>/<class>/                    group = the class's group, set-group-id
//	<root>/<class>/<name>/v1.secret    0640: members of the class's group
//	<root>/<class>/<name>/v1.public    0644: everybody, so that everybody can seal
//	<root>/<class>/<name>/destroyed    the evidence, once the secrets are gone
//
// Nothing secret is cached: what the folder no longer holds, no process can
// use. The package touches its folder only. It must never follow a name out
// of it, and must never make a key that was not asked for by Create.
package local

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/keys"
)

// Keyring is an open folder of keys.
type Keyring struct {
	root string
	now  func() time.Time
}

var _ keys.Keyring = (*Keyring)(nil)

const (
	marker     = "keyring"
	markerText = "ark keyring 1\n"
)

// Init makes the keyring folder root, which must not be one already.
func Init(root string) error {
	err := durable.MkdirAll(root, 0o755)
	if err != nil {
		return broken(err)
	}
	err = durable.CreateFile(filepath.Join(root, marker), []byte(markerText), 0o644)
	if errors.Is(err, fs.ErrExist) {
		return ark.Faultf(ark.Conflict, "that folder is a keyring already").Do("open it instead")
	}
	if err != nil {
		return broken(err)
	}
	for _, c := range keys.Classes {
		err = durable.MkdirAll(filepath.Join(root, string(c)), fs.ModeSetgid|0o775)
		if err != nil {
			return broken(err)
		}
	}
	return nil
}

// Open opens the keyring folder root, made by Init. now dates evidence.
func Open(root string, now func() time.Time) (*Keyring, error) {
	text, err := os.ReadFile(filepath.Join(root, marker))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ark.Faultf(ark.Unavailable, "there is no keyring in the configured folder").
			Do("check the folder and that its disk is mounted; a new keyring is made by an explicit instruction only")
	}
	if err != nil {
		return nil, broken(err)
	}
	if string(text) != markerText {
		return nil, ark.Faultf(ark.Unavailable, "the keyring folder is of a kind this program does not know").
			Do("use the version of Ark that made it")
	}
	return &Keyring{root: root, now: now}, nil
}

// Create implements keys.Keyring. The key appears in one step or not at all.
func (k *Keyring) Create(_ context.Context, name keys.Name) error {
	err := name.Check()
	if err != nil {
		return err
	}
	class := filepath.Join(k.root, string(name.Class()))
	if _, err = os.Lstat(k.dir(name)); err == nil {
		if gone(k.dir(name)) {
			return keys.Gone(name)
		}
		return keys.Exists(name)
	}
	tmp, err := os.MkdirTemp(class, durable.TempPrefix)
	if err != nil {
		return denied(name, err)
	}
	err = k.writeVersion(tmp, name, 1)
	if err == nil {
		err = sameMode(tmp, class) // who manages the class manages its keys
	}
	if err == nil {
		err = os.Rename(tmp, k.dir(name)) // refuses a folder that holds anything
	}
	if err != nil {
		_ = os.RemoveAll(tmp)
		if errors.Is(err, fs.ErrExist) {
			return keys.Exists(name)
		}
		return denied(name, err)
	}
	return broken(durable.SyncDir(class))
}

// NewDataKey implements keys.Keyring. It reads public files only.
func (k *Keyring) NewDataKey(_ context.Context, name keys.Name) (keys.Secret, keys.Wrapped, error) {
	pub, err := k.newest(name, keys.Seal)
	if err != nil {
		return keys.Secret{}, nil, err
	}
	plain := keys.RandomSecret()
	w, err := seal(name, pub, plain)
	if err != nil {
		return keys.Secret{}, nil, broken(err)
	}
	return plain, w, nil
}

// Unwrap implements keys.Keyring.
func (k *Keyring) Unwrap(_ context.Context, name keys.Name, w keys.Wrapped) (keys.Secret, error) {
	if err := name.Permit(keys.Seal); err != nil {
		return keys.Secret{}, err
	}
	version, err := versionOf(name, w)
	if err != nil {
		return keys.Secret{}, err
	}
	root, err := k.secret(name, version)
	if ark.Is(err, ark.Unknown) && k.known(name) {
		return keys.Secret{}, keys.NotAuthentic(name, "wrapped data key") // names a version that never was
	}
	if err != nil {
		return keys.Secret{}, err
	}
	defer root.Wipe()
	return open(name, version, root, w)
}

// Fingerprint implements keys.Keyring. Its key is the first version's public
// half, which every sealer has. Whoever sees the object store alone has not:
// what is sealed by HPKE does not show to whom.
func (k *Keyring) Fingerprint(_ context.Context, name keys.Name, data []byte) ([]byte, error) {
	_, err := k.newest(name, keys.Seal)
	if err != nil {
		return nil, err
	}
	pub, err := k.public(name, 1)
	if err != nil {
		return nil, err
	}
	return fingerprint(pub, name, data), nil
}

// Derive implements keys.Keyring.
func (k *Keyring) Derive(_ context.Context, name keys.Name, context string) (keys.Secret, error) {
	if err := name.Permit(keys.Hash); err != nil {
		return keys.Secret{}, err
	}
	root, err := k.secret(name, 1)
	if err != nil {
		return keys.Secret{}, err
	}
	defer root.Wipe()
	return derive(root, labelDerive, name, 1, context)
}

// MAC implements keys.Keyring.
func (k *Keyring) MAC(_ context.Context, name keys.Name, data []byte) ([]byte, error) {
	if err := name.Permit(keys.Hash); err != nil {
		return nil, err
	}
	root, err := k.secret(name, 1)
	if err != nil {
		return nil, err
	}
	defer root.Wipe()
	return mac(root, name, data)
}

// Sign implements keys.Keyring.
func (k *Keyring) Sign(_ context.Context, name keys.Name, message []byte) ([]byte, error) {
	pub, err := k.newest(name, keys.Attest)
	if err != nil {
		return nil, err
	}
	root, err := k.secret(name, pub.Version)
	if err != nil {
		return nil, err
	}
	defer root.Wipe()
	private, err := signer(name, pub.Version, root)
	if err != nil {
		return nil, broken(err)
	}
	defer clear(private)
	return ed25519.Sign(private, message), nil
}

// Verify implements keys.Keyring. It reads public files only.
func (k *Keyring) Verify(_ context.Context, name keys.Name, message, signature []byte) error {
	pub, err := k.newest(name, keys.Attest)
	if err != nil {
		return err
	}
	for v := pub.Version; v >= 1; v-- {
		pub, err = k.public(name, v)
		if err != nil {
			return err
		}
		if len(pub.Verify) == ed25519.PublicKeySize && ed25519.Verify(pub.Verify, message, signature) {
			return nil
		}
	}
	return keys.NotAuthentic(name, "signature")
}

// Public implements keys.Keyring.
func (k *Keyring) Public(_ context.Context, name keys.Name) (ed25519.PublicKey, error) {
	pub, err := k.newest(name, keys.Attest)
	return pub.Verify, err
}

func (k *Keyring) dir(name keys.Name) string {
	return filepath.Join(k.root, string(name.Class()), name.Local())
}

func (k *Keyring) known(name keys.Name) bool {
	_, err := k.newest(name, 0)
	return err == nil
}

func sameMode(path, like string) error {
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	return os.Chmod(path, info.Mode().Perm()|info.Mode()&fs.ModeSetgid)
}

// broken turns an error of the file system into a fault; nil stays nil.
func broken(err error) error {
	if err == nil {
		return nil
	}
	return ark.Faultf(ark.Unavailable, "the keyring can't be read or written").
		Do("check the keyring's folder, its disk and its permissions").Because(err)
}

func denied(name keys.Name, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return keys.Refused(name, err)
	}
	return broken(err)
}
