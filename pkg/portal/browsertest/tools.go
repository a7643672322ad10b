// Package browsertest looks at the portal in headless Chromium: a walk through
// the main job in a running demonstration, on the pages that people use.
//
// Its test starts an Ark of its own in a folder of its own, and stops it. It
// must never be given an Ark that holds anybody's data.
package browsertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Tools installs what the folder's package-lock.json pins, unless it is there.
// Tests of several packages that call it at the same time wait for each other.
func Tools(folder string) error {
	lock, err := os.Open(filepath.Join(folder, "package-lock.json"))
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "axe-core", "package.json")); err == nil {
		return nil
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in %s: %w: %.500s", folder, err, out)
	}
	return nil
}
