package selftest

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestTheAttemptsCanSucceed runs the harmless attempts without a sandbox, as
// root, where each must get through: an attempt that is refused even there
// would say nothing about a sandbox. The others are shown able to succeed by
// the weakened sandboxes of package runtime, or can't be tried on a real host.
func TestTheAttemptsCanSucceed(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("CI must run this as root")
		}
		t.Skip("needs root")
	}
	dir := t.TempDir()
	bait, err := NewBait(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer bait.Close()
	target := bait.Target
	target.Extract, target.Home, target.Outbox = t.TempDir(), t.TempDir(), t.TempDir()
	aim, err := json.Marshal(target)
	if err != nil {
		t.Fatal(err)
	}
	// What a build machine may itself forbid to root.
	mayFail := []string{"proc-1-root", "netlink-audit", "oom-immunity", "capabilities", "userfaultfd", "keyctl", "add-key", "fanotify", "bpf", "mknod-block", "realtime", "process-memory", "syslog"}
	refused := 0
	for _, a := range attempts() {
		if !a.harmless {
			continue
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestAttemptProcess$")
		cmd.Env = append(os.Environ(), "ARK_ATTEMPT="+a.name, "ARK_TARGET="+string(aim))
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() == exitSucceeded {
			continue
		}
		if slices.Contains(mayFail, a.name) {
			refused++
			t.Logf("%s is refused on this host too: %s", a.name, strings.TrimSpace(string(out)))
			continue
		}
		t.Errorf("%s is refused without a sandbox: %s", a.name, strings.TrimSpace(string(out)))
	}
	if refused == len(mayFail) {
		t.Error("this host refuses root everything: run the tests on another")
	}
}

// TestAttemptProcess is the child of the test above.
func TestAttemptProcess(t *testing.T) {
	name := os.Getenv("ARK_ATTEMPT")
	if name == "" {
		t.Skip("only as a child process")
	}
	os.Exit(Attempt(name, os.Getenv("ARK_TARGET")))
}

func TestAReportPassesOnlyWhole(t *testing.T) {
	whole := make([]Result, AtLeast)
	for i := range whole {
		whole[i] = Result{Attempt: "x", Outcome: Refused}
	}
	spoilt := func(o Outcome) []Result {
		s := slices.Clone(whole)
		s[7].Outcome = o
		return s
	}
	for name, c := range map[string]struct {
		results []Result
		want    bool
	}{
		"zero":          {nil, false},
		"too few":       {whole[:AtLeast-1], false},
		"all refused":   {whole, true},
		"one succeeded": {spoilt(Succeeded), false},
		"one undecided": {spoilt(""), false},
		"one unknown":   {spoilt("fine"), false},
	} {
		if got := (Report{Results: c.results}).Passed(); got != c.want {
			t.Errorf("%s: passed %t", name, got)
		}
	}
}

func TestEveryAttemptHasANameOfItsOwn(t *testing.T) {
	names := Names()
	if len(names) < AtLeast {
		t.Errorf("only %d attempts", len(names))
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error("two attempts share a name")
	}
}
