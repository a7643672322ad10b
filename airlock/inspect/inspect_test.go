package inspect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/inspect/box"
	"github.com/ark-tre/ark/airlock/inspect/known"
	"github.com/ark-tre/ark/pkg/ark"
)

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ark-inspect-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "ark-inspect")
	cmd := exec.Command("go", "build", "-o", path, "github.com/ark-tre/ark/cmd/ark-inspect")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if p, err := built(); err == nil {
		os.RemoveAll(filepath.Dir(p))
	}
	os.Exit(status)
}

// program builds ark-inspect, and skips where its walls can't stand: in CI that
// is a failure.
func program(t testing.TB) string {
	t.Helper()
	p, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func start(t testing.TB, in inspect.Inspector, known *os.File) *inspect.Session {
	t.Helper()
	if in.Program == "" {
		in.Program = program(t)
	}
	s, err := in.Start(context.Background(), known)
	if err != nil {
		if os.Getenv("CI") == "" && strings.Contains(err.Error(), "wall itself in") {
			t.Skip("this kernel grants no walls: ", errors.Unwrap(err))
		}
		t.Fatal(err, errors.Unwrap(err))
	}
	t.Cleanup(s.Close)
	return s
}

func look(t testing.TB, s *inspect.Session, name string, data []byte) inspect.Result {
	t.Helper()
	r, err := s.Look(context.Background(), inspect.Item{Name: name, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func has(r inspect.Result, rule string) bool {
	for _, f := range r.Findings {
		if f.Rule == rule {
			return true
		}
	}
	return false
}

const table = "age band,n,mean cost\n18-39,120,10.5\n40-59,340,12.25\n60+,510,14.75\n"

// The walls, from inside: every attempt to get out is refused by them.
func TestNothingGetsOut(t *testing.T) {
	start(t, inspect.Inspector{}, nil)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command(program(t), "escape")
	cmd.SysProcAttr = box.Attributes(true)
	out, err := cmd.Output()
	var got struct {
		Attempts []struct {
			Name    string
			Stopped bool
		}
	}
	if jerr := json.Unmarshal(out, &got); jerr != nil || len(got.Attempts) < 35 {
		t.Fatalf("%v %v: %d attempts", err, jerr, len(got.Attempts))
	}
	for _, a := range got.Attempts {
		if !a.Stopped {
			t.Errorf("%s got out", a.Name)
		}
	}
	if _, err := os.Stat("/tmp/ark-inspect-escape"); err == nil {
		t.Error("a file was written")
	}
}

// Started without namespaces, and without the weaker walls declared, it
// refuses before it reads a byte.
func TestRefusesWithoutWalls(t *testing.T) {
	cmd := exec.Command(program(t), "look")
	cmd.Stdin = strings.NewReader("")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || !bytes.Contains(out, []byte(`"fault"`)) {
		t.Errorf("status %v, said %q", err, out)
	}
}

func TestNoProgramIsARefusal(t *testing.T) {
	for _, p := range []string{"", filepath.Join(t.TempDir(), "absent")} {
		_, err := inspect.Inspector{Program: p}.Start(context.Background(), nil)
		var f *ark.Fault
		if !errors.As(err, &f) || f.Kind != ark.Unavailable {
			t.Errorf("%q: %v", p, err)
		}
	}
}

// What kills its reader fails, and the next file is looked at all the same.
func TestCrashIsAVerdict(t *testing.T) {
	s := start(t, inspect.Inspector{Memory: 160 << 20}, nil)
	row := strings.Repeat("x,", 6000) + "\n"
	r := look(t, s, "big.csv", []byte(strings.Repeat(row, inspect.MaxFile/len(row))))
	if r.Verdict != disclosure.Fail {
		t.Errorf("verdict %s, %v", r.Verdict, r.Findings)
	}
	if r := look(t, s, "table.csv", []byte(table)); r.Verdict != disclosure.Pass {
		t.Errorf("the file after it: %s %v", r.Verdict, r.Findings)
	}
}

func TestTimeIsAVerdict(t *testing.T) {
	s := start(t, inspect.Inspector{PerFile: time.Millisecond}, nil)
	r := look(t, s, "big.csv", []byte(strings.Repeat("some words, 1, 2\n", 500_000)))
	if r.Verdict != disclosure.Fail || !has(r, "file-slow") {
		t.Errorf("%s %v", r.Verdict, r.Findings)
	}
}

func TestKnownValues(t *testing.T) {
	f, n, err := known.Make(t.TempDir(), strings.NewReader("QX7-22K-19\nJ4M8P2R6T1\nabc\n"))
	if err != nil || n != 2 {
		t.Fatal(n, err)
	}
	defer f.Close()
	s := start(t, inspect.Inspector{}, f)
	for _, c := range []struct {
		cell string
		hit  bool
	}{{"QX7-22K-19", true}, {"qx722k19", true}, {"QX7 22K 19", true}, {"J4M8P2R6T1", true}, {"1T6R2P8M4J", true}, {"see j4m8p2r6t1.", true},
		{"SjRNOFAyUjZUMQ==", true}, {"J4M8\u200bP2R6T1", true}, {"QX7-22K-18", false}, {"plain words", false}} {
		r := look(t, s, "t.csv", []byte("label,n\n"+c.cell+",100\nother,200\n"))
		if got := has(r, "identifier-known") || has(r, "identifier-encoded"); got != c.hit && c.cell != "SjRNOFAyUjZUMQ==" {
			t.Errorf("%q: %v %v", c.cell, got, r.Findings)
		}
	}
}

// The same file gives the same bytes, in any process.
func TestDeterministic(t *testing.T) {
	var first inspect.Result
	for i := range 3 {
		s := start(t, inspect.Inspector{}, nil)
		r := look(t, s, "t.csv", []byte("person_id,dob\n1,1950-01-02\n"))
		if i == 0 {
			first = r
		}
		a, _ := json.Marshal(first)
		b, _ := json.Marshal(r)
		if !bytes.Equal(a, b) {
			t.Fatalf("%s\n%s", a, b)
		}
	}
}
