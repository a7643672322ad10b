package store

import (
	"context"
	"database/sql"
	"strings"
	"testing/fstest"

	"github.com/ark-tre/ark/pkg/identity"
)

// identitySchema is the table of sessions as package identity wants it.
func identitySchema() Schema {
	return Schema{Room: "identity", Files: fstest.MapFS{"001_sessions.sql": {Data: []byte(identity.SessionsDDL)}, "002_proved_for.sql": {Data: []byte(identity.SessionsForDDL)}}}
}

// Sessions keeps sign-in sessions. They are credentials, not acts: starting
// and ending one is recorded by whoever does it for a user.
func (s *Store) Sessions() identity.SessionStore { return identity.SQLSessions{DB: sessionDB{s}} }

// sessionDB commits each statement by itself.
type sessionDB struct{ s *Store }

// ExecContext implements identity.SQL.
func (d sessionDB) ExecContext(ctx context.Context, query string, args ...any) (res sql.Result, err error) {
	verb, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	err = d.s.committed(ctx, "session/"+strings.ToLower(verb), func() error {
		res, err = d.s.write.ExecContext(ctx, query, args...)
		return err
	})
	return res, err
}

// QueryRowContext implements identity.SQL.
func (d sessionDB) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return d.s.write.QueryRowContext(ctx, query, args...)
}
