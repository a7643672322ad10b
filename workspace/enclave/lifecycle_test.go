package enclave_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/apps"
	"github.com/ark-tre/ark/workspace/enclave"
	"github.com/ark-tre/ark/workspace/enclave/enclavetest"
)

const secretRow = "patient-row-that-must-not-be-found-in-any-image"

// up provisions a workspace with one extract file and starts JupyterLab in it.
func up(t *testing.T, d *enclavetest.Daemon, project, user string) enclave.Request {
	t.Helper()
	q := request(t, project, user)
	if _, _, err := d.Provision(t.Context(), q, []enclave.File{file("people.csv", strings.Repeat(secretRow+"\n", 2000))}); err != nil {
		t.Fatal(err)
	}
	if err := d.Client.Start(t.Context(), q.ID, q.Key, apps.Jupyter); err != nil {
		t.Fatal(err)
	}
	return q
}

// waitDial dials until the app listens.
func waitDial(t *testing.T, d *enclavetest.Daemon, id string) io.ReadWriteCloser {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 40*time.Second; time.Sleep(50 * time.Millisecond) {
		if conn, err := d.DialApp(t.Context(), id, apps.Jupyter); err == nil {
			return conn
		}
	}
	t.Fatal("the app does not listen")
	return nil
}

func image(d *enclavetest.Daemon, id string) string {
	return filepath.Join(d.Dir, "state/volumes", id+".img")
}

func noPlaintext(t *testing.T, path string, key []byte) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range [][]byte{[]byte(secretRow), []byte("people.csv"), key} {
		if bytes.Contains(raw, secret) {
			t.Errorf("the image of the stopped workspace holds %d bytes of plaintext or key", len(secret))
		}
	}
}

