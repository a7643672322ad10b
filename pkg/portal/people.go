package portal

import (
	"net/url"
	"sort"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) peopleRoutes() []Route {
	return []Route{
		{Pattern: "GET /users", Action: "user.manage", On: whole, Serve: p.userList},
		{Pattern: "GET /users/new", Action: "user.manage", On: whole, Serve: p.newUser},
		{Pattern: "POST /users", Action: "user.manage", On: whole, Serve: p.addUser},
		{Pattern: "GET /users/{id}", Action: "user.manage", On: whole, Serve: p.userPage},
		{Pattern: "POST /users/{id}/training", Action: "user.manage", On: whole, Serve: p.recordTraining},
		{Pattern: "POST /users/{id}/roles", Action: "user.manage", On: whole, Serve: p.setRoles},
		{Pattern: "POST /users/{id}/suspend", Action: "user.manage", On: whole, Serve: p.suspendUser},
		{Pattern: "POST /organisations", Action: "organisation.manage", On: whole, Serve: p.addOrganisation},
	}
}

func (p *Portal) waitingForOperator(c *Call, q store.Querier) ([]todo, error) {
	jobs, err := store.Jobs(c.Ctx(), q, "state = 'failed'")
	if err != nil {
		return nil, err
	}
	var out []todo
	for _, j := range jobs {
		out = append(out, todo{Text: "Job: " + title(j.Kind), Href: "/system#jobs", Since: j.Updated, What: "failed and waits for a person"})
	}
	return out, nil
}

// userList is every account and organisation.
func (p *Portal) userList(c *Call) error {
	return p.draw(c, p.usersPage(c))
}

