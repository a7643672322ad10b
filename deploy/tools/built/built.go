// Package built finds the servers that deploy/tools/build.sh has built, for
// the tests that run against them, and runs them for as long as a test.
//
// It is for tests only and must never be linked into a program. Where CI is
// set, a server that has not been built is a failure; elsewhere the test is
// skipped, saying what to do.
package built

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Path returns the built program of the tool.
func Path(t testing.TB, name string) string {
	t.Helper()
	tools := toolsDir(t)
	cache := os.Getenv("ARK_TOOLS")
	if cache == "" {
		cache = filepath.Join(tools, "..", "..", ".cache", "tools")
	}
	path := filepath.Join(cache, name, hash(t, filepath.Join(tools, name)), name)
	if _, err := os.Stat(path); err != nil {
		Missing(t, name+" has not been built: run deploy/tools/build.sh "+name)
	}
	return path
}

// Missing ends a test that lacks something real: a failure where CI is set, a
// skip elsewhere.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// toolsDir finds deploy/tools from the folder of the test that runs.
func toolsDir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		tools := filepath.Join(dir, "deploy", "tools")
		if _, err := os.Stat(filepath.Join(tools, "build.sh")); err == nil {
			return tools
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("deploy/tools is not in any folder above")
		}
		dir = filepath.Dir(dir)
	}
}

// hash must agree with hash_of in build.sh.
func hash(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if n := e.Name(); n == "go.mod" || n == "go.sum" || strings.HasSuffix(n, ".go") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	all := sha256.New()
	for _, n := range names {
		data, err := os.ReadFile(filepath.Join(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(all, "%x  %s\n", sha256.Sum256(data), n)
	}
	return hex.EncodeToString(all.Sum(nil))[:16]
}

// Run starts the program and ends it with the test. It returns the first line
// of its standard output if firstLine is set; its standard error goes to a file
// that is shown if the test fails. Its standard input stays open until then.
func Run(t testing.TB, firstLine bool, env []string, path string, args ...string) string {
	t.Helper()
	logs, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = logs
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill() // the one started here
		_ = cmd.Wait()
		if text, err := os.ReadFile(logs.Name()); err == nil && t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(path), text)
		}
		_ = logs.Close()
	})
	r := bufio.NewReader(out)
	line := ""
	if firstLine {
		line, err = r.ReadString('\n')
		if err != nil {
			t.Fatalf("%s ended before it was ready: %v", filepath.Base(path), err)
		}
	}
	go func() { _, _ = io.Copy(logs, r) }() // ends with the program
	return line
}

// FreePort returns a TCP port of this machine that nobody listens on now.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Answers waits until something listens on the address.
func Answers(t testing.TB, address string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = c.Close()
			return
		}
	}
	t.Fatalf("nothing answers on %s", address)
}
