package walls

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// attempts are tried inside the walls; each must fail.
func attempts(inside, outside string) map[string]func() error {
	return map[string]func() error{
		"read-outside":     func() error { _, err := os.ReadFile(filepath.Join(outside, "secret")); return err },
		"read-etc":         func() error { _, err := os.ReadFile("/etc/passwd"); return err },
		"read-environ":     func() error { _, err := os.ReadFile("/proc/self/environ"); return err },
		"list-root":        func() error { _, err := os.ReadDir("/"); return err },
		"write-outside":    func() error { return os.WriteFile(filepath.Join(outside, "x"), nil, 0o600) },
		"truncate-outside": func() error { return os.Truncate(filepath.Join(outside, "secret"), 0) },
		"remove-outside":   func() error { return os.Remove(filepath.Join(outside, "secret")) },
		"rename-out":       func() error { return os.Rename(filepath.Join(inside, "own"), filepath.Join(outside, "moved")) },
		"symlink-out": func() error {
			if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(inside, "link")); err != nil {
				return err
			}
			_, err := os.ReadFile(filepath.Join(inside, "link"))
			return err
		},
		"dotdot": func() error {
			_, err := os.ReadFile(filepath.Join(inside, "..", filepath.Base(outside), "secret"))
			return err
		},
		"tcp":          func() error { _, err := net.Dial("tcp", "127.0.0.1:1"); return denied(err) },
		"udp":          func() error { _, err := net.Dial("udp", "127.0.0.1:53"); return denied(err) },
		"unix":         func() error { _, err := net.Dial("unix", filepath.Join(inside, "s")); return denied(err) },
		"listen":       func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return denied(err) },
		"socketpair":   func() error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0); return denied(err) },
		"exec":         func() error { return denied(exec.Command("/bin/true").Run()) },
		"ptrace":       func() error { return denied(unix.PtraceAttach(os.Getppid())) },
		"userns":       func() error { return denied(unix.Unshare(unix.CLONE_NEWUSER)) },
		"mount":        func() error { return denied(unix.Mount("none", inside, "tmpfs", 0, "")) },
		"chroot":       func() error { return denied(unix.Chroot(inside)) },
		"setuid":       func() error { _, _, e := unix.RawSyscall(unix.SYS_SETUID, 0, 0, 0); return denied(number(e)) },
		"bpf":          func() error { _, _, e := unix.RawSyscall(unix.SYS_BPF, 0, 0, 0); return denied(number(e)) },
		"io-uring":     func() error { _, _, e := unix.RawSyscall(unix.SYS_IO_URING_SETUP, 1, 0, 0); return denied(number(e)) },
		"process-read": func() error { _, err := unix.ProcessVMReadv(os.Getppid(), nil, nil, 0); return denied(err) },
	}
}

func number(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

// denied takes only a refusal by the walls for a refusal: "connection refused"
// would mean that the socket existed.
func denied(err error) error {
	if err != nil && !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.EACCES) {
		return nil
	}
	return err
}

func TestWalls(t *testing.T) {
	if dir := os.Getenv("WALLS_CHILD"); dir != "" {
		child(t, dir)
		return
	}
	dir := t.TempDir()
	for _, d := range []string{"inside", "outside"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"inside/own", "outside/secret", "ro"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestWalls$", "-test.v")
	cmd.Env = []string{"WALLS_CHILD=" + dir, "TMPDIR=" + filepath.Join(dir, "inside")}
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "offers Landlock ABI") {
		if os.Getenv("CI") != "" {
			t.Fatalf("no Landlock here: %s", out)
		}
		t.Skip("the kernel has no Landlock")
	}
	if err != nil || !strings.Contains(string(out), "walls-held") {
		t.Fatalf("%v\n%s", err, out)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "outside/secret")); err != nil || string(b) != "x" {
		t.Errorf("the secret was touched: %v", err)
	}
}

func child(t *testing.T, dir string) {
	inside, outside := filepath.Join(dir, "inside"), filepath.Join(dir, "outside")
	report, err := Raise(Plan{ReadWrite: []string{inside}, ReadOnly: []string{filepath.Join(dir, "ro")}, FileSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(report)
	t.Logf("%s", b)
	for name, try := range attempts(inside, outside) {
		if try() == nil {
			t.Errorf("%s succeeded", name)
		}
	}
	if _, err := os.ReadFile(filepath.Join(dir, "ro")); err != nil {
		t.Errorf("the file granted for reading: %v", err)
	}
	if err := os.WriteFile(filepath.Join(inside, "own"), []byte("y"), 0o600); err != nil {
		t.Errorf("the folder granted for writing: %v", err)
	}
	if !t.Failed() {
		t.Log("walls-held")
	}
}
