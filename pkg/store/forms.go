package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"
)

// mostForms is how many forms are kept at once: whoever sends them is not
// signed in, so they must not fill the database.
const mostForms = 2000

// formID is what a form is found by: not the secret itself.
func formID(secret string) string {
	sum := sha256.Sum256([]byte("kept form " + secret))
	return hex.EncodeToString(sum[:])
}

// KeepForm keeps a form for its sender until then, sealed, to be found by a
// secret that the sender has. Like a session it is no act: nobody is signed in.
// The oldest make room.
func (s *Store) KeepForm(ctx context.Context, secret string, form []byte, until time.Time) error {
	id := formID(secret)
	sealed, err := s.cfg.Bodies.Seal("form:"+id, form)
	if err != nil {
		return unavailable(err)
	}
	if _, err := s.write.ExecContext(ctx, `DELETE FROM kept_forms WHERE until < $1 OR id IN (SELECT id FROM kept_forms ORDER BY until DESC LIMIT 1000000 OFFSET $2)`, s.Now().UnixMicro(), mostForms-1); err != nil {
		return unavailable(err)
	}
	return unavailableOrNil(s.committed(ctx, "form", func() error {
		_, err := s.write.ExecContext(ctx, `INSERT INTO kept_forms (id, sealed, until) VALUES ($1,$2,$3)`, id, sealed, until.UnixMicro())
		return err
	}))
}

// KeptForm returns the form kept under secret, or nil.
func (s *Store) KeptForm(ctx context.Context, secret string) ([]byte, error) {
	id := formID(secret)
	var sealed string
	err := s.read.QueryRowContext(ctx, `SELECT sealed FROM kept_forms WHERE id = $1 AND until >= $2`, id, s.Now().UnixMicro()).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return s.cfg.Bodies.Open("form:"+id, sealed)
}
