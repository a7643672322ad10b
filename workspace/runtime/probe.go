package runtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Probe proves that this host can isolate: it runs a throwaway sandbox of
// program (a static executable, shown inside as /probe, that must exit at once)
// and takes it away again. The error says what is missing and what to do.
func (r Runc) Probe(ctx context.Context, program string, args ...string) error {
	if os.Geteuid() != 0 {
		return ark.Faultf(ark.Unavailable, "workspaces need the enclave daemon to run as root").
			Do("start ark as root, or run ark-enclaved as a root service; everything else works without it")
	}
	if _, err := os.Stat(r.Program); err != nil {
		return ark.Faultf(ark.Unavailable, "the OCI runtime is not there").
			Do("build it with deploy/tools/runc/build.sh, or install the Debian package runc").Because(err)
	}
	if err := kernelCan(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	root, err := os.MkdirTemp(r.State, "probe-")
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the runtime's state folder cannot be written").Because(err)
	}
	defer os.RemoveAll(root)
	if err := errors.Join(os.Chmod(root, 0o755), emptyRoot(root)); err != nil {
		return ark.Faultf(ark.Unavailable, "the probe's root file system could not be made").Because(err)
	}
	spec := Spec{
		ID: filepath.Base(root), RootFS: root, Args: append([]string{"/probe"}, args...), IDBase: MinIDBase, User: 1000,
		Mounts: []Mount{{Source: program, Target: "/probe", Executable: true}},
		Limits: Limits{MemoryBytes: 128 << 20, CPUMillis: 1000, Processes: 64},
	}
	if err := r.Start(ctx, spec); err != nil {
		return ark.Faultf(ark.Unavailable, "this host does not let a sandbox start").
			Do("user namespaces, seccomp and cgroups must be permitted to root here; in a container, it needs to be privileged").Because(err)
	}
	return r.Delete(context.WithoutCancel(ctx), spec.ID)
}

func emptyRoot(root string) error {
	for _, dir := range []string{"proc", "dev"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(root, "probe"), nil, 0o755)
}

// kernelCan reports the first feature of the kernel that is not there.
func kernelCan() error {
	for _, ns := range []string{"user", "mnt", "net", "pid", "ipc", "uts", "cgroup"} {
		if _, err := os.Stat("/proc/self/ns/" + ns); err != nil {
			return ark.Faultf(ark.Unavailable, "the kernel has no %s namespaces", ns).Do("use a kernel that has them")
		}
	}
	actions, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	if err != nil || !strings.Contains(string(actions), "errno") {
		return ark.Faultf(ark.Unavailable, "the kernel has no seccomp filters").Do("use a kernel that has them").Because(err)
	}
	if limit, err := os.ReadFile("/proc/sys/user/max_user_namespaces"); err == nil && strings.TrimSpace(string(limit)) == "0" {
		return ark.Faultf(ark.Unavailable, "user namespaces are switched off").Do("set user.max_user_namespaces above 0")
	}
	return nil
}
