package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/runtime"
	"github.com/ark-tre/ark/workspace/volume"
)

type doctorCmd struct {
	Tree   string `help:"The checkout, for the root file system and runtime that make builds." default:"." type:"path"`
	Dir    string `help:"Where the Ark is or will be." default:".ark" type:"path"`
	Listen string `help:"Where the Ark will listen." default:"127.0.0.1:8080"`
	JSON   bool   `name:"json" help:"Print the answer as JSON."`
}

// check is one line of the doctor's: what was looked at, whether it is as it
// has to be, and what to do where it is not.
type check struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
	Do   string `json:"do,omitempty"`
}

// Run looks at everything, and prints all of it.
func (c doctorCmd) Run(ctx context.Context) error {
	checks := []check{}
	bad := false
	for _, look := range []func(context.Context) (what, says string, err error){c.root, c.programs, c.rootfs, c.disk, c.port, c.cgroups, c.runtime, c.volumes} {
		what, says, err := look(ctx)
		k := check{What: what, OK: err == nil, Says: says}
		var f *ark.Fault
		switch {
		case errors.As(err, &f):
			k.Says, k.Do = f.Says, f.Remedy
		case err != nil:
			k.Says = err.Error()
		}
		bad = bad || !k.OK
		checks = append(checks, k)
	}
	if c.JSON {
		return printResult(checks, bad)
	}
	for _, k := range checks {
		if k.OK {
			fmt.Printf("ok  %-12s %s\n", k.What, k.Says)
			continue
		}
		fmt.Printf("no  %-12s %s\n    %-12s do: %s\n", k.What, k.Says, "", k.Do)
	}
	if bad {
		return errFound
	}
	return nil
}

func (c doctorCmd) root(context.Context) (string, string, error) {
	if os.Geteuid() != 0 {
		return "root", "", ark.Faultf(ark.Unavailable, "ark is not run as root: roles are not parted from each other, and there are no workspaces").Do("start it as root")
	}
	return "root", "runs as root, so each role gets a user of its own", nil
}

// program is a companion of this program.
func program(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), name)
	if _, err := exec.LookPath(path); err != nil {
		return "", ark.Faultf(ark.Unavailable, "%s is not beside ark", name).Do("make build").Because(err)
	}
	return path, nil
}

func (c doctorCmd) programs(context.Context) (string, string, error) {
	for _, name := range []string{"ark-engine", "ark-inspect", "ark-enclaved"} {
		if _, err := program(name); err != nil {
			return "programs", "", err
		}
	}
	return "programs", "ark-engine, ark-inspect and ark-enclaved are beside ark", nil
}

func (c doctorCmd) rootfs(context.Context) (string, string, error) {
	path := filepath.Join(c.Tree, ".cache", "rootfs", "current", "rootfs.squashfs")
	info, err := os.Stat(path)
	if err != nil {
		return "rootfs", "", ark.Faultf(ark.Unavailable, "the root file system of workspaces is not there").Do("make rootfs, or give --tree").Because(err)
	}
	return "rootfs", fmt.Sprintf("%d MiB", info.Size()>>20), nil
}

// leastFree is the disk that a demonstration and its workspaces take.
const leastFree = 4 << 30

func (c doctorCmd) disk(context.Context) (string, string, error) {
	dir := c.Dir
	for !exists(dir) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return "disk", "", err
	}
	free := s.Bavail * uint64(s.Bsize)
	if free < leastFree {
		return "disk", "", ark.Faultf(ark.Unavailable, "%.1f GiB are free", float64(free)/(1<<30)).Do(fmt.Sprintf("make room for %d GiB, or give another --dir", leastFree>>30))
	}
	return "disk", fmt.Sprintf("%.1f GiB are free", float64(free)/(1<<30)), nil
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func (c doctorCmd) port(ctx context.Context) (string, string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return "port", "", ark.Faultf(ark.Unavailable, "%s can't be listened on", c.Listen).Do("stop what has it (an Ark that runs already?), or give another --listen").Because(err)
	}
	return "port", c.Listen + " is free", l.Close()
}

func (c doctorCmd) cgroups(context.Context) (string, string, error) {
	if exists("/sys/fs/cgroup/cgroup.controllers") {
		return "cgroups", "version 2", nil
	}
	for _, name := range []string{"memory", "cpu", "pids"} {
		if !exists(filepath.Join("/sys/fs/cgroup", name)) {
			return "cgroups", "", ark.Faultf(ark.Unavailable, "there is no %s cgroup, so workspaces would have no limit", name).Do("boot with cgroup version 2, or mount the controller")
		}
	}
	return "cgroups", "version 1", nil
}

// runtime starts a throwaway sandbox: the only proof that there can be one.
func (c doctorCmd) runtime(ctx context.Context) (string, string, error) {
	const what = "isolation"
	enclaved, err := program("ark-enclaved")
	if err != nil {
		return what, "", err
	}
	runc := filepath.Join(c.Tree, ".cache", "tools", "runc")
	if !exists(runc) {
		if runc, err = exec.LookPath("runc"); err != nil {
			return what, "", ark.Faultf(ark.Unavailable, "the OCI runtime runc is not there").Do("make deps").Because(err)
		}
	}
	state, err := os.MkdirTemp("", "ark-doctor-")
	if err != nil {
		return what, "", err
	}
	defer os.RemoveAll(state)
	if err := os.Chmod(state, 0o755); err != nil {
		return what, "", err
	}
	return what, "a sandbox started and ended", runtime.Runc{Program: runc, State: state}.Probe(ctx, enclaved, "nothing")
}

// volumes makes a throwaway encrypted volume.
func (c doctorCmd) volumes(ctx context.Context) (string, string, error) {
	const what = "volumes"
	if os.Geteuid() != 0 {
		return what, "", ark.Faultf(ark.Unavailable, "encrypted volumes need root").Do("run this as root")
	}
	dir, err := os.MkdirTemp("", "ark-doctor-")
	if err != nil {
		return what, "", err
	}
	defer os.RemoveAll(dir)
	return what, "an encrypted volume was made and taken away", volume.Probe(ctx, dir)
}
