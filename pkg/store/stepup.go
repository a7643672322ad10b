package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// StepUpFor names the act that a second factor is shown for: action on r.
func StepUpFor(action string, r Resource) string { return action + "/" + r.Type + "/" + r.ID }

var stepUpShape = regexp.MustCompile(`^[a-z]+[.][a-z-]+/[A-Z][A-Za-z]*/[0-9A-Za-z_-]{1,64}$`)

// ParseStepUp is what a name of StepUpFor says.
func ParseStepUp(name string) (action string, r Resource, err error) {
	if !stepUpShape.MatchString(name) {
		return "", Resource{}, ark.Faultf(ark.Invalid, "a second factor is shown for one act on one thing, and this names none").Do("start from the page of what you want to do")
	}
	p := strings.Split(name, "/")
	return p[0], Resource{Type: p[1], ID: p[2]}, nil
}

// forThis is actor as far as this act is concerned: a step-up that was shown for
// anything else, or was used, has not been shown.
func (a Actor) forThis(ctx context.Context, q Querier, action string, r Resource) (Actor, error) {
	if a.StepUp.IsZero() {
		return a, nil
	}
	if a.StepFor != StepUpFor(action, r) {
		a.StepUp = time.Time{}
		return a, nil
	}
	var at int64
	err := q.QueryRowContext(ctx, `SELECT at FROM used_step_ups WHERE id = $1`, a.stepUpID()).Scan(&at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return a, nil
	case err != nil:
		return Actor{}, unavailable(err)
	}
	a.StepUp = time.Time{}
	return a, nil
}

// useStepUp uses up the step-up that this act was done with, in its transaction.
func (tx *Tx) useStepUp(ctx context.Context, a Actor, action string, r Resource) error {
	if a.StepUp.IsZero() || a.StepFor != StepUpFor(action, r) {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM used_step_ups WHERE at < $1`, tx.Now().Add(-stepUpKept).UnixMicro()); err != nil {
		return unavailable(err)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO used_step_ups (id, at) VALUES ($1,$2)`, a.stepUpID(), a.StepUp.UnixMicro())
	return unavailableOrNil(err)
}

// stepUpKept is how long a used step-up is remembered: far longer than the
// policies let one stand.
const stepUpKept = 24 * time.Hour

func (a Actor) stepUpID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x1f%s\x1f%d\x1f%s", a.User, a.Session, a.StepUp.UnixMicro(), a.StepFor))
	return hex.EncodeToString(sum[:])
}
