package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Recorded is one recorded act as it stands in the outbox. Index is its place
// in the ledger, -1 while the sequencer has not reached it.
type Recorded struct {
	Seq        int64
	ID         string
	Type       string
	At         time.Time
	Subjects   []string
	Commitment string // hex SHA-256 over salt and body
	Actor      string
	Project    string
	Index      int64
}

// newSalt returns 16 random bytes as hex: without it nobody can test a guess
// of a body against its commitment.
func newSalt(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	return hex.EncodeToString(b[:]), nil
}

// commit is the salted commitment of a body that a ledger leaf carries:
// hex SHA-256 of "ark-body-v1", the salt and the body, each ended by a newline.
func commit(salt string, body []byte) string {
	h := sha256.New()
	io.WriteString(h, "ark-body-v1\n"+salt+"\n")
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// Pending returns up to n recorded acts that are not in the ledger yet, oldest
// first. There is one sequencer, so nobody else takes them.
func (s *Store) Pending(ctx context.Context, n int) ([]Recorded, error) {
	return s.recorded(ctx, s.read, `WHERE ledger_index IS NULL ORDER BY seq LIMIT $1`, n)
}

// Sequenced notes that the acts, in order, took the places from first on. It
// is idempotent; a different place for the same act is a fatal disagreement.
func (s *Store) Sequenced(ctx context.Context, ids []string, first int64) error {
	tx, err := s.begin(ctx, Actor{System: "sequencer"})
	if err != nil {
		return err
	}
	defer tx.rollback()
	for i, id := range ids {
		at := first + int64(i)
		var got int64
		err := tx.QueryRowContext(ctx, `UPDATE outbox SET ledger_index = COALESCE(ledger_index, $1) WHERE id = $2 RETURNING ledger_index`, at, id).Scan(&got)
		if err != nil {
			return unavailable(err)
		}
		if got != at {
			return ark.Faultf(ark.Internal, "the ledger and the database disagree about the place of a recorded act").Do("stop and run ark fsck")
		}
	}
	return tx.commit()
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
