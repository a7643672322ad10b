package local

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/keys"
)

// Two roles of the test: users without an account, each with its own group.
const (
	intakeUID, intakeGID   = 64101, 64201
	linkageUID, linkageGID = 64102, 64202
	keeperUID, keeperGID   = 64103, 64203 // makes and destroys keys of projects, and reads none
)

// The operating system decides, not this package: other users' processes try
// to read, make and remove files of a keyring that Layout has laid out.
func TestLayoutIsEnforcedByTheSystem(t *testing.T) {
	if os.Getuid() != 0 {
		built.Missing(t, "only root can act as other users")
	}
	root := filepath.Join(openTemp(t), "keyring")
	must(t, Init(root))
	kr, err := Open(root, nil)
	must(t, err)
	for _, n := range []keys.Name{"payload/a", "identifiers/a", "project/a", "landing/a"} {
		must(t, kr.Create(t.Context(), n))
	}
	must(t, Layout(root, map[keys.Class]Access{
		keys.Payload:     {GID: intakeGID},
		keys.Identifiers: {GID: linkageGID},
		keys.Project:     {GID: intakeGID, Manager: keeperGID},
	}))
	// A key that a manager makes is the readers', who may be others.
	program, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(filepath.Dir(root), "maker"), program, 0o755)) // where other users may run it
	maker := exec.Command(filepath.Join(filepath.Dir(root), "maker"), "-test.run=^TestMakeAKeyAsAnotherUser$")
	maker.Dir, maker.Env = "/", append(os.Environ(), "ARK_TEST_KEYRING="+root)
	maker.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: intakeUID, Gid: intakeUID, Groups: []uint32{intakeGID, keeperGID}}}
	if out, err := maker.CombinedOutput(); err != nil {
		t.Fatalf("make a key as its manager: %v\n%s", err, out)
	}
	for _, c := range []struct {
		uid, gid int
		ok       bool
		command  []string
	}{
		{intakeUID, intakeGID, true, []string{"cat", "payload/a/v1.secret"}},
		{intakeUID, intakeGID, false, []string{"cat", "identifiers/a/v1.secret"}},
		{intakeUID, intakeGID, false, []string{"cat", "landing/a/v1.secret"}}, // granted to nobody
		{linkageUID, linkageGID, true, []string{"cat", "identifiers/a/v1.secret"}},
		{linkageUID, linkageGID, false, []string{"cat", "payload/a/v1.secret"}},
		{linkageUID, linkageGID, false, []string{"cat", "project/a/v1.secret"}},
		{linkageUID, linkageGID, false, []string{"cat", "project/new/v1.secret"}},
		{intakeUID, intakeGID, true, []string{"cat", "project/new/v1.secret"}},
		{keeperUID, keeperGID, false, []string{"cat", "project/new/v1.secret"}}, // destroys, cannot use
		{keeperUID, keeperGID, false, []string{"cat", "project/a/v1.secret"}},
		{keeperUID, keeperGID, true, []string{"rm", "-f", "project/new/v1.secret"}},
		{linkageUID, linkageGID, true, []string{"cat", "payload/a/v1.public"}}, // everybody seals
		{linkageUID, linkageGID, true, []string{"cat", "landing/a/v1.public"}},
		{intakeUID, intakeGID, false, []string{"rm", "-f", "payload/a/v1.secret"}}, // reads, doesn't manage
		{intakeUID, intakeGID, false, []string{"sh", "-c", "echo x > payload/a/v1.secret"}},
		{intakeUID, intakeGID, false, []string{"sh", "-c", "echo x > payload/a/v1.public"}}, // would make others seal to it
		{intakeUID, intakeGID, false, []string{"mkdir", "payload/b"}},
		{linkageUID, linkageGID, false, []string{"mkdir", "project/b"}},
		{linkageUID, linkageGID, false, []string{"mv", "project/a", "project/z"}},
		{intakeUID, intakeGID, false, []string{"rm", "-f", "project/a/v1.secret"}}, // reads, doesn't manage
		{keeperUID, keeperGID, true, []string{"rm", "-f", "project/a/v1.secret"}},  // manages
		{intakeUID, intakeGID, false, []string{"rm", "-f", "keyring"}},
	} {
		run(t, c.uid, c.gid, c.ok, "sh", append([]string{"-c", `cd "$0" && exec "$@"`, root}, c.command...)...)
	}
}

// TestMakeAKeyAsAnotherUser is run by the test above, as a process of its own.
func TestMakeAKeyAsAnotherUser(t *testing.T) {
	root := os.Getenv("ARK_TEST_KEYRING")
	if root == "" {
		t.Skip("run by TestLayoutIsEnforcedByTheSystem")
	}
	kr, err := Open(root, nil)
	must(t, err)
	must(t, kr.Create(t.Context(), "project/new"))
	_, err = kr.Derive(t.Context(), "project/new", "x")
	must(t, err)
}

func TestLayoutMayBeRepeated(t *testing.T) {
	if os.Getuid() != 0 {
		built.Missing(t, "only root can give files away")
	}
	root, kr := fresh(t)
	must(t, kr.Create(t.Context(), "payload/a"))
	for range 2 {
		must(t, Layout(root, map[keys.Class]Access{keys.Payload: {GID: intakeGID}}))
	}
	info, err := os.Stat(filepath.Join(root, "payload/a/v1.secret"))
	must(t, err)
	if st := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != 0o640 || st.Gid != intakeGID || st.Uid != 0 {
		t.Errorf("mode %v, owner %d:%d", info.Mode(), st.Uid, st.Gid)
	}
}

// openTemp returns a folder that other users can reach, as t.TempDir's can't
// always be.
func openTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ark-layout-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755))
	return dir
}

func run(t *testing.T, uid, gid int, ok bool, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	out, err := cmd.CombinedOutput()
	if (err == nil) != ok {
		t.Errorf("as %d:%d %v: %v (want success %t)\n%s", uid, gid, args, err, ok, out)
	}
}
