package vault

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
)

// The names of companions of a key begin with these. Names of keys are in lower
// case, so none begins like them.
const (
	gone   = "GONE."   // the marker of a destroyed key
	finger = "FINGER." // the fingerprint key of a sealing key
)

var hmacType = map[string]any{"type": "hmac", "key_size": keys.SecretSize}

// state is what Vault says of a key.
type state struct {
	versions int
	made     time.Time
	public   map[int]ed25519.PublicKey
}

// state returns the state of a live key, or the fault for a missing or
// destroyed one.
func (k *Keyring) state(ctx context.Context, name keys.Name) (state, error) {
	_, err := k.read(ctx, name, gone+name.Local())
	if err == nil {
		return state{}, keys.Gone(name)
	}
	if !ark.Is(err, ark.Unknown) {
		return state{}, err
	}
	return k.read(ctx, name, name.Local())
}

// read reads the transit key of that name in the mount of name's class.
func (k *Keyring) read(ctx context.Context, name keys.Name, local string) (state, error) {
	secret, err := k.client.Logical().ReadWithContext(ctx, k.path(name, "keys", local))
	if err != nil {
		return state{}, k.refusal(name, err)
	}
	if secret == nil {
		return state{}, keys.NotFound(name)
	}
	return parseState(secret.Data)
}

// parseState reads Vault's description of a key. The versions of a symmetric
// one are times of creation, those of an asymmetric one objects; an hmac key
// has none to show.
func parseState(data map[string]any) (state, error) {
	s := state{public: make(map[int]ed25519.PublicKey)}
	versions, _ := data["keys"].(map[string]any)
	latest, ok := data["latest_version"].(json.Number)
	if !ok {
		return state{}, unavailable(errors.New("unexpected description of a key"))
	}
	n, err := strconv.Atoi(latest.String())
	if err != nil || n < 1 {
		return state{}, unavailable(errors.New("unexpected description of a key"))
	}
	s.versions = n
	for v, description := range versions {
		number, err := strconv.Atoi(v)
		if err != nil {
			return state{}, unavailable(err)
		}
		switch d := description.(type) {
		case json.Number:
			seconds, err := d.Int64()
			if err == nil && number == 1 {
				s.made = time.Unix(seconds, 0).UTC()
			}
		case map[string]any:
			pub, err := base64.StdEncoding.DecodeString(text(d, "public_key"))
			if err == nil && len(pub) == ed25519.PublicKeySize {
				s.public[number] = pub
			}
		}
	}
	return s, nil
}

func keyType(c keys.Class) map[string]any {
	switch {
	case c.Allows(keys.Seal):
		return map[string]any{"type": "aes256-gcm96"}
	case c.Allows(keys.Attest):
		return map[string]any{"type": "ed25519"}
	}
	return maps.Clone(hmacType)
}

// Create implements keys.Keyring. Two at the same time make one key.
func (k *Keyring) Create(ctx context.Context, name keys.Name) error {
	err := name.Check()
	if err != nil {
		return err
	}
	_, err = k.state(ctx, name)
	if err == nil {
		return keys.Exists(name)
	}
	if !ark.Is(err, ark.Unknown) {
		return err
	}
	if name.Class().Allows(keys.Seal) { // first: a key that is there has its companion
		_, err = k.call(ctx, name, maps.Clone(hmacType), "keys", finger+name.Local())
		if err != nil {
			return k.fault(ctx, name, err, nil)
		}
	}
	_, err = k.call(ctx, name, keyType(name.Class()), "keys", name.Local())
	if err != nil {
		return k.fault(ctx, name, err, nil)
	}
	return nil
}

// Rotate implements keys.Keyring.
func (k *Keyring) Rotate(ctx context.Context, name keys.Name) (int, error) {
	err := name.Check()
	if err != nil {
		return 0, err
	}
	_, err = k.state(ctx, name)
	if err != nil {
		return 0, err
	}
	_, err = k.call(ctx, name, nil, "keys", name.Local(), "rotate")
	if err != nil {
		return 0, k.fault(ctx, name, err, nil)
	}
	s, err := k.state(ctx, name)
	return s.versions, err
}

