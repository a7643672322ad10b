package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

// Snapshot writes the metadata of one moment into a new SQLite file, whatever
// they are kept in. Nobody waits for it.
func (s *Store) Snapshot(ctx context.Context, path string) error {
	if s.postgres {
		return ark.Faultf(ark.Conflict, "the metadata are on PostgreSQL, which ark backup does not copy").
			Do("take pg_dump of the database together with copies of buckets and Vault, as docs/production.md says")
	}
	_, file, _ := strings.Cut(s.cfg.DSN, ":")
	db, err := sql.Open("sqlite", "file:"+file+"?mode=ro&_pragma=busy_timeout(10000)") // readers of s may write nothing, not even elsewhere
	if err != nil {
		return fmt.Errorf("copy the metadata: %w", err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `VACUUM INTO $1`, path); err != nil {
		return fmt.Errorf("copy the metadata: %w", err)
	}
	return nil
}

// Part makes a snapshot of before into one that can be gone on with, before
// any store opens it: sign-ins, used second factors, kept forms and answers
// end, and acts whose place in the ledger is not below size have none.
func Part(ctx context.Context, path string, size int64) (acts int64, err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=foreign_keys(1)")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	for _, q := range []string{`DELETE FROM sessions`, `DELETE FROM used_step_ups`, `DELETE FROM kept_forms`, `DELETE FROM idempotency`} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return 0, fmt.Errorf("part the metadata: %w", err)
		}
	}
	if _, err := db.ExecContext(ctx, `UPDATE outbox SET ledger_index = NULL WHERE ledger_index >= $1`, size); err != nil {
		return 0, fmt.Errorf("part the metadata: %w", err)
	}
	return acts, db.QueryRowContext(ctx, `SELECT n FROM counters WHERE name = 'outbox'`).Scan(&acts)
}
