package instance

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/identity/issuer"
	"github.com/ark-tre/ark/pkg/store"
)

// DemoPassword is the password of every sign-in of a demonstration. It is
// printed; a demonstration holds no record of anybody.
const DemoPassword = "demonstration only"

// Person is one user of the demonstration. Org is an organisation's slug.
type Person struct {
	UserName string
	Name     string
	What     string
	Org      string
	Roles    []ark.Role
}

// People are the users of a demonstration: one sign-in per role, and the
// second output checker that two-person review needs.
var People = []Person{
	{"amina", "Dr Amina Shah", "researcher", "university", []ark.Role{ark.Researcher}},
	{"carol", "Carol Jones", "custodian of one hospital trust", "A01", []ark.Role{ark.Custodian}},
	{"colin", "Colin Hughes", "custodian, for all who delegated to the committee", "data-committee", []ark.Role{ark.Custodian}},
	{"chloe", "Chloe Martin", "output checker", "ark-office", []ark.Role{ark.Checker}},
	{"dev", "Dev Patel", "output checker", "university-2", []ark.Role{ark.Checker}},
	{"erin", "Erin Walsh", "data engineer", "ark-office", []ark.Role{ark.DataEngineer}},
	{"omar", "Omar Farouk", "operator", "ark-office", []ark.Role{ark.Operator}},
	{"lena", "Lena Fischer", "lay reviewer", "public-panel", []ark.Role{ark.LayReviewer}},
	{"audrey", "Audrey Stone", "auditor", "audit-office", []ark.Role{ark.Auditor}},
}

// demoOrganisations are the organisations of people, beside those that deliver.
var demoOrganisations = []governance.Organisation{
	{Slug: "university", Name: "University of Northfield", Kind: "university"},
	{Slug: "university-2", Name: "Northfield Institute of Technology", Kind: "university"},
	{Slug: "ark-office", Name: "Northfield Ark", Kind: "operator"},
	{Slug: "data-committee", Name: "Northfield Data Access Committee", Kind: "committee"},
	{Slug: "public-panel", Name: "Northfield Public Panel", Kind: "panel"},
	{Slug: "audit-office", Name: "Northfield Audit Office", Kind: "audit"},
}

// committee is who decides for the organisations that have no custodian of
// their own among People.
const committee = "data-committee"

// Found sets up the organisations and users of a demonstration in an Ark that
// has none. It is done before the portal opens; in an Ark with users the door
// refuses it. senders are the organisations that will deliver.
func Found(ctx context.Context, c *Control, senders []governance.Organisation) error {
	founder := store.Actor{System: "founder"}
	var known int
	if err := c.Store.View(ctx, func(q store.Querier) error {
		users, err := governance.Users(ctx, q)
		known = len(users)
		return err
	}); err != nil || known > 0 {
		return err
	}
	if err := makeSecrets(c.Config); err != nil {
		return err
	}
	orgs := map[string]string{}
	for _, o := range append(slices.Clone(demoOrganisations), senders...) {
		made, err := c.Governance.AddOrganisation(ctx, founder, o)
		if err != nil {
			return err
		}
		orgs[o.Slug] = made.ID
	}
	year := c.Store.Now().AddDate(1, 0, 0).Truncate(24 * time.Hour)
	for _, o := range senders {
		if slices.ContainsFunc(People, func(p Person) bool { return p.Org == o.Slug }) {
			continue
		}
		if _, err := c.Governance.Delegate(ctx, founder, orgs[o.Slug], orgs[committee], "every application for its data", year); err != nil {
			return err
		}
	}
	var users []governance.User
	subjects, err := c.accounts(ctx)
	if err != nil {
		return err
	}
	for _, p := range People {
		users = append(users, governance.User{Name: p.Name, Email: p.email(), Org: orgs[p.Org], Roles: p.Roles, Issuer: c.Config.issuerURL(), Subject: subjects[p.UserName],
			TrainingUntil: year, TermsUntil: year})
	}
	return c.Governance.Found(ctx, founder, users)
}

func (p Person) email() string { return p.UserName + "@example.org" }

// accounts makes the demonstration's accounts at the embedded issuer and
// returns the subject of each. At a provider outside they are there already,
// and their subjects are their names.
func (c *Control) accounts(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	if c.Config.Identity.Issuer != "" {
		for _, p := range People {
			out[p.UserName] = p.UserName
		}
		return out, nil
	}
	dir, err := issuer.OpenFileDirectory(c.Config.Path("identity", "accounts.json"))
	if err != nil {
		return nil, err
	}
	for _, p := range People {
		a, err := issuer.NewAccount(p.UserName, p.Name, p.email(), DemoPassword, issuer.DefaultArgon, rand.Reader)
		if err != nil {
			return nil, err
		}
		if err := dir.Add(ctx, a); err != nil {
			return nil, err
		}
		out[p.UserName] = a.Subject
	}
	return out, nil
}
