package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Tx is one change in progress. Only Act makes one.
type Tx struct {
	tx    *sql.Tx
	s     *Store
	actor Actor
	now   time.Time
	done  bool

	entity Entity
}

func (s *Store) begin(ctx context.Context, actor Actor) (*Tx, error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, unavailable(err)
	}
	if s.postgres {
		// One writer at a time, as in SQLite: the order of seq is then the
		// order of commits, and a decision never races the change it allowed.
		if _, err := tx.ExecContext(ctx, `SELECT n FROM counters WHERE name = 'outbox' FOR UPDATE`); err != nil {
			tx.Rollback()
			return nil, unavailable(err)
		}
	}
	return &Tx{tx: tx, s: s, actor: actor, now: s.Now()}, nil
}

// Now is the time of this change: one value for the whole of it.
func (t *Tx) Now() time.Time { return t.now }

// Actor is who makes this change.
func (t *Tx) Actor() Actor { return t.actor }

// Resource is the entity that the change was authorised on, as it was decided.
func (t *Tx) Resource() Entity { return t.entity }

// NewID makes an identifier of kind p at the time of this change.
func (t *Tx) NewID(p ark.Prefix) string { return ark.NewID(p, t.now, t.s.cfg.Random) }

// ExecContext runs a statement inside the change.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.tx.ExecContext(ctx, query, args...)
}

// QueryContext reads inside the change.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, query, args...)
}

// QueryRowContext reads one row inside the change.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(ctx, query, args...)
}

func (t *Tx) commit() error {
	if t.done {
		return nil
	}
	t.done = true
	if err := t.tx.Commit(); err != nil {
		return unavailable(err)
	}
	return nil
}

func (t *Tx) rollback() {
	if !t.done {
		t.done = true
		t.tx.Rollback()
	}
}

// record writes e to the outbox and its sealed body beside it.
func (t *Tx) record(ctx context.Context, e Event) error {
	body, err := json.Marshal(e.Body)
	if err != nil {
		return err
	}
	salt, err := newSalt(t.s.cfg.Random)
	if err != nil {
		return err
	}
	id := t.NewID(ark.PrefixEvent)
	sealed, err := t.s.cfg.Bodies.Seal(id, body)
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the act could not be recorded, so it was not done").Do("tell the operator that the ledger's key does not answer").Because(err)
	}
	subjects, err := json.Marshal(e.Subjects)
	if err != nil {
		return err
	}
	var seq int64
	if err := t.QueryRowContext(ctx, `UPDATE counters SET n = n + 1 WHERE name = 'outbox' RETURNING n`).Scan(&seq); err != nil {
		return unavailable(err)
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO outbox (seq, id, type, at, subjects, commitment, actor, project) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
		seq, id, e.Type, t.now.UnixMicro(), string(subjects), commit(salt, body), t.actor.Name(), e.Project); err != nil {
		return unavailable(err)
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO outbox_bodies (id, salt, body) VALUES ($1,$2,$3)`, id, salt, sealed); err != nil {
		return unavailable(err)
	}
	return nil
}
