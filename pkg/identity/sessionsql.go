package identity

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
)

// SessionsDDL makes the table that SQLSessions uses, in the SQL that SQLite and
// PostgreSQL share. Times are microseconds since 1970, 0 for never.
const SessionsDDL = `CREATE TABLE IF NOT EXISTS identity_sessions (
	key           TEXT PRIMARY KEY,
	id            TEXT NOT NULL UNIQUE,
	user_id       TEXT NOT NULL,
	issuer        TEXT NOT NULL,
	subject       TEXT NOT NULL,
	provider_sid  TEXT NOT NULL,
	amr           TEXT NOT NULL,
	second_factor INTEGER NOT NULL,
	auth_time     BIGINT NOT NULL,
	proved        BIGINT NOT NULL,
	created       BIGINT NOT NULL,
	seen          BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS identity_sessions_user ON identity_sessions (user_id);
CREATE INDEX IF NOT EXISTS identity_sessions_provider ON identity_sessions (issuer, subject);`

// SessionsForDDL adds what a step-up was for. One from before has none, and
// serves for nothing.
const SessionsForDDL = `ALTER TABLE identity_sessions ADD COLUMN proved_for TEXT NOT NULL DEFAULT '';`

// SQL is what SQLSessions needs of a database, a connection or a transaction.
type SQL interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// SQLSessions is a SessionStore on a database that holds the table of SessionsDDL
// and SessionsForDDL.
type SQLSessions struct{ DB SQL }

var _ SessionStore = SQLSessions{}

// Create implements SessionStore.
func (q SQLSessions) Create(ctx context.Context, k Key, s Session) error {
	factor := 0
	if s.SecondFactor {
		factor = 1
	}
	_, err := q.DB.ExecContext(ctx, `INSERT INTO identity_sessions
		(key, id, user_id, issuer, subject, provider_sid, amr, second_factor, auth_time, proved, proved_for, created, seen)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		k.text(), s.ID, s.User, s.Issuer, s.Subject, s.ProviderSID, strings.Join(s.AMR, "\n"), factor,
		micros(s.AuthTime), micros(s.Proved), s.ProvedFor, micros(s.Created), micros(s.Seen))
	return err
}

// Find implements SessionStore.
func (q SQLSessions) Find(ctx context.Context, k Key) (Session, error) {
	var (
		s                              Session
		amr                            string
		factor                         int
		authTime, proved, created, see int64
	)
	err := q.DB.QueryRowContext(ctx, `SELECT id, user_id, issuer, subject, provider_sid, amr, second_factor,
		auth_time, proved, proved_for, created, seen FROM identity_sessions WHERE key = $1`, k.text()).
		Scan(&s.ID, &s.User, &s.Issuer, &s.Subject, &s.ProviderSID, &amr, &factor, &authTime, &proved, &s.ProvedFor, &created, &see)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, unsigned("you are not signed in")
	}
	if err != nil {
		return Session{}, err
	}
	if amr != "" {
		s.AMR = strings.Split(amr, "\n")
	}
	s.SecondFactor = factor == 1
	s.AuthTime, s.Proved, s.Created, s.Seen = moment(authTime), moment(proved), moment(created), moment(see)
	return s, nil
}

// Touch implements SessionStore.
func (q SQLSessions) Touch(ctx context.Context, k Key, seen time.Time) error {
	n, err := q.exec(ctx, `UPDATE identity_sessions SET seen = $2 WHERE key = $1`, k.text(), micros(seen))
	if err == nil && n == 0 {
		return unsigned("you are not signed in")
	}
	return err
}

// Delete implements SessionStore.
func (q SQLSessions) Delete(ctx context.Context, k Key) error {
	_, err := q.exec(ctx, `DELETE FROM identity_sessions WHERE key = $1`, k.text())
	return err
}

// DeleteByUser implements SessionStore.
func (q SQLSessions) DeleteByUser(ctx context.Context, user string) (int, error) {
	return q.exec(ctx, `DELETE FROM identity_sessions WHERE user_id = $1`, user)
}

// DeleteByProvider implements SessionStore.
func (q SQLSessions) DeleteByProvider(ctx context.Context, issuer, subject, sid string) (int, error) {
	switch {
	case subject == "" && sid == "":
		return 0, nil
	case sid == "":
		return q.exec(ctx, `DELETE FROM identity_sessions WHERE issuer = $1 AND subject = $2`, issuer, subject)
	case subject == "":
		return q.exec(ctx, `DELETE FROM identity_sessions WHERE issuer = $1 AND provider_sid = $2`, issuer, sid)
	}
	return q.exec(ctx, `DELETE FROM identity_sessions WHERE issuer = $1 AND subject = $2 AND provider_sid = $3`, issuer, subject, sid)
}

// Sweep implements SessionStore.
func (q SQLSessions) Sweep(ctx context.Context, created, seen time.Time) (int, error) {
	return q.exec(ctx, `DELETE FROM identity_sessions WHERE created < $1 OR seen < $2`, micros(created), micros(seen))
}

func (q SQLSessions) exec(ctx context.Context, query string, args ...any) (int, error) {
	res, err := q.DB.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

func (k Key) text() string {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 2*len(k))
	for _, b := range k {
		out = append(out, digits[b>>4], digits[b&15])
	}
	return string(out)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
