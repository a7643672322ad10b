package store

import (
	"testing/fstest"

	"github.com/ark-tre/ark/pkg/identity"
)

// identitySchema is the table of sessions as package identity wants it.
func identitySchema() Schema {
	return Schema{Room: "identity", Files: fstest.MapFS{"001_sessions.sql": {Data: []byte(identity.SessionsDDL)}}}
}

// Sessions keeps sign-in sessions. They are credentials, not acts: starting
// and ending one is recorded by whoever does it for a user.
func (s *Store) Sessions() identity.SessionStore { return identity.SQLSessions{DB: s.write} }
