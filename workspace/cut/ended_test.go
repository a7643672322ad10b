package cut_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/attest"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/objects"
)

// TestDestroyedVersion: once a version's key is destroyed, nothing of it is
// opened, cut or built again under its name, however often its sealed bytes
// were copied; another version stays. What was cut before stays too, under its
// project's key. The certificate is signed only when all of that is so.
func TestDestroyedVersion(t *testing.T) {
	w := newWorld(t)
	job := w.job(t)
	res, err := w.shop().Build(t.Context(), job)
	must(t, err)
	other := job
	other.Version = "ver_00000000000070008000000000000002"
	left, err := w.shop().Build(t.Context(), other)
	must(t, err)
	before, err := w.cutter().Cut(t.Context(), cutJob("prj_00000000000070008000000000000001", job, res, nil))
	must(t, err)

	end := catalogue.EndVersionJob{Dataset: "community", Version: job.Version, Number: 1, Manifest: res.Manifest.SHA256, Tables: res.Tables, At: time.Unix(1_700_000_000, 0).UTC(),
		Ending: catalogue.Ending{Ordered: "usr_1", Confirmed: "usr_2"}}
	if _, err := w.shop().Certify(t.Context(), end); !ark.Is(err, ark.Forbidden) {
		t.Errorf("certified without evidence: %v", err)
	}
	forged, err := w.ring.Destroy(t.Context(), publish.VersionKey(other.Version))
	must(t, err)
	forged.Name = publish.VersionKey(job.Version)
	end.Ending.Key = &forged
	if _, err := w.shop().Certify(t.Context(), end); !ark.Is(err, ark.Internal) {
		t.Errorf("certified a version that still opens: %v", err)
	}
	for _, table := range left.Tables {
		if _, err := w.st.Open(t.Context(), table.Ref); !ark.Is(err, ark.Lapsed) {
			t.Errorf("%s of the other version: %v", table.Name, err)
		}
	}

	evidence, err := w.ring.Destroy(t.Context(), publish.VersionKey(job.Version))
	must(t, err)
	again, err := w.ring.Destroy(t.Context(), publish.VersionKey(job.Version))
	if err != nil || !again.Time.Equal(evidence.Time) {
		t.Errorf("destroyed again after a crash: %v %v", again, err)
	}
	end.Ending.Key = &evidence
	out, err := w.shop().Certify(t.Context(), end)
	must(t, err)
	if twice, err := w.shop().Certify(t.Context(), end); err != nil || twice.Certificate.SHA256 == "" {
		t.Errorf("certified again after a crash: %v", err)
	}
	signed, err := w.st.Get(t.Context(), out.Certificate)
	must(t, err)
	public, err := w.ring.Public(t.Context(), publish.SigningKey)
	must(t, err)
	raw, err := attest.Verify(t.Context(), signed, publish.CertificateType, public)
	must(t, err)
	var c publish.Certificate
	must(t, json.Unmarshal(raw, &c))
	if c.Manifest != res.Manifest.SHA256 || len(c.Tables) != 2 || c.Ordered != "usr_1" || c.Confirmed != "usr_2" || len(c.Remains) == 0 || c.Key == nil || c.Key.Versions != 1 {
		t.Errorf("the certificate says %s", raw)
	}

	for _, table := range res.Tables {
		if _, err := w.st.Open(t.Context(), table.Ref); !ark.Is(err, ark.Lapsed) {
			t.Errorf("%s opens: %v", table.Name, err)
		}
	}
	fresh := openWorld(t, w.dir) // another process, or another day
	if _, err := fresh.cutter().Cut(t.Context(), cutJob("prj_00000000000070008000000000000002", job, res, nil)); !ark.Is(err, ark.Lapsed) {
		t.Errorf("cut from it: %v", err)
	}
	if _, err := fresh.shop().Build(t.Context(), job); !ark.Is(err, ark.Lapsed) {
		t.Errorf("built again under its name: %v", err)
	}
	if err := w.ring.Create(t.Context(), publish.VersionKey(job.Version)); err == nil {
		t.Error("its key was made anew")
	}
	if _, err := w.st.Put(t.Context(), objects.Versions, "community/"+job.Version+"/more.parquet", publish.VersionKey(job.Version), strings.NewReader("x")); !ark.Is(err, ark.Lapsed) {
		t.Errorf("sealed by it: %v", err)
	}
	if _, err := w.st.Get(t.Context(), res.Manifest); err != nil {
		t.Errorf("its manifest, to which the certificate points: %v", err)
	}
	for _, table := range before.Tables {
		f, err := w.st.Open(t.Context(), table.Ref)
		must(t, err)
		if n, err := io.Copy(io.Discard, f); err != nil || n == 0 {
			t.Errorf("%s of an extract: %v", table.Name, err)
		}
		f.Close()
	}
}
