package governance

import (
	"cmp"
	"context"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// AddOrganisation adds an organisation. The slug is its stable short name.
func (r *Room) AddOrganisation(ctx context.Context, actor store.Actor, o Organisation) (*Organisation, error) {
	for field, v := range map[string]string{"slug": o.Slug, "name": o.Name, "kind": o.Kind} {
		if err := required(field, v); err != nil {
			return nil, err
		}
	}
	err := r.St.Act(ctx, actor, "organisation.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		if old, err := organisations.First(ctx, tx, "slug = $1", o.Slug); err == nil {
			o.ID = old.ID
			return []store.Event{{Type: "organisation.changed", Subjects: []string{o.ID}, Body: o}}, organisations.Update(ctx, tx, &o)
		}
		o.ID = tx.NewID(ark.PrefixOrganisation)
		return []store.Event{{Type: "organisation.added", Subjects: []string{o.ID}, Body: o}}, organisations.Insert(ctx, tx, &o)
	})
	if err != nil {
		return nil, err
	}
	return &o, nil
}

// AddUser adds an account, or changes the one with the same issuer and
// subject: what is not given stays as it is, and a suspended account stays
// suspended. An account whose human being is not given stands for a new one.
func (r *Room) AddUser(ctx context.Context, actor store.Actor, u User) (*User, error) {
	for field, v := range map[string]string{"name": u.Name, "issuer": u.Issuer, "subject": u.Subject, "org": u.Org} {
		if err := required(field, v); err != nil {
			return nil, err
		}
	}
	for _, role := range u.Roles {
		if _, err := ark.ParseRole(string(role)); err != nil {
			return nil, err
		}
	}
	err := r.St.Act(ctx, actor, "user.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		if _, err := organisations.Get(ctx, tx, u.Org); err != nil {
			return nil, err
		}
		if old, err := users.First(ctx, tx, "issuer = $1 AND subject = $2", u.Issuer, u.Subject); err == nil {
			u.ID, u.Suspended = old.ID, old.Suspended
			u.Human, u.Accreditation = cmp.Or(u.Human, old.Human), cmp.Or(u.Accreditation, old.Accreditation)
			u.TrainingUntil, u.TermsUntil = cmp.Or(u.TrainingUntil, old.TrainingUntil), cmp.Or(u.TermsUntil, old.TermsUntil)
			return []store.Event{userEvent("user.changed", u)}, users.Update(ctx, tx, &u)
		}
		u.ID = tx.NewID(ark.PrefixUser)
		if u.Human == "" {
			u.Human = "human:" + u.ID
		}
		return []store.Event{userEvent("user.added", u)}, users.Insert(ctx, tx, &u)
	})
	if err != nil {
		return nil, err
	}
	return &u, nil
}

// userEvent records rights and dates, not names: the ledger's body is for
// those who audit rights.
func userEvent(kind string, u User) store.Event {
	return store.Event{Type: kind, Subjects: []string{u.ID, u.Org}, Body: map[string]any{
		"roles": u.Roles, "training_until": u.TrainingUntil, "terms_until": u.TermsUntil, "suspended": u.Suspended}}
}

// RecordTraining records until when a user's training and terms hold. A zero
// time leaves that one as it is.
func (r *Room) RecordTraining(ctx context.Context, actor store.Actor, user string, training, terms time.Time) error {
	return r.changeUser(ctx, actor, user, "user.training-recorded", func(u *User) {
		if !training.IsZero() {
			u.TrainingUntil = training
		}
		if !terms.IsZero() {
			u.TermsUntil = terms
		}
	})
}

// SetRoles replaces a user's roles.
func (r *Room) SetRoles(ctx context.Context, actor store.Actor, user string, roles []ark.Role) error {
	for _, role := range roles {
		if _, err := ark.ParseRole(string(role)); err != nil {
			return err
		}
	}
	return r.changeUser(ctx, actor, user, "user.roles-set", func(u *User) { u.Roles = roles })
}

// Suspend stops or restores an account.
func (r *Room) Suspend(ctx context.Context, actor store.Actor, user string, suspended bool) error {
	return r.changeUser(ctx, actor, user, "user.suspended", func(u *User) { u.Suspended = suspended })
}

