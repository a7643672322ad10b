package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/demonstration"
	"github.com/ark-tre/ark/pkg/identity/issuer"
	"github.com/ark-tre/ark/pkg/instance"
	"github.com/ark-tre/ark/workspace/runtime"
)

// desk is the command line of the demonstration's users.
type desk struct {
	t              *testing.T
	ark, tmp, at   string
	config         instance.Config
	tree, password string
	quiet          bool // while asking again and again
}

// need skips the test, or fails it in CI, when a real part is missing.
func need(t *testing.T, there bool, what string) {
	t.Helper()
	switch {
	case there:
	case os.Getenv("CI") != "":
		t.Fatal("missing in CI: ", what)
	default:
		t.Skip("needs ", what)
	}
}

// newDesk is a desk with the built programs and a folder that goes with the
// test; its Ark's folder is Dir, which is not there yet.
func newDesk(t *testing.T) (d *desk, dir string) {
	t.Helper()
	need(t, os.Geteuid() == 0, "root, for roles under users of their own")
	tree, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ark", "ark-engine", "ark-enclaved"} {
		_, err := os.Stat(filepath.Join(tree, "bin", name))
		need(t, err == nil, "bin/"+name+": make build")
	}
	tmp, err := os.MkdirTemp("", "ark-online-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tmp) })
	if err := os.Chmod(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	return &desk{t: t, ark: filepath.Join(tree, "bin", "ark"), tmp: tmp, tree: tree, password: filepath.Join(tmp, "password")}, filepath.Join(tmp, "ark")
}

// served makes an empty demonstration of 300 people and serves it by the
// built program, until the test ends.
func served(t *testing.T) *desk {
	t.Helper()
	d, dir := newDesk(t)
	t.Cleanup(func() {
		rooms, err := filepath.Glob(filepath.Join(dir, "workspaces", "records", "*.json"))
		if err == nil {
			err = demonstration.Remove(context.Background(), dir)
		}
		if err != nil {
			t.Error(err)
		}
		for _, r := range rooms {
			id := strings.TrimSuffix(filepath.Base(r), ".json")
			if len(runtime.Groups(id)) > 0 {
				t.Errorf("workspace %s runs on in an Ark that was removed", id)
			}
		}
	})
	o := demonstration.Options{Dir: dir, Tree: d.tree, Listen: freeAddress(t), People: 300, Seed: 7, Say: t.Logf}
	if err := demonstration.Make(t.Context(), o, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	d.usePrograms(dir, filepath.Join(d.tree, "bin"))
	d.at = d.config.Origin
	d.hasPassword(instance.DemoPassword)
	d.serve(dir)
	d.as("root", 2, "is running — stop it first", "demo", "--dir", dir, "--reset")
	return d
}

// hasPassword has the users type this password from now on.
func (d *desk) hasPassword(password string) {
	d.t.Helper()
	if err := os.WriteFile(d.password, []byte(password+"\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// usePrograms names the built programs in the configuration, where Make put
// the folder of this test binary.
func (d *desk) usePrograms(dir, bin string) {
	name := filepath.Join(dir, "config.yaml")
	text, err := os.ReadFile(name)
	if err != nil {
		d.t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "programs:") {
			lines[i] = "programs: " + strconv.Quote(bin)
		}
	}
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		d.t.Fatal(err)
	}
	if d.config, err = instance.Load(dir); err != nil || d.config.Programs != bin {
		d.t.Fatal("the configuration does not name the programs: ", err)
	}
}

func freeAddress(t *testing.T) string {
	for range 50 {
		at := "127.0.0.1:" + strconv.Itoa(21100+rand.IntN(4000))
		if l, err := net.Listen("tcp", at); err == nil {
			l.Close()
			return at
		}
	}
	t.Fatal("no port is free")
	return ""
}

func (d *desk) serve(dir string) {
	log, err := os.Create(filepath.Join(d.tmp, "log"))
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(d.ark, "serve", "--dir", dir)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	d.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			d.t.Error("ark serve did not stop")
		}
		log.Close()
		if d.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			d.t.Logf("%.4000s", text)
		}
	})
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		select {
		case err := <-ended:
			ended <- err
			d.t.Fatal("ark serve ended: ", err)
		default:
		}
		if resp, err := http.Get(d.at + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
	}
	d.t.Fatal("ark serve is not ready after a minute")
}

// as runs a command as a user and holds its exit status and what it says
// against what is wanted.
func (d *desk) as(user string, status int, says string, args ...string) string {
	d.t.Helper()
	start := time.Now()
	cmd := exec.CommandContext(d.t.Context(), d.ark, args...)
	home := filepath.Join(d.tmp, "home-"+user)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "ARK_ORIGIN="+d.at)
	out, err := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != status || !strings.Contains(string(out), says) {
		d.t.Fatalf("%s: ark %s: exit status %d, want %d and %q (%v)\n%s", user, strings.Join(args, " "), got, status, says, err, out)
	}
	if d.quiet {
		return string(out)
	}
	d.t.Logf("%5.1f s  %s: ark %.80s: %.160q", time.Since(start).Seconds(), user, strings.Join(args, " "), out)
	return string(out)
}

