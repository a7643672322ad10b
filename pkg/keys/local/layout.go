package local

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/keys"
)

// Access says which OS group reads a class's secrets, and which group's
// members create, rotate and destroy keys of the class; 0: nobody but root.
// A manager that is no reader can destroy a key that it cannot use.
type Access struct {
	GID     int
	Manager int
}

// readers is the file in a class's folder whose group reads the secrets of
// keys that managers make.
const readers = ".readers"

// Layout gives the folders of an existing keyring their owners and modes. It
// is the supervisor's, run as root before any role starts, and may be
// repeated. A class that grants does not name is left to root alone.
func Layout(root string, grants map[keys.Class]Access) error {
	err := own(root, 0, 0o755)
	if err != nil {
		return layoutFault(err)
	}
	for _, c := range keys.Classes {
		a, granted := grants[c]
		mode, folders := fs.ModeSetgid|0o755, a.GID
		if granted && a.Manager != 0 {
			mode, folders = mode|0o020, a.Manager
		}
		dir := filepath.Join(root, string(c))
		err = durable.MkdirAll(dir, mode)
		if err != nil {
			return layoutFault(err)
		}
		if granted && a.Manager != 0 {
			err = durable.WriteFile(filepath.Join(dir, readers), nil, 0o640)
		}
		if err == nil {
			err = layoutClass(dir, a.GID, folders, mode)
		}
		if err != nil {
			return layoutFault(err)
		}
	}
	return nil
}

func layoutClass(dir string, gid, folders int, mode fs.FileMode) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return own(path, folders, mode)
		case filepath.Ext(path) == ".public" || e.Name() == destroyedFile:
			return own(path, gid, 0o644)
		case e.Type().IsRegular():
			return own(path, gid, 0o640)
		}
		return nil // a link or device is nobody's key; leave it unread
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

func layoutFault(err error) error {
	return ark.Faultf(ark.Unavailable, "the keyring's folders can't be given to the roles' groups").
		Do("start as root, on a file system that keeps owners and modes").Because(err)
}
