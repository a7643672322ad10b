package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/ledger"
)

// Recorded is one recorded act as it stands in the outbox. Index is its place
// in the ledger, -1 while the sequencer has not reached it.
type Recorded struct {
	Seq        int64
	ID         string
	Type       string
	At         time.Time
	Subjects   []string
	Commitment string // hex of the ledger's commitment to the body
	Actor      string
	Project    string
	Index      int64
}

// Leaf is the ledger's entry for the act.
func (r Recorded) Leaf() (ledger.Leaf, error) {
	l := ledger.Leaf{ID: r.ID, Type: r.Type, Time: r.At, Subjects: r.Subjects}
	raw, err := hex.DecodeString(r.Commitment)
	if err != nil || copy(l.Commit[:], raw) != len(l.Commit) {
		return l, ark.Faultf(ark.Internal, "a recorded act has lost its commitment").Do("stop, keep a copy of the database and the ledger, and tell the maintainers")
	}
	return l, nil
}

// Outbox is the store as the ledger's sequencer sees it.
type Outbox struct{ Store *Store }

var _ ledger.Outbox = Outbox{}

// Pending implements ledger.Outbox.
func (o Outbox) Pending(ctx context.Context, max int) ([]ledger.Leaf, error) {
	acts, err := o.Store.recorded(ctx, o.Store.read, `WHERE ledger_index IS NULL ORDER BY seq LIMIT $1`, max)
	if err != nil {
		return nil, err
	}
	out := make([]ledger.Leaf, len(acts))
	for i, a := range acts {
		if out[i], err = a.Leaf(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Sequenced implements ledger.Outbox. It is idempotent; a different place for
// the same act is a fatal disagreement.
func (o Outbox) Sequenced(ctx context.Context, placed []ledger.Placed, _ ledger.Checkpoint) error {
	tx, err := o.Store.begin(ctx, Actor{System: "sequencer"}, "sequenced")
	if err != nil {
		return err
	}
	defer tx.rollback()
	for _, p := range placed {
		var got int64
		err := tx.QueryRowContext(ctx, `UPDATE outbox SET ledger_index = COALESCE(ledger_index, $1) WHERE id = $2 RETURNING ledger_index`, p.Index, p.ID).Scan(&got)
		if err != nil {
			return unavailable(err)
		}
		if got != p.Index {
			return ark.Faultf(ark.Internal, "the ledger and the database disagree about the place of a recorded act").Do("stop, keep a copy of the database and the ledger, and tell the maintainers")
		}
	}
	return tx.commit(ctx)
}

// Acts returns recorded acts, newest first: of one project when project is not
// empty, before the act with sequence number before when that is positive.
func (s *Store) Acts(ctx context.Context, q Querier, project string, before int64, n int) ([]Recorded, error) {
	if before <= 0 {
		before = 1 << 62
	}
	if project != "" {
		return s.recorded(ctx, q, `WHERE project = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3`, project, before, n)
	}
	return s.recorded(ctx, q, `WHERE seq < $1 ORDER BY seq DESC LIMIT $2`, before, n)
}

// ActsAbout returns the recorded acts whose subjects contain id, oldest first.
func (s *Store) ActsAbout(ctx context.Context, q Querier, id string) ([]Recorded, error) {
	return s.recorded(ctx, q, `WHERE subjects LIKE $1 ORDER BY seq`, `%"`+id+`"%`)
}

func (s *Store) recorded(ctx context.Context, q Querier, clause string, args ...any) ([]Recorded, error) {
	rows, err := q.QueryContext(ctx, `SELECT seq, id, type, at, subjects, commitment, actor, project, COALESCE(ledger_index, -1) FROM outbox `+clause, args...)
	if err != nil {
		return nil, unavailable(err)
	}
	defer rows.Close()
	var out []Recorded
	for rows.Next() {
		var r Recorded
		var at int64
		var subjects string
		if err := rows.Scan(&r.Seq, &r.ID, &r.Type, &at, &subjects, &r.Commitment, &r.Actor, &r.Project, &r.Index); err != nil {
			return nil, err
		}
		r.At = time.UnixMicro(at).UTC()
		if err := json.Unmarshal([]byte(subjects), &r.Subjects); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Body returns the opened body of a recorded act and its salt. An erased body
// is an ark.Unknown fault.
func (s *Store) Body(ctx context.Context, q Querier, id string) (salt string, body []byte, err error) {
	var sealed string
	if err := q.QueryRowContext(ctx, `SELECT salt, body FROM outbox_bodies WHERE id = $1`, id).Scan(&salt, &sealed); err != nil {
		return "", nil, ark.Faultf(ark.Unknown, "the body of that act is not kept any more")
	}
	body, err = s.cfg.Bodies.Open(id, sealed)
	return salt, body, err
}