func (r *Room) changeUser(ctx context.Context, actor store.Actor, id, kind string, change func(*User)) error {
	return r.St.Act(ctx, actor, "user.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		u, err := users.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		change(u)
		return []store.Event{userEvent(kind, *u)}, users.Update(ctx, tx, u)
	})
}

// UserByIdentity returns the account that a sign-in proves, or Unknown.
func (r *Room) UserByIdentity(ctx context.Context, q store.Querier, issuer, subject string) (*User, error) {
	return users.First(ctx, q, "issuer = $1 AND subject = $2", issuer, subject)
}

// GetUser returns an account.
func GetUser(ctx context.Context, q store.Querier, id string) (*User, error) {
	return users.Get(ctx, q, id)
}

// Human says which human being a user is and which organisation they are of.
func Human(ctx context.Context, q store.Querier, user string) (human, org string, err error) {
	u, err := users.Get(ctx, q, user)
	if err != nil {
		return "", "", err
	}
	return u.Human, u.Org, nil
}

// Users returns all accounts.
func Users(ctx context.Context, q store.Querier) ([]User, error) { return users.Where(ctx, q, "") }

// GetOrganisation returns an organisation.
func GetOrganisation(ctx context.Context, q store.Querier, id string) (*Organisation, error) {
	return organisations.Get(ctx, q, id)
}

// OrganisationBySlug returns an organisation by its short name.
func OrganisationBySlug(ctx context.Context, q store.Querier, slug string) (*Organisation, error) {
	return organisations.First(ctx, q, "slug = $1", slug)
}

// Organisations returns all organisations.
func Organisations(ctx context.Context, q store.Querier) ([]Organisation, error) {
	return organisations.Where(ctx, q, "")
}

// Delegate lets a committee decide for an organisation until a date.
func (r *Room) Delegate(ctx context.Context, actor store.Actor, org, committee, scope string, until time.Time) (*Delegation, error) {
	d := Delegation{Org: org, Committee: committee, Scope: scope, Until: until, By: actor.Name()}
	if err := required("scope", scope); err != nil {
		return nil, err
	}
	err := r.St.Act(ctx, actor, "delegation.manage", store.Resource{Type: "Organisation", ID: org}, func(tx *store.Tx) ([]store.Event, error) {
		if _, err := organisations.Get(ctx, tx, committee); err != nil {
			return nil, err
		}
		if !until.After(tx.Now()) {
			return nil, ark.Faultf(ark.Invalid, "a delegation has to end in the future").At("", 0, "until").Do("give a later date")
		}
		d.ID = tx.NewID(ark.PrefixDelegation)
		return []store.Event{{Type: "delegation.made", Subjects: []string{d.ID, org, committee}, Body: d}}, delegations.Insert(ctx, tx, &d)
	})
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// RevokeDelegation ends a delegation at once.
func (r *Room) RevokeDelegation(ctx context.Context, actor store.Actor, org, id string) error {
	return r.St.Act(ctx, actor, "delegation.manage", store.Resource{Type: "Organisation", ID: org}, func(tx *store.Tx) ([]store.Event, error) {
		d, err := delegations.Get(ctx, tx, id)
		if err != nil || d.Org != org {
			return nil, ark.Faultf(ark.Unknown, "there is no such delegation of this organisation")
		}
		d.Revoked = tx.Now()
		return []store.Event{{Type: "delegation.revoked", Subjects: []string{id, org}}}, delegations.Update(ctx, tx, d)
	})
}

// Found adds the first users of an Ark that has none, all in one change: it is
// the founder's only act.
func (r *Room) Found(ctx context.Context, founder store.Actor, first []User) error {
	return r.St.Act(ctx, founder, "user.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		var events []store.Event
		for i := range first {
			u := &first[i]
			u.ID = tx.NewID(ark.PrefixUser)
			u.Human = "human:" + u.ID
			if err := users.Insert(ctx, tx, u); err != nil {
				return nil, err
			}
			events = append(events, userEvent("user.added", *u))
		}
		return events, nil
	})
}