// TestALife walks one workspace through all its states.
func TestALife(t *testing.T) {
	d := enclavetest.Start(t)
	ctx := t.Context()
	q := up(t, d, "prj_a", "usr_a")
	if _, err := d.Client.Status(ctx, q.ID); err != nil {
		t.Fatal(err)
	}

	// A frozen workspace ends its sessions at once and takes no new one.
	conn := waitDial(t, d, q.ID)
	if err := d.Freeze(ctx, q.ID); err != nil {
		t.Fatal(err)
	}
	if ended := make(chan error, 1); true {
		go func() { _, err := conn.Read(make([]byte, 1)); ended <- err }()
		select {
		case err := <-ended:
			if err == nil {
				t.Error("a frozen workspace sent something")
			}
		case <-time.After(2 * time.Second):
			t.Error("a session outlived the freeze")
		}
	}
	if _, err := d.DialApp(ctx, q.ID, apps.Jupyter); !ark.Is(err, ark.Conflict) {
		t.Errorf("dialling a frozen workspace gave %v", err)
	}
	if err := d.Client.Start(ctx, q.ID, q.Key, apps.Jupyter); !ark.Is(err, ark.Conflict) {
		t.Errorf("starting a frozen workspace gave %v", err)
	}
	if err := d.Resume(ctx, q.ID); err != nil {
		t.Fatal(err)
	}
	_ = waitDial(t, d, q.ID).Close()

	// What the researcher made stays over a stop, sealed.
	home := filepath.Join(d.Dir, "run/ws", q.ID, "volume/sealed/home/kept.txt")
	if err := os.WriteFile(home, []byte(secretRow), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := d.Stop(ctx, q.ID); err != nil {
		t.Fatal(err)
	}
	noPlaintext(t, image(d, q.ID), q.Key)
	if _, err := d.ListOutbox(ctx, q.ID); !ark.Is(err, ark.Conflict) {
		t.Errorf("the outbox of a stopped workspace gave %v", err)
	}
	wrong := bytes.Repeat([]byte{7}, 32)
	if err := d.Client.Start(ctx, q.ID, wrong, apps.Jupyter); !ark.Is(err, ark.Forbidden) {
		t.Errorf("starting with another key gave %v", err)
	}
	if err := d.Client.Start(ctx, q.ID, q.Key, apps.Jupyter); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(home); err != nil || string(got) != secretRow {
		t.Errorf("home was not kept: %v", err)
	}

	// A new extract replaces the old one whole; home stays.
	if err := d.Stop(ctx, q.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Provision(ctx, q, []enclave.File{file("second.csv", "x\n")}); err != nil {
		t.Fatal(err)
	}
	info, err := d.Status(ctx, q.ID)
	if err != nil || info.State != enclave.Ready || len(info.Extract) != 1 || info.Extract[0] != "second.csv" {
		t.Errorf("after a new extract: %+v, %v", info, err)
	}
	if err := d.Destroy(ctx, q.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(image(d, q.ID)); !os.IsNotExist(err) {
		t.Error("the image outlived the workspace")
	}
	if _, err := d.Status(ctx, q.ID); !ark.Is(err, ark.Unknown) {
		t.Errorf("a destroyed workspace has the status %v", err)
	}
}

// TestTheDaemonDiesAndComesBack kills the daemon and expects the next one to
// take the workspace back as it was, and to clear away what has no record.
func TestTheDaemonDiesAndComesBack(t *testing.T) {
	d := enclavetest.Start(t)
	q, frozen := up(t, d, "prj_a", "usr_a"), up(t, d, "prj_b", "usr_a")
	_ = waitDial(t, d, q.ID).Close()
	if err := d.Freeze(t.Context(), frozen.ID); err != nil {
		t.Fatal(err)
	}
	stray, lost := up(t, d, "prj_c", "usr_a"), up(t, d, "prj_d", "usr_a")
	if err := d.Freeze(t.Context(), lost.ID); err != nil {
		t.Fatal(err)
	}
	d.Kill()
	// The runtime forgets a sandbox that still runs, as when its folder is lost.
	if err := os.RemoveAll(filepath.Join(d.Dir, "run/runtime/runc", lost.ID)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(d.Dir, "state/records", stray.ID+".json")); err != nil {
		t.Fatal(err)
	}
	d.Launch()
	_ = waitDial(t, d, q.ID).Close() // the same sandbox: no key was handed over again
	if info, err := d.Status(t.Context(), frozen.ID); err != nil || info.State != enclave.Frozen {
		t.Errorf("the frozen workspace came back as %+v, %v", info, err)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), stray.ID) {
		t.Error("the stray workspace's mounts are still there")
	}
	noPlaintext(t, image(d, stray.ID), stray.Key)
	if groups, _ := filepath.Glob("/sys/fs/cgroup/*/ark-enclave/" + lost.ID); len(groups) > 0 || strings.Contains(string(mounts), lost.ID) {
		t.Errorf("the forgotten sandbox is still there: %v", groups)
	}
	if err := d.Resume(t.Context(), frozen.ID); err != nil {
		t.Error(err)
	}

	// A sandbox that dies while the daemon is away leaves its volume closed.
	d.Kill()
	killSandbox(t, d, q.ID)
	d.Launch()
	if info, err := d.Status(t.Context(), q.ID); err != nil || info.State != enclave.Ready {
		t.Errorf("the dead workspace came back as %+v, %v", info, err)
	}
	noPlaintext(t, image(d, q.ID), q.Key)
}

// TestASandboxThatEndsByItselfIsClosed: nobody has to ask for it.
func TestASandboxThatEndsByItselfIsClosed(t *testing.T) {
	d := enclavetest.Start(t)
	q := up(t, d, "prj_a", "usr_a")
	killSandbox(t, d, q.ID)
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if info, err := d.Status(t.Context(), q.ID); err == nil && info.State == enclave.Ready {
			break
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatal("the dead workspace still counts as running")
		}
	}
	noPlaintext(t, image(d, q.ID), q.Key)
	if err := d.Client.Start(t.Context(), q.ID, q.Key, apps.Jupyter); err != nil {
		t.Error(err)
	}
}

// TestACrashWhileProvisioning kills the daemon at several moments of it; the
// same request afterwards succeeds and nothing is left of the first try.
func TestACrashWhileProvisioning(t *testing.T) {
	d := enclavetest.Start(t)
	q := request(t, "prj_a", "usr_a")
	for _, after := range []time.Duration{20, 60, 150, 400, 900} {
		done := make(chan error, 1)
		go func() {
			_, _, err := d.Provision(context.Background(), q, []enclave.File{file("first.csv", secretRow)})
			done <- err
		}()
		time.Sleep(after * time.Millisecond)
		d.Kill()
		<-done
		d.Launch()
	}
	report, _, err := d.Provision(t.Context(), q, []enclave.File{file("second.csv", "x\n")})
	if err != nil || !report.Passed() {
		t.Fatalf("after the crashes: %v", err)
	}
	info, err := d.Status(t.Context(), q.ID)
	if err != nil || info.State != enclave.Ready || len(info.Extract) != 1 {
		t.Errorf("after the crashes: %+v, %v", info, err)
	}
	if err := d.Client.Start(t.Context(), q.ID, q.Key, apps.Jupyter); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(d.Dir, "run/ws", q.ID, "volume/sealed/extract"))
	if err != nil || len(left) != 1 || left[0].Name() != "second.csv" {
		t.Errorf("the extract holds %v, %v", left, err)
	}
}