// Destroy implements keys.Keyring. The marker comes first and is given as many
// versions as the key has; then the key is deleted. An interrupted destruction
// is finished by the next; until then the key can still be used.
func (k *Keyring) Destroy(ctx context.Context, name keys.Name) (keys.Evidence, error) {
	err := name.Check()
	if err != nil {
		return keys.Evidence{}, err
	}
	live, err := k.read(ctx, name, name.Local())
	if ark.Is(err, ark.Unknown) {
		mark, err := k.read(ctx, name, gone+name.Local())
		return evidence(name, mark), err // destroyed earlier, or never there
	}
	if err != nil {
		return keys.Evidence{}, err
	}
	mark, err := k.mark(ctx, name, live.versions)
	if err != nil {
		return keys.Evidence{}, err
	}
	locals := []string{name.Local()}
	if name.Class().Allows(keys.Seal) {
		locals = []string{finger + name.Local(), name.Local()} // the key last: while it is there, this is repeated
	}
	for _, local := range locals {
		err = k.delete(ctx, name, local)
		if err != nil {
			return keys.Evidence{}, err
		}
	}
	return evidence(name, mark), nil
}

// delete removes a transit key and looks that it is gone. A missing one is no
// error.
func (k *Keyring) delete(ctx context.Context, name keys.Name, local string) error {
	_, err := k.read(ctx, name, local)
	if ark.Is(err, ark.Unknown) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = k.call(ctx, name, map[string]any{"deletion_allowed": true}, "keys", local, "config")
	if err == nil {
		_, err = k.client.Logical().DeleteWithContext(ctx, k.path(name, "keys", local))
	}
	if err != nil {
		return k.refusal(name, err)
	}
	_, err = k.read(ctx, name, local)
	if !ark.Is(err, ark.Unknown) {
		return unavailable(fmt.Errorf("the key is still there after its deletion: %w", err))
	}
	return nil
}

// refusal is fault without looking at the key's state.
func (k *Keyring) refusal(name keys.Name, err error) error {
	var r *api.ResponseError
	if errors.As(err, &r) && r.StatusCode == http.StatusForbidden {
		return keys.Refused(name, err)
	}
	return unavailable(err)
}

func (k *Keyring) mark(ctx context.Context, name keys.Name, versions int) (state, error) {
	_, err := k.call(ctx, name, map[string]any{"type": "aes256-gcm96"}, "keys", gone+name.Local())
	for {
		if err != nil {
			return state{}, k.fault(ctx, name, err, nil)
		}
		mark, rerr := k.read(ctx, name, gone+name.Local())
		if rerr != nil || mark.versions >= versions {
			return mark, rerr
		}
		_, err = k.call(ctx, name, nil, "keys", gone+name.Local(), "rotate")
	}
}

func evidence(name keys.Name, mark state) keys.Evidence {
	return keys.Evidence{
		Name: name, Time: mark.made, Versions: mark.versions,
		Method: "deleted in Vault's transit engine with all its versions",
		Remains: []string{
			"snapshots and backups of Vault's storage made before this time, until each is destroyed by its own procedure",
			"Vault's own audit log, which names the key and never holds it",
		},
	}
}

// List implements keys.Keyring.
func (k *Keyring) List(ctx context.Context, class keys.Class) ([]keys.Info, error) {
	if !slices.Contains(keys.Classes[:], class) {
		return nil, ark.Faultf(ark.Invalid, "there is no key class of that name").Do("use one of the classes of package keys")
	}
	any := keys.Of(class, "")
	secret, err := k.client.Logical().ListWithContext(ctx, k.path(any, "keys"))
	if err != nil {
		return nil, k.refusal(any, err)
	}
	if secret == nil {
		return nil, nil
	}
	found := make(map[keys.Name]keys.Info)
	names, _ := secret.Data["keys"].([]interface{}) // an answer of another form lists nothing
	for _, n := range names {
		local, _ := n.(string)
		if strings.HasPrefix(local, finger) {
			continue
		}
		plain, destroyed := strings.CutPrefix(local, gone)
		name := keys.Of(class, plain)
		if found[name].Destroyed {
			continue // its key is still there too: the destruction is unfinished
		}
		s, err := k.read(ctx, name, local)
		if err != nil {
			return nil, err
		}
		found[name] = keys.Info{Name: name, Versions: s.versions, Destroyed: destroyed}
	}
	infos := make([]keys.Info, 0, len(found))
	for _, info := range found {
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b keys.Info) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return infos, nil
}
