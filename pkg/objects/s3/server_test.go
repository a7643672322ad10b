package s3

import (
	"bytes"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/objectstest"
)

// server starts a real S3 server over a folder of the test's.
func server(t *testing.T) Config {
	t.Helper()
	s := built.StartS3(t)
	return Config{Endpoint: s.Endpoint, Region: s.Region, Access: s.Access, Secret: s.Secret, Insecure: true}
}

func TestContractOnARealServer(t *testing.T) {
	c := server(t)
	var n atomic.Int64
	objectstest.Backend(t, func(t *testing.T) objects.Backend {
		c := c
		c.Prefix = fmt.Sprintf("t%d-", n.Add(1))
		return fresh(t, c)
	})
}

// The server itself refuses to delete what is under retention, also to
// somebody with every right who doesn't ask this package.
func TestServerHoldsRetention(t *testing.T) {
	c := server(t)
	s := fresh(t, c)
	if err := s.Create(t.Context(), objects.Versions, "v1", bytes.NewReader([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	info, err := s.core.StatObject(t.Context(), "versions", "v1", minio.StatObjectOptions{})
	if err != nil || info.VersionID == "" {
		t.Fatalf("%+v, %v", info, err)
	}
	for _, opts := range []minio.RemoveObjectOptions{{VersionID: info.VersionID}, {VersionID: info.VersionID, GovernanceBypass: true}} {
		err = s.core.RemoveObject(t.Context(), "versions", "v1", opts)
		if minio.ToErrorResponse(err).StatusCode != http.StatusForbidden {
			t.Errorf("removing the version (bypass %t): %v; want 403", opts.GovernanceBypass, err)
		}
	}
	var put minio.PutObjectOptions
	_, err = s.core.PutObject(t.Context(), "versions", "v1", bytes.NewReader([]byte("y")), 1, "", "", put)
	t.Logf("overwriting without the condition: %v (a new version at most)", err)
	first, err := s.core.StatObject(t.Context(), "versions", "v1", minio.StatObjectOptions{VersionID: info.VersionID})
	if err != nil || first.Size != 1 || first.ETag != info.ETag {
		t.Errorf("the first version is gone: %+v, %v", first, err)
	}
}

func TestOpenRefusesWhatIsNotReady(t *testing.T) {
	c := server(t)
	if _, err := Open(t.Context(), c, objectstest.Rules(), nil); !ark.Is(err, ark.Unavailable) {
		t.Errorf("without buckets: %v", err)
	}
	unlocked := c
	unlocked.Unlocked = true
	if err := Init(t.Context(), unlocked, objectstest.Rules()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), c, objectstest.Rules(), nil); !ark.Is(err, ark.Unavailable) {
		t.Errorf("retention without object lock: %v", err)
	}
	if err := Init(t.Context(), c, objectstest.Rules()); !ark.Is(err, ark.Conflict) {
		t.Errorf("second Init: %v", err)
	}
	c.Secret = "wrong"
	if _, err := Open(t.Context(), c, objectstest.Rules(), nil); !ark.Is(err, ark.Unavailable) {
		t.Errorf("with a wrong secret: %v", err)
	}
}
