package instance

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/vault"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/s3"
	"github.com/ark-tre/ark/policies"
)

// Renewal says what to bring to today's on Vault and S3.
type Renewal struct {
	Credentials string // folder with founder.json, and ROLE.json of roles that came since
	Policies    bool   // the policies of roles and buckets too
	Apply       bool   // do it; otherwise it is only said
}

// RenewOutside gives an Ark on Vault or S3, which an older version made, the
// engines, buckets, keys and credentials that came since, and brings policies to
// today's. It returns what it did or would do, line by line, also beside an
// error: what stands there was done. Nothing is deleted, and a key that an Ark
// has from its first day is never made anew: one that is missing was lost. It
// may be repeated.
func RenewOutside(ctx context.Context, c Config, r Renewal) (did []string, err error) {
	if c.Vault.Address == "" && c.S3.Endpoint == "" {
		return nil, ark.Faultf(ark.Conflict, "this Ark keeps keys and objects in its own folder").Do("nothing: ark serve adds there what came since")
	}
	founder, err := readCredential(filepath.Join(r.Credentials, founder+".json"))
	if err != nil {
		return nil, err
	}
	grants, err := policies.LoadGrants()
	if err != nil {
		return nil, err
	}
	add := func(lines []string, err error) error { did = append(did, lines...); return err }
	if c.Vault.Address != "" {
		roles := map[string]keys.Rights{}
		for role, g := range grants {
			if r.Policies {
				roles[role] = g.Keys
			}
		}
		client, err := c.vaultClient(founder)
		if err != nil {
			return did, err
		}
		if err := add(vault.Renew(ctx, client, c.Vault.Prefix, roles, r.Apply)); err != nil {
			return did, err
		}
	}
	if c.S3.Endpoint != "" {
		who := map[objects.Zone][]string{}
		for role, g := range grants {
			for _, z := range g.Zones {
				if r.Policies {
					who[z] = append(who[z], c.S3.Prefix+role)
				}
			}
		}
		for _, all := range who {
			slices.Sort(all)
		}
		if err := add(s3.Renew(ctx, c.s3(founder), objects.DefaultRules(), who, r.Apply)); err != nil {
			return did, err
		}
	}
	if c.Vault.Address != "" {
		if err := add(c.renewKeys(ctx, founder, r.Apply)); err != nil {
			return did, err
		}
	}
	return did, add(c.renewCredentials(r, roleNames(grants)))
}

// renewKeys makes the keys in Vault that came since. A zone that holds anything
// under a key that is missing says that it was lost.
func (c Config) renewKeys(ctx context.Context, founder Credential, apply bool) (did []string, err error) {
	ring, err := c.keyring(founder)
	if err != nil {
		return nil, err
	}
	for _, k := range standing {
		infos, err := ring.List(ctx, k.Class())
		if err != nil && apply {
			return did, err // in vain where the engine is still to be mounted
		}
		if slices.ContainsFunc(infos, func(i keys.Info) bool { return i.Name == k }) {
			continue
		}
		zone, ok := later(k)
		if !ok {
			return did, lost(k)
		}
		empty, err := c.holdsNothing(ctx, founder, zone, apply)
		if err != nil {
			return did, err
		}
		if !empty {
			return did, lost(k)
		}
		if apply {
			if err := ring.Create(ctx, k); err != nil {
				return did, err
			}
		}
		did = append(did, "vault: make the key "+string(k))
	}
	return did, nil
}

// holdsNothing reports whether a zone, wherever it is, holds no object. A bucket
// that is still to be made holds none.
func (c Config) holdsNothing(ctx context.Context, founder Credential, z objects.Zone, made bool) (bool, error) {
	if c.S3.Endpoint == "" {
		return c.emptyZone(z), nil
	}
	back, err := s3.Open(ctx, c.s3(founder), objects.Rules{z: objects.DefaultRules()[z]}, time.Now)
	if err != nil {
		if !made && ark.Is(err, ark.Unavailable) {
			return true, nil // only said: the bucket is among what would be made
		}
		return false, err
	}
	for _, err := range back.List(ctx, z, "") {
		return false, err
	}
	return true, nil
}

// renewCredentials takes the credentials of roles that came since. Those that
// the Ark has stay as they are.
func (c Config) renewCredentials(r Renewal, roles []string) (did []string, err error) {
	var missing []string
	for _, role := range roles {
		if _, err := os.Stat(c.Path("credentials", role+".json")); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, role)
			did = append(did, "take the credential of the role "+role)
		}
	}
	if len(missing) == 0 || !r.Apply {
		return did, nil
	}
	if err := c.takeCredentials(r.Credentials, missing); err != nil {
		return nil, err
	}
	return did, nil
}
