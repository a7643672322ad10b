package instance

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/worker"
)

// later tells the keys that an Ark made by an older version may lack, with the
// zone that holds what each seals. Every other key is there from the first day:
// one that is missing was lost, and is never made anew.
func later(k keys.Name) (objects.Zone, bool) {
	switch k {
	case worker.ContributorsKey:
		return objects.Contributors, true
	case worker.ListsKey:
		return objects.Lists, true
	}
	return "", false
}

// renew gives an Ark that an older version made the zones and keys that came
// since, and says so in the log. It refuses an Ark that has lost a key: what a
// new key of that name would name or open is not what the old one did. On Vault
// and S3 they are made by the founder: RenewOutside.
func (c Config) renew(ctx context.Context, log *slog.Logger) error {
	if c.S3.Endpoint == "" {
		for _, z := range []objects.Zone{objects.Contributors, objects.Lists} {
			dir := c.Path("objects", string(z))
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err := durable.MkdirAll(filepath.Join(dir, ".unfinished"), fs.ModeSetgid|0o770); err != nil {
				return err
			}
			log.Warn("an older version made this Ark: a zone of the object store was added", "zone", z)
		}
	}
	if c.Vault.Address != "" {
		return nil
	}
	ring, err := local.Open(c.Path("keys"), time.Now)
	if err != nil {
		return err
	}
	for _, k := range standing {
		if _, err := os.Stat(c.Path("keys", string(k.Class()))); errors.Is(err, fs.ErrNotExist) {
			if _, ok := later(k); !ok {
				return lost(k)
			}
			if err := durable.MkdirAll(c.Path("keys", string(k.Class())), fs.ModeSetgid|0o775); err != nil {
				return err
			}
		}
		infos, err := ring.List(ctx, k.Class())
		if err != nil {
			return err
		}
		if slices.ContainsFunc(infos, func(i keys.Info) bool { return i.Name == k }) {
			continue
		}
		zone, ok := later(k)
		if !ok || c.S3.Endpoint != "" || !c.emptyZone(zone) {
			return lost(k)
		}
		if err := ring.Create(ctx, k); err != nil {
			return err
		}
		log.Warn("an older version made this Ark: a key was added", "key", k)
	}
	return nil
}

func lost(k keys.Name) error {
	return ark.Faultf(ark.Unavailable, "the key %s is missing, and what it names or seals is there", k).
		Do("restore the folder of keys from its copy; the Ark does not start without it, and makes no other in its place")
}

// emptyZone reports whether a zone of the folder store holds no object.
func (c Config) emptyZone(z objects.Zone) bool {
	found := errors.New("an object")
	return filepath.WalkDir(c.Path("objects", string(z)), func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.Type().IsRegular() {
			return errors.Join(found, err)
		}
		return nil
	}) == nil
}
