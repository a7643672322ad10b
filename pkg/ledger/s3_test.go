package ledger_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/s3"
)

// The log in a bucket with object lock on a real S3 server, with two
// sequencers, an export and the verifier.
func TestLogOnARealS3(t *testing.T) {
	server := built.StartS3(t)
	rules := objects.Rules{objects.Ledger: objects.DefaultRules()[objects.Ledger]}
	access := s3.Config{Endpoint: server.Endpoint, Region: server.Region, Access: server.Access, Secret: server.Secret, Prefix: "ark-", Insecure: true}
	must(t, s3.Init(t.Context(), access, rules))
	back, err := s3.Open(t.Context(), access, rules, time.Now)
	must(t, err)
	keyring := filepath.Join(t.TempDir(), "keys")
	must(t, local.Init(keyring))
	ring, err := local.Open(keyring, time.Now)
	must(t, err)
	must(t, ring.Create(t.Context(), "signing/ledger"))
	c := ledger.Config{Tiles: ledger.InStore(objects.New(back, ring, rules)), Keys: ring, Key: "signing/ledger", Origin: origin}
	l, err := ledger.Create(t.Context(), c)
	must(t, err)
	permit := fill(t, l, 300)

	errs := make(chan error)
	for w := range 2 {
		go func() {
			l, err := ledger.Open(t.Context(), c)
			for i := 0; i < 10 && err == nil; i++ {
				from := 1000 + 100*w + 3*i
				_, _, err = l.Append(t.Context(), leaves(from, from+3))
			}
			errs <- err
		}()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	report := verified(t, reopen(t, c), permit.Note)
	if !report.OK() || report.Size != 360 {
		t.Errorf("size %d, %v", report.Size, report.Findings)
	}
	left := 0
	for m, err := range back.List(t.Context(), objects.Ledger, "") {
		must(t, err)
		if m.Name == "tile/0/000.p/255" || m.Name == "pending/0" {
			left++
		}
	}
	if left > 0 {
		t.Errorf("%d superseded parts are still there", left)
	}
	if err := back.Delete(t.Context(), objects.Ledger, "tile/entries/000"); err == nil {
		t.Error("a full bundle could be deleted")
	}
}
