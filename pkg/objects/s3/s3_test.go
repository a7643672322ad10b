package s3

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/objectstest"
)

// The contract over a fake server in this process: the fast run. It has no
// object lock; server_test.go runs a real server.
func TestContractInProcess(t *testing.T) {
	fake := gofakes3.New(s3mem.New()).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 && r.Header.Get("Content-Length") == "" {
			r.Header.Set("Content-Length", "0") // the fake wants it spelt out
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	c := Config{Endpoint: strings.TrimPrefix(server.URL, "http://"), Region: "us-east-1", Access: "access", Secret: "secret", Insecure: true, Unlocked: true}
	var n atomic.Int64
	objectstest.Backend(t, func(t *testing.T) objects.Backend {
		c := c
		c.Prefix = fmt.Sprintf("t%d-", n.Add(1))
		return fresh(t, c)
	})
}

func fresh(t *testing.T, c Config) *Store {
	t.Helper()
	if err := Init(t.Context(), c, objectstest.Rules()); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), c, objectstest.Rules(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
