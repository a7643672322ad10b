package enclave_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/enclave"
	"github.com/ark-tre/ark/workspace/enclave/enclavetest"
)

func limits() enclave.Limits {
	l := enclave.DefaultLimits()
	l.DiskBytes, l.MemoryBytes = 64<<20, 1<<30
	return l
}

func request(t *testing.T, project, user string) enclave.Request {
	t.Helper()
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	return enclave.Request{ID: strings.ReplaceAll(ark.MakeID(ark.PrefixWorkspace), ".", "-"), Project: project, User: user, Limits: limits(), Key: key}
}

func file(name, text string) enclave.File {
	return enclave.File{Name: name, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func TestSelfTestInARealSandbox(t *testing.T) {
	d := enclavetest.Start(t)
	if err := d.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	report, sums, err := d.Provision(t.Context(), request(t, "prj_a", "usr_a"), []enclave.File{file("t.csv", "a,b\n1,2\n")})
	var table bytes.Buffer
	_, _ = report.WriteTo(&table)
	t.Logf("provisioned in %s\n%s", time.Since(begin).Round(time.Millisecond), table.String())
	if err != nil {
		t.Fatal(err)
	}
	if !report.Passed() || len(report.Results) < 90 {
		t.Errorf("%d attempts, passed %t", len(report.Results), report.Passed())
	}
	if again, err := d.SelfTest(t.Context()); err != nil || !again.Passed() {
		t.Errorf("the self-test on its own gave %v, %v", again.Failures(), err)
	}
	if all, err := d.List(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("the self-test left %v, %v", all, err)
	}
	if sums["t.csv"] == "" {
		t.Error("no hash of the extract came back")
	}
}
