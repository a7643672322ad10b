package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/ledger"
)

// Tx is one change in progress. Only Act makes one.
type Tx struct {
	tx    *sql.Tx
	s     *Store
	actor Actor
	now   time.Time
	done  bool
	what  string // what kind of change it is, for Config.Commit

	entity Entity
	wrote  []any // the values of Docs that were inserted or updated, as pointers
}

// begin begins a change. what names its kind.
func (s *Store) begin(ctx context.Context, actor Actor, what string) (*Tx, error) {
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
	return &Tx{tx: tx, s: s, actor: actor, now: s.Now(), what: what}, nil
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

func (t *Tx) commit(ctx context.Context) error {
	if t.done {
		return nil
	}
	err := t.s.committed(ctx, t.what, func() error {
		t.done = true
		return t.tx.Commit()
	})
	return unavailableOrNil(err)
}

// committed does what commits the change named what.
func (s *Store) committed(ctx context.Context, what string, commit func() error) error {
	if s.cfg.Commit == nil {
		return commit()
	}
	return s.cfg.Commit(ctx, what, commit)
}

func (t *Tx) rollback() {
	if !t.done {
		t.done = true
		t.tx.Rollback()
	}
}

// body is what a leaf commits to: who acted, in which project, and the detail.
type body struct {
	Actor   string `json:"actor"`
	Project string `json:"project,omitempty"`
	Detail  any    `json:"detail,omitempty"`
	// Subjects are all of them, where they are more than a leaf holds.
	Subjects []string `json:"subjects,omitempty"`
}

// maxSubjects is how many subjects a leaf of the ledger holds. Acts that
// concern hundreds of organisations name the first ones there, which are the
// things acted on, and all in the body.
const maxSubjects = 64

// record writes e to the outbox and its sealed body beside it. Subjects that
// are no identifiers (the whole Ark, nothing) are left out of the leaf.
func (t *Tx) record(ctx context.Context, e Event) error {
	subjects := []string{}
	for _, s := range e.Subjects {
		if ark.IsID(s) && !slices.Contains(subjects, s) {
			subjects = append(subjects, s)
		}
	}
	b := body{Actor: t.actor.Name(), Project: e.Project, Detail: e.Body}
	if len(subjects) > maxSubjects {
		b.Subjects, subjects = subjects, subjects[:maxSubjects]
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return err
	}
	entry, err := ledger.NewEntry(t.NewID(ark.PrefixEvent), e.Type, t.now, subjects, raw, t.s.cfg.Random)
	if err != nil {
		return fmt.Errorf("record %s: %w", e.Type, err)
	}
	sealed, err := t.s.cfg.Bodies.Seal(entry.Leaf.ID, raw)
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the act could not be recorded, so it was not done").Do("tell the operator that the ledger's key does not answer").Because(err)
	}
	list, err := json.Marshal(subjects)
	if err != nil {
		return err
	}
	var seq int64
	if err := t.QueryRowContext(ctx, `UPDATE counters SET n = n + 1 WHERE name = 'outbox' RETURNING n`).Scan(&seq); err != nil {
		return unavailable(err)
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO outbox (seq, id, type, at, subjects, commitment, actor, project) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
		seq, entry.Leaf.ID, e.Type, t.now.UnixMicro(), string(list), hex.EncodeToString(entry.Leaf.Commit[:]), t.actor.Name(), e.Project); err != nil {
		return unavailable(err)
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO outbox_bodies (id, salt, body) VALUES ($1,$2,$3)`, entry.Leaf.ID, hex.EncodeToString(entry.Salt), sealed); err != nil {
		return unavailable(err)
	}
	return nil
}
