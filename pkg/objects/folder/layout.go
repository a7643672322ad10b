package folder

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/objects"
)

// Layout gives each zone of rules to the OS group that groups names, with all
// that is in it. It is the supervisor's, run as root before any role starts,
// and may be repeated. A zone that groups does not name is left to root alone.
func Layout(root string, rules objects.Rules, groups map[objects.Zone]int) error {
	err := own(root, 0, 0o755)
	for z := range rules {
		if err != nil {
			break
		}
		dir := filepath.Join(root, string(z))
		err = durable.MkdirAll(filepath.Join(dir, unfinished), dirMode)
		if err == nil {
			err = layoutZone(dir, groups[z])
		}
	}
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the object store's folders can't be given to the roles' groups").
			Do("start as root, on a file system that keeps owners and modes").Because(err)
	}
	return nil
}

func layoutZone(dir string, gid int) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return own(path, gid, dirMode)
		case e.Type().IsRegular() && filepath.Base(filepath.Dir(path)) != unfinished:
			return own(path, gid, fileMode)
		}
		return nil
	})
}

// own changes the owner first: chown clears set-group-id.
func own(path string, gid int, mode fs.FileMode) error {
	err := os.Lchown(path, 0, gid)
	if err != nil {
		return err
	}
	return os.Chmod(path, mode)
}
