package selftest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Exit statuses of one attempt's process.
const (
	exitRefused   = 10
	exitSucceeded = 11
)

// Inside runs every attempt, each as a process `self attempt NAME TARGET`, and
// returns the report. It is called in the sandbox.
func Inside(ctx context.Context, self string, target Target) Report {
	start := time.Now()
	aim, err := json.Marshal(target)
	if err != nil {
		return Report{}
	}
	var r Report
	if err := plant(target); err != nil {
		return Report{Results: []Result{{Attempt: "plant", Tries: "set traps in the outbox", How: err.Error()}}}
	}
	for _, a := range attempts() {
		r.Results = append(r.Results, runOne(ctx, self, a, string(aim)))
	}
	r.Took = time.Since(start)
	return r
}

func runOne(ctx context.Context, self string, a attempt, aim string) Result {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "attempt", a.name, aim)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.CombinedOutput()
	result := Result{Attempt: a.name, Tries: a.tries, How: strings.TrimSpace(string(out))}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		result.How = "no outcome within 20 s"
	case errors.As(err, &exit) && exit.ExitCode() == exitRefused:
		result.Outcome = Refused
	case errors.As(err, &exit) && killed(exit):
		result.Outcome, result.How = Refused, "the kernel ended the process"
	case errors.As(err, &exit) && exit.ExitCode() == exitSucceeded:
		result.Outcome = Succeeded
	default:
		result.How = fmt.Sprintf("the attempt broke: %v %.200s", err, result.How)
	}
	return result
}

// killed says whether the kernel's out-of-memory killer or a seccomp filter
// ended the process; no other signal counts as a refusal.
func killed(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGKILL || status.Signal() == syscall.SIGSYS)
}

// Attempt runs the attempt called name in this process and returns the exit
// status that Inside understands.
func Attempt(name, aim string) int {
	var target Target
	if err := json.Unmarshal([]byte(aim), &target); err != nil {
		fmt.Fprintln(os.Stderr, "the target is unreadable:", err)
		return 1
	}
	for _, a := range attempts() {
		if a.name != name {
			continue
		}
		if err := a.try(target); err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", "; "))
			return exitRefused
		}
		fmt.Println("nothing stopped it")
		return exitSucceeded
	}
	fmt.Fprintln(os.Stderr, "no such attempt")
	return 1
}
