package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/ark-tre/ark/pkg/ark"
)

// Reply is what a mutating call answered.
type Reply struct {
	Status int
	Type   string // content type
	Body   string
}

// Replied returns the reply kept for actor's idempotency key, or nil. The same
// key with another request is an ark.Conflict fault. request is a hash of
// method, path and body.
func (s *Store) Replied(ctx context.Context, actor, key, request string) (*Reply, error) {
	var r Reply
	var was string
	err := s.read.QueryRowContext(ctx, `SELECT request, status, type, reply FROM idempotency WHERE actor = $1 AND key = $2`, actor, key).Scan(&was, &r.Status, &r.Type, &r.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(err)
	}
	if was != request {
		return nil, ark.Faultf(ark.Conflict, "that Idempotency-Key was used for another request").Do("use a new key for a new request")
	}
	return &r, nil
}

// KeepReply keeps a reply for a day.
func (s *Store) KeepReply(ctx context.Context, actor, key, request string, r Reply) error {
	now := s.Now().UnixMicro()
	const day = 24 * 3600 * 1_000_000
	if _, err := s.write.ExecContext(ctx, `DELETE FROM idempotency WHERE at < $1`, now-day); err != nil {
		return unavailable(err)
	}
	_, err := s.write.ExecContext(ctx, `INSERT INTO idempotency (actor, key, request, status, type, reply, at) VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT (actor, key) DO NOTHING`,
		actor, key, request, r.Status, r.Type, r.Body, now)
	if err != nil {
		return unavailable(err)
	}
	return nil
}
