package identity_test

import (
	"os"
	"testing"

	"github.com/ark-tre/ark/pkg/store/storetest"
)

// server is a PostgreSQL of this test run's own.
var server storetest.Server

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	os.Exit(code)
}
