package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/linkage"
)

// TestMain lets the test binary be a run that is killed.
func TestMain(m *testing.M) {
	if in := os.Getenv("ARK_TEST_LINK_IN"); in != "" {
		_, err := Link(context.Background(), Request{Inputs: []Input{{"in", in}}, Out: os.Getenv("ARK_TEST_LINK_OUT"), Options: linkage.Options{Threads: 4}})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestKilledRunsLeaveNothingHalf: a run that is killed at any moment leaves
// under the names of the outputs either nothing or the whole file, and run
// again gives the bytes that an undisturbed run gives, at another number of
// threads too.
func TestKilledRunsLeaveNothingHalf(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("id,given_name,family_name,date_of_birth,postcode\n")
	for i := range 10_000 {
		who := i / 2
		fmt.Fprintf(&b, "%d,given%d,family%d,%d-%02d-%02d,M%d %dAB\n", i, who%700+i%2*(who%11/10), who%1300, 1930+who%90, 1+who%12, 1+who%28, 1+who%40, who%9)
	}
	in := write(t, dir, "in.csv", b.String())
	want := filepath.Join(dir, "want")
	began := time.Now()
	run(t, Request{Inputs: []Input{{"in", in}}, Out: want, Options: linkage.Options{Threads: 1}})
	whole := time.Since(began)
	outputs := []string{"pairs.parquet", "clusters.parquet", "report.json", "report.html"}
	same := func(out string, must bool) {
		t.Helper()
		for _, name := range outputs {
			got, err := os.ReadFile(filepath.Join(out, name))
			if errors.Is(err, os.ErrNotExist) && !must {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if ref, err := os.ReadFile(filepath.Join(want, name)); err != nil || !bytes.Equal(ref, got) {
				t.Fatalf("%s is not what an undisturbed run writes (%v)", name, err)
			}
		}
	}
	out := filepath.Join(dir, "out")
	killed := 0
	for i := range 6 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "ARK_TEST_LINK_IN="+in, "ARK_TEST_LINK_OUT="+out)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(whole * time.Duration(i+1) / 6)
		_ = cmd.Process.Signal(syscall.SIGKILL)
		if cmd.Wait() != nil {
			killed++
		}
		same(out, false)
	}
	if killed == 0 {
		t.Error("no run was killed before it ended")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ARK_TEST_LINK_IN="+in, "ARK_TEST_LINK_OUT="+out)
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	same(out, true)
}