// killSandbox ends every process of a sandbox, as the kernel might.
func killSandbox(t *testing.T, d *enclavetest.Daemon, id string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.Dir, "run/runtime/runc", id, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		PID int `json:"init_process_pid"`
	}
	if err := json.Unmarshal(text, &state); err != nil || state.PID < 2 {
		t.Fatalf("no process in the runtime's state: %v", err)
	}
	if err := syscall.Kill(state.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
}

// TestOtherUsersAreCutOff: only root and the named users may speak to the daemon.
func TestOtherUsersAreCutOff(t *testing.T) {
	d := enclavetest.Start(t)
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("needs curl")
	}
	ask := func(uid uint32) ([]byte, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c := exec.CommandContext(ctx, curl, "-s", "--unix-socket", d.Socket, "http://enclave/v1/workspaces")
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid, NoSetGroups: true}}
		return c.Output()
	}
	if out, err := ask(0); err != nil {
		t.Fatalf("root was cut off: %v %s", err, out)
	}
	if out, err := ask(65534); err == nil {
		t.Errorf("another user was answered: %s", out)
	}
}

// TestBadRequests: each gets its kind of refusal and leaves nothing.
func TestBadRequests(t *testing.T) {
	d := enclavetest.Start(t)
	ctx := t.Context()
	good := request(t, "prj_a", "usr_a")
	for name, c := range map[string]struct {
		spoil func(*enclave.Request)
		kind  ark.Kind
	}{
		"climbing id":   {func(q *enclave.Request) { q.ID = "../../etc" }, ark.Invalid},
		"no project":    {func(q *enclave.Request) { q.Project = "" }, ark.Invalid},
		"short key":     {func(q *enclave.Request) { q.Key = q.Key[:16] }, ark.Invalid},
		"no key":        {func(q *enclave.Request) { q.Key = nil }, ark.Invalid},
		"tiny disk":     {func(q *enclave.Request) { q.Limits.DiskBytes = 1 }, ark.Invalid},
		"enormous disk": {func(q *enclave.Request) { q.Limits.DiskBytes = 1 << 60 }, ark.TooMuch},
		"no memory":     {func(q *enclave.Request) { q.Limits.MemoryBytes = 0 }, ark.Invalid},
		"no limits":     {func(q *enclave.Request) { q.Limits = enclave.Limits{} }, ark.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			q := good
			c.spoil(&q)
			if _, _, err := d.Provision(ctx, q, nil); !ark.Is(err, c.kind) {
				t.Errorf("got %v, want %s", err, c.kind)
			}
			if err := d.Client.Start(ctx, good.ID, good.Key, apps.Jupyter); err == nil {
				t.Error("what was refused could be started")
			}
		})
	}
	if _, _, err := d.Provision(ctx, good, []enclave.File{file("../../escape", "x")}); err == nil {
		t.Error("a climbing extract name was taken")
	}
	if err := d.Client.Start(ctx, good.ID, good.Key, apps.Jupyter); !ark.Is(err, ark.Conflict) {
		t.Errorf("a half provisioned workspace could be started: %v", err)
	}
	if _, err := d.DialApp(ctx, good.ID, "sh"); !ark.Is(err, ark.Invalid) {
		t.Errorf("an unknown app gave %v", err)
	}
	if _, err := d.DialApp(ctx, "x\r\nHost: y", "sql"); !ark.Is(err, ark.Invalid) {
		t.Errorf("a spoilt id gave %v", err)
	}
}