func (p *Portal) usersPage(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var dir *directory
		if err := c.view(func(q store.Querier) error {
			var err error
			dir, err = readDirectory(c.Ctx(), q)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		var us []governance.User
		for _, u := range dir.users {
			us = append(us, u)
		}
		sort.Slice(us, func(i, j int) bool { return us[i].Name < us[j].Name })
		t := ui.Table{Caption: "Accounts", Columns: ui.Cols("Name", "Organisation", "Roles", "Training", "Terms")}
		for _, u := range us {
			name := ui.Cell{Text: u.Name, Href: "/users/" + u.ID, Head: true}
			if u.Suspended {
				name.Soft = "suspended"
			}
			t.Rows = append(t.Rows, []ui.Cell{name, {Text: dir.org(u.Org)}, {Text: roleList(u.Roles)}, {Tag: untilTag(u.TrainingUntil, c.Now()), Soft: day(u.TrainingUntil)}, {Tag: untilTag(u.TermsUntil, c.Now()), Soft: day(u.TermsUntil)}})
		}
		var os []governance.Organisation
		for _, o := range dir.orgs {
			os = append(os, o)
		}
		sort.Slice(os, func(i, j int) bool { return os[i].Name < os[j].Name })
		ot := ui.Table{Caption: "Organisations", Columns: ui.Cols("Name", "Short name", "Kind")}
		for _, o := range os {
			ot.Rows = append(ot.Rows, []ui.Cell{{Text: o.Name, Head: true}, {Text: o.Slug}, {Text: o.Kind}})
		}
		fields := []ui.Field{{Kind: "text", Name: "name", Label: "Name"}, {Kind: "text", Name: "slug", Label: "Short name", Narrow: true}, {Kind: "text", Name: "kind", Label: "Kind", Hint: "practice, trust, council, laboratory, university, committee", Narrow: true}}
		return ui.Page{Head: "People", Lead: "Who may do what here. Two accounts of one human being count once.", Errors: wrong, Body: []ui.Block{t, ui.Actions{Buttons: []ui.Button{{Text: "Add an account", Href: "/users/new"}}}, ot,
			ui.Details{Summary: "Add an organisation", Body: []ui.Block{ui.Form{Action: "/organisations", Fields: ui.Filled(fields, typed, wrong), Submit: ui.Button{Text: "Add", Look: "secondary"}}}}}}, nil
	}
}

func roleList(rs []ark.Role) string {
	s := ""
	for i, r := range rs {
		if i > 0 {
			s += ", "
		}
		s += roleWords(r)
	}
	return s
}

func roleField(have []ark.Role) ui.Field {
	f := ui.Field{Kind: "checks", Name: "roles", Label: "Roles"}
	for _, r := range ark.Roles {
		f.Options = append(f.Options, ui.Option{Value: string(r), Text: roleWords(r)})
	}
	for _, r := range have {
		f.Values = append(f.Values, string(r))
	}
	return f
}

func readRoles(form url.Values) []ark.Role {
	var out []ark.Role
	for _, r := range form["roles"] {
		out = append(out, ark.Role(r))
	}
	return out
}

func (p *Portal) newUserPage(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var dir *directory
		if err := c.view(func(q store.Querier) error {
			var err error
			dir, err = readDirectory(c.Ctx(), q)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		org := ui.Field{Kind: "select", Name: "org", Label: "Organisation"}
		for _, o := range dir.orgs {
			org.Options = append(org.Options, ui.Option{Value: o.ID, Text: o.Name})
		}
		sort.Slice(org.Options, func(i, j int) bool { return org.Options[i].Text < org.Options[j].Text })
		human := ui.Field{Kind: "select", Name: "human", Label: "Is this a second account of somebody?", Options: []ui.Option{{Value: "", Text: "No, a new person"}}}
		for _, u := range dir.users {
			human.Options = append(human.Options, ui.Option{Value: u.Human, Text: "Yes, of " + u.Name + " (" + dir.org(u.Org) + ")"})
		}
		sort.Slice(human.Options[1:], func(i, j int) bool { return human.Options[1+i].Text < human.Options[1+j].Text })
		fields := []ui.Field{{Kind: "text", Name: "name", Label: "Name"}, {Kind: "email", Name: "email", Label: "E-mail"}, org, {Kind: "text", Name: "issuer", Label: "Signs in at", Hint: "The address of the OpenID Connect provider.", Value: p.cfg.IssuerOrigin}, {Kind: "text", Name: "subject", Label: "Subject there", Hint: "The stable name by which the provider knows the account."}, roleField(nil), human}
		return ui.Page{Back: &ui.Link{Text: "People", Href: "/users"}, Head: "Add an account", Errors: wrong, Body: []ui.Block{ui.Form{Action: "/users", Guard: true, Fields: ui.Filled(fields, typed, wrong), Submit: ui.Button{Text: "Add"}, Cancel: &ui.Link{Text: "Cancel", Href: "/users"}}}}, nil
	}
}

func (p *Portal) newUser(c *Call) error {
	return p.draw(c, p.newUserPage(c))
}

func (p *Portal) addUser(c *Call) error {
	return c.Attempt(p.newUserPage(c), func(form url.Values) (string, error) {
		u, err := p.cfg.Rooms.Governance.AddUser(c.Ctx(), c.Actor, governance.User{Name: form.Get("name"), Email: form.Get("email"), Org: form.Get("org"), Issuer: form.Get("issuer"), Subject: form.Get("subject"), Human: form.Get("human"), Roles: readRoles(form)})
		if err != nil {
			return "", err
		}
		return "/users/" + u.ID, nil
	})
}

func (p *Portal) userForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var u *governance.User
		var dir *directory
		if err := c.view(func(q store.Querier) error {
			var err error
			if u, err = governance.GetUser(c.Ctx(), q, c.ID()); err != nil {
				return err
			}
			dir, err = readDirectory(c.Ctx(), q)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		page := ui.Page{Back: &ui.Link{Text: "People", Href: "/users"}, Above: "Account", Head: u.Name, Errors: wrong, Lead: dir.org(u.Org)}
		if u.Suspended {
			page.State = &ui.Tag{Text: "Suspended", Colour: ui.Red}
		}
		suspend := ui.Button{Text: "Suspend the account", Action: "/users/" + u.ID + "/suspend", Look: "warning", Fields: []ui.Pair{{Name: "suspended", Value: "yes"}}}
		if u.Suspended {
			suspend = ui.Button{Text: "Restore the account", Action: "/users/" + u.ID + "/suspend", Look: "secondary", Fields: []ui.Pair{{Name: "suspended", Value: "no"}}}
		}
		if u.ID == c.Viewer.User {
			suspend.Off = "You cannot suspend yourself."
		}
		page.Body = []ui.Block{ui.Summary{Rows: []ui.Row{{Key: "E-mail", Text: u.Email}, {Key: "Signs in at", Text: u.Issuer}, {Key: "Subject there", Text: u.Subject}, {Key: "Accreditation", Text: orText(u.Accreditation, "none recorded")}}},
			ui.Head2{Text: "Training and terms"}, ui.Form{Action: "/users/" + u.ID + "/training", Submit: ui.Button{Text: "Record"}, Fields: ui.Filled([]ui.Field{{Kind: "date", Narrow: true, Name: "training", Label: "Training holds until", Value: isoDate(u.TrainingUntil)}, {Kind: "date", Narrow: true, Name: "terms", Label: "Signed terms hold until", Value: isoDate(u.TermsUntil)}}, typed, wrong)},
			ui.Head2{Text: "Roles"}, ui.Form{Action: "/users/" + u.ID + "/roles", Submit: ui.Button{Text: "Set the roles", Look: "secondary"}, Fields: []ui.Field{roleField(u.Roles)}},
			ui.Head2{Text: "Account"}, ui.Actions{Buttons: []ui.Button{suspend}}}
		return page, nil
	}
}

func (p *Portal) userPage(c *Call) error {
	return p.draw(c, p.userForm(c))
}

func (p *Portal) recordTraining(c *Call) error {
	return c.Attempt(p.userForm(c), func(form url.Values) (string, error) {
		training, err := readDate(form, "training")
		if err != nil {
			return "", err
		}
		terms, err := readDate(form, "terms")
		if err != nil {
			return "", err
		}
		end := func(t time.Time) time.Time { // the day itself still counts
			if t.IsZero() {
				return t
			}
			return t.Add(24*time.Hour - time.Second)
		}
		return "/users/" + c.ID(), p.cfg.Rooms.Governance.RecordTraining(c.Ctx(), c.Actor, c.ID(), end(training), end(terms))
	})
}

func (p *Portal) setRoles(c *Call) error {
	return c.Attempt(p.userForm(c), func(form url.Values) (string, error) {
		return "/users/" + c.ID(), p.cfg.Rooms.Governance.SetRoles(c.Ctx(), c.Actor, c.ID(), readRoles(form))
	})
}

func (p *Portal) suspendUser(c *Call) error {
	return c.Attempt(p.userForm(c), func(form url.Values) (string, error) {
		if c.ID() == c.Viewer.User {
			return "", ark.Faultf(ark.Conflict, "you cannot suspend yourself").Do("ask another operator")
		}
		return "/users/" + c.ID(), p.cfg.Rooms.Governance.Suspend(c.Ctx(), c.Actor, c.ID(), form.Get("suspended") == "yes")
	})
}

func (p *Portal) addOrganisation(c *Call) error {
	return c.Attempt(p.usersPage(c), func(form url.Values) (string, error) {
		_, err := p.cfg.Rooms.Governance.AddOrganisation(c.Ctx(), c.Actor, governance.Organisation{Slug: form.Get("slug"), Name: form.Get("name"), Kind: form.Get("kind")})
		return "/users", err
	})
}
