package instance

import (
	"context"

	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/identity/issuer"
	"github.com/ark-tre/ark/pkg/store"
)

// recordPasskey writes into the ledger what the embedded issuer does to the
// passkeys of a user of this Ark, after asking whether they may have any: a
// suspended user, and an account that is nobody here, may not.
func (c *Control) recordPasskey(ctx context.Context, e issuer.PasskeyEvent) error {
	var user *governance.User
	err := c.Store.View(ctx, func(q store.Querier) error {
		var err error
		user, err = c.Governance.UserByIdentity(ctx, q, c.Config.issuerURL(), e.Subject)
		return err
	})
	if err != nil {
		return err
	}
	return c.Store.Act(ctx, store.Actor{User: user.ID}, "passkey.manage", store.Whole, func(*store.Tx) ([]store.Event, error) {
		return []store.Event{{Type: "passkey." + e.Act, Subjects: []string{user.ID}, Body: map[string]string{"passkey": e.Passkey}}}, nil
	})
}
