package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/ark-tre/ark/pkg/ark"
)

// Reply is what a mutating call answered. One of status 0 is of an act that was
// done and whose answer is not known: the server stopped before it was made.
// Made is then the id of what the act was about.
type Reply struct {
	Status int
	Type   string // content type
	Body   string
	Made   string
}

// Request is what an act has to know of the request that it is done for. Act
// keeps its key and its answer in the transaction of the act itself, so that
// neither is there without the other.
type Request struct {
	Actor string // Actor.Name of who asks: acts of others on the way are not the request's
	Key   string // the Idempotency-Key
	// Hash is of method, path and body. It is asked when the act has been done,
	// so the body may be read meanwhile.
	Hash func() (string, error)
	// Answer makes the answer out of the values that the act wrote; nil, or
	// false, when it cannot be known yet.
	Answer func(wrote []any) (Reply, bool)

	// Unless, when true, refuses the act with ErrStale when something was done
	// to Of (or, when Of is empty, to anything) after the act of number Since.
	Unless bool
	Since  int64
	Of     string

	claimed bool
}

// ErrStale is the cause of the fault of an act whose request was made for an
// older state of the thing.
var ErrStale = errors.New("the thing has changed since it was read")

type requestKey struct{}

// ForRequest returns a context whose acts are done for r.
func ForRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// Stale is the refusal of a request that was made for an older state.
func Stale() error {
	return ark.Faultf(ark.Conflict, "it has changed since you read it, so nothing was done").Do("read it again, and decide again").Because(ErrStale)
}

// Last is the number of the last recorded act.
func (s *Store) Last(ctx context.Context) (int64, error) {
	var n int64
	if err := s.read.QueryRowContext(ctx, `SELECT n FROM counters WHERE name = 'outbox'`).Scan(&n); err != nil {
		return 0, unavailable(err)
	}
	return n, nil
}

// fresh refuses when the request was made for an older state. Looking and
// being refused change nothing.
func (r *Request) fresh(ctx context.Context, tx *Tx) error {
	if !r.Unless || r.claimed {
		return nil
	}
	var n int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM outbox WHERE seq > $1 AND type NOT LIKE 'access.%' AND type <> 'refused' AND ($2 = '' OR project = $2 OR subjects LIKE '%"' || $2 || '"%')`, r.Since, r.Of).Scan(&n)
	if err != nil {
		return unavailable(err)
	}
	if n > 0 {
		return Stale()
	}
	return nil
}

// claim keeps the request's key, and its answer if that is known, in tx.
func (r *Request) claim(ctx context.Context, tx *Tx, events []Event) error {
	hash, err := r.Hash()
	if err != nil {
		return err
	}
	made := "-"
	for _, e := range events {
		for _, id := range e.Subjects {
			if made == "-" && ark.IsID(id) {
				made = id
			}
		}
	}
	var reply Reply
	if r.Answer != nil {
		if got, ok := r.Answer(tx.wrote); ok {
			reply = got
		}
	}
	if err := tx.forget(ctx); err != nil {
		return err
	}
	if r.claimed { // a second act of the same request
		_, err := tx.ExecContext(ctx, `UPDATE idempotency SET status = $3, type = $4, reply = $5 WHERE actor = $1 AND key = $2`, r.Actor, r.Key, reply.Status, reply.Type, reply.Body)
		return unavailableOrNil(err)
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO idempotency (actor, key, request, status, type, reply, at, made) VALUES ($1,$2,$3,$4,$5,$6,$7,$8) ON CONFLICT (actor, key) DO NOTHING`,
		r.Actor, r.Key, hash, reply.Status, reply.Type, reply.Body, tx.now.UnixMicro(), made)
	if err != nil {
		return unavailable(err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return ark.Faultf(ark.Conflict, "a request with that Idempotency-Key was answered meanwhile").Do("ask again with the same key for its answer")
	}
	return nil
}

const replyDay = 24 * 3600 * 1_000_000

// forget removes replies older than a day.
func (t *Tx) forget(ctx context.Context) error {
	_, err := t.ExecContext(ctx, `DELETE FROM idempotency WHERE at < $1`, t.now.UnixMicro()-replyDay)
	return unavailableOrNil(err)
}

func unavailableOrNil(err error) error {
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// Known reports whether a reply is kept for actor's idempotency key.
func (s *Store) Known(ctx context.Context, actor, key string) (bool, error) {
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM idempotency WHERE actor = $1 AND key = $2`, actor, key).Scan(&n)
	return n > 0, unavailableOrNil(err)
}

// Replied returns the reply kept for actor's idempotency key, or nil. The same
// key with another request is an ark.Conflict fault. request is a hash of
// method, path and body.
func (s *Store) Replied(ctx context.Context, actor, key, request string) (*Reply, error) {
	var r Reply
	var was string
	err := s.read.QueryRowContext(ctx, `SELECT request, status, type, reply, made FROM idempotency WHERE actor = $1 AND key = $2`, actor, key).Scan(&was, &r.Status, &r.Type, &r.Body, &r.Made)
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

// KeepReply keeps for a day what was answered, in place of what the act itself
// had kept. The first answer that was sent stays.
func (s *Store) KeepReply(ctx context.Context, actor, key, request string, r Reply) error {
	now := s.Now().UnixMicro()
	if _, err := s.write.ExecContext(ctx, `DELETE FROM idempotency WHERE at < $1`, now-replyDay); err != nil {
		return unavailable(err)
	}
	return unavailableOrNil(s.committed(ctx, "reply", func() error {
		_, err := s.write.ExecContext(ctx, `INSERT INTO idempotency (actor, key, request, status, type, reply, at, made) VALUES ($1,$2,$3,$4,$5,$6,$7,'')
		ON CONFLICT (actor, key) DO UPDATE SET status = excluded.status, type = excluded.type, reply = excluded.reply, made = ''
		WHERE idempotency.made <> '' AND idempotency.request = excluded.request`,
			actor, key, request, r.Status, r.Type, r.Body, now)
		return err
	}))
}
