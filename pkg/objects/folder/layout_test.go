package folder

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/objectstest"
)

// Two roles of the test and the groups of two zones. The first role is in both
// groups, as a worker that reads one zone and writes the other.
const (
	writerUID, readerUID = 64111, 64112
	payloadGID, idsGID   = 64211, 64212
	outsider             = 64119
)

// The operating system decides, not this package: other users' processes try
// to reach the zones of a store that Layout has laid out.
func TestLayoutIsEnforcedByTheSystem(t *testing.T) {
	if os.Getuid() != 0 {
		built.Missing(t, "only root can act as other users")
	}
	dir, err := os.MkdirTemp("/tmp", "ark-layout-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "objects")
	if err := Init(root, objectstest.Rules()); err != nil {
		t.Fatal(err)
	}
	f, err := Open(root, objectstest.Rules(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, z := range []objects.Zone{objects.Payload, objects.Identifiers} {
		if err := f.Create(t.Context(), z, "dlv/a", bytes.NewReader([]byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // it may be repeated
		err = Layout(root, objectstest.Rules(), map[objects.Zone]int{objects.Payload: payloadGID, objects.Identifiers: idsGID})
		if err != nil {
			t.Fatal(err)
		}
	}
	both, one := []uint32{payloadGID, idsGID}, []uint32{payloadGID}
	for _, c := range []struct {
		uid    uint32
		groups []uint32
		ok     bool
		script string
	}{
		{writerUID, both, true, "cat payload/dlv/a && cat identifiers/dlv/a"},
		{writerUID, both, true, "umask 077; mkdir payload/new && chmod 2770 payload/new && echo y > payload/new/b && chmod 440 payload/new/b"},
		{readerUID, one, true, "cat payload/new/b"}, // what another of the group wrote
		{readerUID, one, false, "cat identifiers/dlv/a"},
		{readerUID, one, false, "ls identifiers"},
		{readerUID, one, false, "ls versions"}, // granted to nobody
		{readerUID, one, false, "echo z > payload/dlv/a"},
		{outsider, nil, false, "ls payload"},
		{outsider, nil, false, "cat payload/dlv/a"},
		{outsider, nil, true, "cat objects"},
	} {
		cmd := exec.Command("sh", "-c", `cd "$0" && eval "$1"`, root, c.script)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: c.uid, Gid: c.uid, Groups: c.groups}}
		out, err := cmd.CombinedOutput()
		if (err == nil) != c.ok {
			t.Errorf("as %d in %v: %s: %v (want success %t)\n%s", c.uid, c.groups, c.script, err, c.ok, out)
		}
	}
}