// signIn signs a user in by the command, with the code their authenticator
// would show.
func (d *desk) signIn(user string) {
	d.t.Helper()
	code := d.code(user, 0)
	d.as(user, 2, "signing in failed", "sign-in", user, "--password-file", d.password, "--code", wrong(code))
	d.as(user, 0, "signed in as", "sign-in", user, "--password-file", d.password, "--code", code)
}

// secret is what the user's authenticator was given.
func (d *desk) secret(user string) string {
	d.t.Helper()
	accounts, err := issuer.OpenFileDirectory(d.config.Path("identity", "accounts.json"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, a := range accounts.Accounts(d.t.Context()) {
		if a.UserName == user {
			return a.TOTPSecret
		}
	}
	d.t.Fatal("there is no user ", user)
	return ""
}

// wrong is a code that is not this one.
func wrong(code string) string {
	return string('0'+(code[0]-'0'+5)%10) + code[1:]
}

// TestOnline walks a delivery to a rounded count by the command line alone.
func TestOnline(t *testing.T) {
	d := served(t)
	region := d.config.Path("region")
	deploy := filepath.Join(d.tree, "deploy", "demo")
	d.signIn("erin")
	d.signIn("amina")

	contract := filepath.Join(deploy, "contracts", "emergency.yaml")
	d.as("amina", 2, "ark: ", "source", "add", "ed-01", "A01", contract)
	d.as("erin", 0, "source ed-01", "source", "add", "ed-01", "A01", contract, "--title", "Emergency department")
	feed := filepath.Join(region, "deliveries", "ed-01")
	d.as("erin", 0, "accepted: ", "deliver", "ed-01", "2024-10", filepath.Join(feed, "2024-10"))
	d.as("erin", 0, "accepted: ", "deliver", "--resume", "ed-01", "2025-01", filepath.Join(feed, "2025-01"))
	d.as("amina", 2, "no source of that name", "deliver", "ed-01", "by-amina", filepath.Join(feed, "2024-10"))
	d.spoiled(feed)
	d.as("erin", 0, "received the list of optouts", "list", "optouts", filepath.Join(region, "lists", "optouts.dat"))

	d.as("amina", 2, "ark: ", "linkage", "run")
	if out := d.as("erin", 0, " persons (", "linkage", "run"); strings.Contains(out, " 0 persons") {
		t.Error("nobody was linked: ", out)
	}
	offer := filepath.Join(deploy, "datasets", "emergency-care.yaml")
	d.as("erin", 0, "dataset emergency-care", "dataset", "offer", offer)
	d.as("amina", 2, "ark: ", "publish", "emergency-care")
	d.as("erin", 0, "emergency-care version 1 is published", "publish", "emergency-care")

	d.as("amina", 0, "emergency-care", "catalogue")
	d.as("amina", 0, "attendances.alcohol_related", "catalogue", "emergency-care")
	d.as("amina", 2, "ark: ", "feasibility", "emergency-care", "person=1=1; DROP TABLE users")
	var f struct{ State, People string }
	out := d.as("amina", 0, "answered", "feasibility", "emergency-care", "person=year_of_birth <= 2006", "--json")
	if err := json.Unmarshal([]byte(out), &f); err != nil {
		t.Fatal(err)
	}
	if n, err := strconv.Atoi(strings.ReplaceAll(f.People, ",", "")); !strings.HasPrefix(f.People, "fewer than") && (err != nil || n%5 != 0) {
		t.Errorf("the count %q is not rounded", f.People)
	}
	d.outside()
	d.as("amina", 0, "signed out", "sign-out")
	d.as("amina", 2, "not signed in", "catalogue")
}

// spoiled delivers a file that is not what its manifest says.
func (d *desk) spoiled(feed string) {
	bad := filepath.Join(d.tmp, "bad")
	if err := os.CopyFS(bad, os.DirFS(filepath.Join(feed, "2025-01"))); err != nil {
		d.t.Fatal(err)
	}
	name := filepath.Join(bad, "manifest.json")
	text, err := os.ReadFile(name)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(text), `"2025-01"`, `"bad"`, 1)), 0o600); err != nil {
		d.t.Fatal(err)
	}
	table := filepath.Join(bad, "attendances.csv")
	data, err := os.ReadFile(table)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(table, append(data, '\n'), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.as("erin", 1, "blocked: ", "deliver", "ed-01", "bad", bad)
}

// outside copies and verifies the ledger as somebody without an account.
func (d *desk) outside() {
	resp, err := http.Get(d.at + "/ledger/key")
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	key, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	name, dir := filepath.Join(d.tmp, "ledger.pub"), filepath.Join(d.tmp, "ledger")
	if err := os.WriteFile(name, key, 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.as("nobody", 0, "fetched ", "ledger", "fetch", "--key", name, d.at+"/ledger/log", dir)
	d.as("nobody", 0, "verified: ", "ledger", "verify", "--key", name, dir)
	d.as("nobody", 0, "BEGIN PUBLIC KEY", "release", "key", "--dir", d.config.Path())
}
