package portal

import (
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"sort"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/trace"
	"github.com/ark-tre/ark/workspace/trace/seal"
)

func (p *Portal) traceRoutes() []Route {
	return []Route{
		{Pattern: "GET /projects/{id}/traces", Action: "project.read", On: thing("Project"), Serve: p.projectTraces},
		{Pattern: "POST /projects/{id}/traces", Action: "trace.ask", On: thing("Project"), Serve: p.askTrace},
		{Pattern: "GET /traces", Action: "self.read", On: whole, Serve: p.traceList},
		{Pattern: "GET /traces/{id}", Action: "trace.read", On: thing("Trace"), Serve: p.trace},
		{Pattern: "POST /traces/{id}/decision", Action: "trace.decide", On: thing("Trace"), Serve: p.decideTrace},
		{Pattern: "POST /traces/{id}/token", Action: "trace.open", On: thing("Trace"), Serve: p.fetchTrace},
		{Pattern: "POST /traces/{id}/answer", Action: "trace.answer", On: thing("Trace"), Serve: p.answerTrace},
		{Pattern: "POST /organisations/{id}/key", Action: "organisation.key", On: thing("Organisation"), Serve: p.registerKey},
	}
}

// traceWords is what a trace is about, in words.
func traceWords(t trace.Trace, dir *directory, data map[string]string) string {
	if t.Kind == trace.Error {
		return "An error in " + orText(data[t.Dataset], "a dataset") + ", " + t.Table + "." + t.Variable + ": " + trace.Problems()[t.Reason]
	}
	return capital(trace.Reasons()[t.Reason]) + ", for " + strings.Join(dir.orgNames(t.Orgs), "; ")
}

func (p *Portal) traceTable(c *Call, ts []trace.Trace, dir *directory, data map[string]string, empty string) ui.Table {
	t := ui.Table{Caption: "Newest first", Columns: ui.Cols("What", "State", "Asked"), Empty: &ui.Empty{Text: empty}}
	for i := len(ts) - 1; i >= 0; i-- {
		x := ts[i]
		t.Rows = append(t.Rows, []ui.Cell{{Text: traceWords(x, dir, data), Href: "/traces/" + x.ID, Head: true}, {Tag: tag(x.State, p.traceYours(c, x)), Soft: sentence(p.machines.trace.States[x.State].Says)}, {Text: when(x.Asked)}})
	}
	return t
}

// traceYours reports whether the viewer has to act next.
func (p *Portal) traceYours(c *Call, t trace.Trace) bool {
	on := store.Resource{Type: "Trace", ID: t.ID}
	switch t.State {
	case "asked":
		return p.cfg.Store.Check(c.Ctx(), c.Actor, "trace.decide", on) == nil
	case "sealed":
		own := slices.IndexFunc(t.Parcels, func(x trace.Parcel) bool { return x.Org == c.Viewer.Org && x.Resolved.IsZero() })
		return own >= 0 && p.cfg.Store.Check(c.Ctx(), c.Actor, "trace.answer", on) == nil
	}
	return false
}

func datasetTitles(c *Call, q store.Querier) (map[string]string, error) {
	ds, err := catalogue.Datasets(c.Ctx(), q)
	out := map[string]string{}
	for _, d := range ds {
		out[d.ID] = d.Title
	}
	return out, err
}

// projectTraces is where a project reports errors and findings, and sees what
// became of them.
func (p *Portal) projectTraces(c *Call) error {
	return p.draw(c, p.projectTracesPage(c))
}

func (p *Portal) projectTracesPage(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var x *governance.Project
		var ts []trace.Trace
		var dir *directory
		var data map[string]string
		var vars []ui.Option
		orgs := map[string]bool{}
		err := c.view(func(q store.Querier) error {
			var err error
			if x, err = governance.GetProject(c.Ctx(), q, c.ID()); err != nil {
				return err
			}
			if ts, err = trace.Of(c.Ctx(), q, x.ID); err != nil {
				return err
			}
			if dir, err = readDirectory(c.Ctx(), q); err != nil {
				return err
			}
			if data, err = datasetTitles(c, q); err != nil || x.Extract == "" {
				return err
			}
			vars, err = p.extractVariables(c, q, x.Extract, orgs)
			return err
		})
		if err != nil {
			return ui.Page{}, err
		}
		page := ui.Page{Back: &ui.Link{Text: x.Title, Href: "/projects/" + x.ID}, Above: "Project", Head: "Findings and errors", Errors: wrong,
			Lead: "For an error in the data, and for a finding that somebody’s own clinicians have to know. The organisation that sent the record learns whose it is; you do not.",
			Body: []ui.Block{p.traceTable(c, ts, dir, data, "Nothing has been reported.")}}
		off := c.Off("trace.ask", "Project", x.ID)
		who := ui.Field{Kind: "text", Name: "pseudonym", Label: "The person, as your extract names them", Hint: "17 letters and digits. It is erased as soon as the record is found.", Auto: "off"}
		problem := ui.Field{Kind: "select", Name: "reason", Label: "What is wrong", Options: wordOptions(trace.Problems())}
		reason := ui.Field{Kind: "select", Name: "reason", Label: "Why", Options: wordOptions(trace.Reasons())}
		org := ui.Field{Kind: "select", Name: "org", Label: "Whose clinicians", Hint: "The organisation that sent the record."}
		for _, o := range dir.orgs {
			if orgs[o.ID] {
				org.Options = append(org.Options, ui.Option{Value: o.ID, Text: o.Name})
			}
		}
		sort.Slice(org.Options, func(i, j int) bool { return org.Options[i].Text < org.Options[j].Text })
		where := ui.Field{Kind: "select", Name: "variable", Label: "Where", Options: vars}
		form := func(kind string, fields ...ui.Field) ui.Block {
			if typed.Get("kind") == kind {
				fields = ui.Filled(fields, typed, wrong)
			}
			return ui.Form{Action: "/projects/" + x.ID + "/traces", Hidden: []ui.Pair{{Name: "kind", Value: kind}}, Fields: fields, Submit: ui.Button{Text: "Report it", Look: "secondary", Off: off}}
		}
		page.Body = append(page.Body, ui.Head2{Text: "Report an error in the data"}, form(trace.Error, who, where, problem),
			ui.Head2{Text: "Report a finding about one person"}, ui.Text{Text: "A custodian who is not on your project has to let it pass, and names who at the organisation gets the answer."}, form(trace.Person, who, org, reason))
		return page, nil
	}
}

// extractVariables are the variables of a project's extract to choose from, and
// the organisations whose records are in it.
func (p *Portal) extractVariables(c *Call, q store.Querier, extract string, orgs map[string]bool) ([]ui.Option, error) {
	e, err := workspace.GetExtract(c.Ctx(), q, extract)
	if err != nil {
		return nil, err
	}
	var out []ui.Option
	for _, id := range e.Versions {
		v, err := catalogue.GetVersion(c.Ctx(), q, id)
		if err != nil {
			return nil, err
		}
		d, err := catalogue.GetDataset(c.Ctx(), q, v.Dataset)
		if err != nil {
			return nil, err
		}
		for _, o := range d.Orgs {
			orgs[o] = true
		}
		for _, t := range d.Tables {
			for _, et := range e.Tables {
				if et.Name != catalogue.TableName(d.Slug, t.Name) {
					continue
				}
				for _, name := range et.Variables {
					out = append(out, ui.Option{Value: d.ID + " " + t.Name + " " + name, Text: d.Title + ": " + t.Name + "." + name})
				}
			}
		}
	}
	return out, nil
}

func wordOptions(words map[string]string) []ui.Option {
	var out []ui.Option
	for _, k := range slices.Sorted(maps.Keys(words)) {
		out = append(out, ui.Option{Value: k, Text: capital(words[k])})
	}
	return out
}

func (p *Portal) askTrace(c *Call) error {
	return c.Attempt(p.projectTracesPage(c), func(form url.Values) (string, error) {
		a := trace.Ask{Kind: form.Get("kind"), Pseudonym: strings.ToUpper(strings.TrimSpace(form.Get("pseudonym"))), Reason: form.Get("reason"), Org: form.Get("org")}
		if at := strings.Fields(form.Get("variable")); len(at) == 3 {
			a.Dataset, a.Table, a.Variable = at[0], at[1], at[2]
		}
		t, err := p.cfg.Rooms.Traces.Ask(c.Ctx(), c.Actor, c.ID(), a)
		if err != nil {
			return "", err
		}
		return "/traces/" + t.ID, nil
	})
}

// traceList is what custodians and data engineers have to do about traces.
func (p *Portal) traceList(c *Call) error {
	var ts []trace.Trace
	var dir *directory
	var data map[string]string
	if err := c.view(func(q store.Querier) error {
		var err error
		if ts, err = p.visibleTraces(c, q); err != nil {
			return err
		}
		if data, err = datasetTitles(c, q); err != nil {
			return err
		}
		dir, err = readDirectory(c.Ctx(), q)
		return err
	}); err != nil {
		return err
	}
	return c.Page(ui.Page{Head: "Findings and errors", Lead: "Reports of projects about persons and data. The organisation that sent a record learns whose it is, sealed to its own key; nobody else does.",
		Body: []ui.Block{p.traceTable(c, ts, dir, data, "No report that you may see.")}})
}

// visibleTraces are those that the viewer may follow.
func (p *Portal) visibleTraces(c *Call, q store.Querier) ([]trace.Trace, error) {
	all, err := trace.All(c.Ctx(), q)
	var out []trace.Trace
	for _, t := range all {
		if p.cfg.Store.CheckIn(c.Ctx(), q, c.Actor, "trace.read", store.Resource{Type: "Trace", ID: t.ID}) == nil {
			out = append(out, t)
		}
	}
	return out, err
}

// waitingTraces are the traces that the viewer has to act on.
func (p *Portal) waitingTraces(c *Call, q store.Querier) ([]todo, error) {
	all, err := trace.All(c.Ctx(), q)
	var out []todo
	for _, t := range all {
		on := store.Resource{Type: "Trace", ID: t.ID}
		switch {
		case t.State == "asked" && p.cfg.Store.CheckIn(c.Ctx(), q, c.Actor, "trace.decide", on) == nil:
			out = append(out, todo{Text: "A report of a project", Href: "/traces/" + t.ID, Since: t.Asked, What: "waits for a second user to let it pass"})
		case t.State == "sealed" && slices.ContainsFunc(t.Parcels, func(x trace.Parcel) bool { return x.Org == c.Viewer.Org && x.Resolved.IsZero() }) && p.cfg.Store.CheckIn(c.Ctx(), q, c.Actor, "trace.answer", on) == nil:
			out = append(out, todo{Text: "A sealed report for your organisation", Href: "/traces/" + t.ID, Since: t.Decided, What: "waits for an answer"})
		}
	}
	return out, err
}

// trace is one report.
func (p *Portal) trace(c *Call) error {
	return p.draw(c, p.tracePage(c))
}

func (p *Portal) tracePage(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var t *trace.Trace
		var x *governance.Project
		var dir *directory
		var data map[string]string
		if err := c.view(func(q store.Querier) error {
			var err error
			if t, err = trace.Get(c.Ctx(), q, c.ID()); err != nil {
				return err
			}
			if x, err = governance.GetProject(c.Ctx(), q, t.Project); err != nil {
				return err
			}
			if data, err = datasetTitles(c, q); err != nil {
				return err
			}
			dir, err = readDirectory(c.Ctx(), q)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		back := ui.Link{Text: "Findings and errors", Href: "/traces"}
		if isMember(x, c.Viewer.User) {
			back.Href = "/projects/" + x.ID + "/traces"
		}
		yours := p.traceYours(c, *t)
		page := ui.Page{Back: &back, Above: "Report of a project", Head: traceWords(*t, dir, data), Errors: wrong, State: tag(t.State, yours),
			Next: &ui.Next{Tone: tone(t.State, yours), Text: "It is " + p.machines.trace.States[t.State].Says + "."}}
		rows := []ui.Row{{Key: "Project", Link: &ui.Link{Text: x.Title, Href: "/projects/" + x.ID}}, {Key: "Asked", Text: when(t.Asked)}}
		if !t.Decided.IsZero() {
			rows = append(rows, ui.Row{Key: "Decided", Text: when(t.Decided)})
		}
		if t.Recipient != "" {
			rows = append(rows, ui.Row{Key: "Who gets the answer", Text: dir.user(t.Recipient)})
		}
		if !t.Until.IsZero() && t.State == "sealed" {
			rows = append(rows, ui.Row{Key: "The sealed answer is erased", Text: day(t.Until)})
		}
		for _, o := range t.Shown(c.Viewer.Org).Outcomes {
			rows = append(rows, ui.Row{Key: "Looked at by the sender", Text: orText(when(o.Acknowledged), "not yet")}, ui.Row{Key: "Outcome", Text: orText(resolutionWords(o.Resolution), "none yet")})
		}
		page.Body = []ui.Block{ui.Summary{Rows: rows}}
		page.Body = append(page.Body, p.traceActs(c, t, dir, typed, wrong)...)
		return page, nil
	}
}

func resolutionWords(resolution string) string {
	var out []string
	for _, r := range strings.Fields(resolution) {
		out = append(out, sentence(trace.Resolutions()[r]))
	}
	return strings.Join(out, " ")
}

// traceActs are the forms of whoever has to act.
func (p *Portal) traceActs(c *Call, t *trace.Trace, dir *directory, typed url.Values, wrong []ui.Problem) []ui.Block {
	base := "/traces/" + t.ID
	var out []ui.Block
	if t.State == "asked" {
		fields := []ui.Field{{Kind: "radios", Name: "pass", Label: "Your decision", Options: []ui.Option{{Value: "yes", Text: "Let it pass: the sending organisation learns whose record it is"}, {Value: "no", Text: "Refuse"}}}}
		if t.Kind == trace.Person {
			to := ui.Field{Kind: "select", Name: "recipient", Label: "Who gets the answer", Hint: "A custodian of the organisation that sent the record, who neither asked nor decides."}
			for _, u := range dir.users {
				if slices.Contains(t.Orgs, u.Org) && u.Has(ark.Custodian) && u.ID != c.Viewer.User && u.ID != t.By {
					to.Options = append(to.Options, ui.Option{Value: u.ID, Text: u.Name})
				}
			}
			sort.Slice(to.Options, func(i, j int) bool { return to.Options[i].Text < to.Options[j].Text })
			fields = append(fields, to)
		}
		out = append(out, ui.Head2{Text: "Decide"}, ui.Form{Action: base + "/decision", Fields: ui.Filled(fields, typed, wrong), Submit: ui.Button{Text: "Decide", Off: c.Off("trace.decide", "Trace", t.ID)}})
	}
	if t.State == "sealed" || t.State == "answered" {
		open := c.Off("trace.open", "Trace", t.ID)
		out = append(out, ui.Head2{Text: "The sealed answer"}, ui.Text{Text: "It opens with your organisation’s own private key and with nothing else: ark trace open --key FILE TOKEN. That you fetch it is recorded."},
			ui.Form{Action: base + "/token", Submit: ui.Button{Text: "Fetch the sealed answer", Look: "secondary", Off: open}})
		if c.Off("trace.answer", "Trace", t.ID) == "" {
			out = append(out, ui.Head2{Text: "Answer the project"}, ui.Form{Action: base + "/answer", Fields: ui.Filled([]ui.Field{{Kind: "radios", Name: "resolution", Label: "What came of it", Options: wordOptions(trace.Resolutions())}}, typed, wrong), Submit: ui.Button{Text: "Answer"}})
		}
	}
	return out
}

func (p *Portal) decideTrace(c *Call) error {
	return c.Attempt(p.tracePage(c), func(form url.Values) (string, error) {
		if err := oneOf("pass", form.Get("pass"), "yes", "no"); err != nil {
			return "", err
		}
		return "/traces/" + c.ID(), p.cfg.Rooms.Traces.Decide(c.Ctx(), c.Actor, c.ID(), form.Get("pass") == "yes", form.Get("recipient"))
	})
}

func (p *Portal) fetchTrace(c *Call) error {
	tok, err := p.cfg.Rooms.Traces.Fetch(c.Ctx(), c.Actor, c.ID())
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(tok, "", "  ")
	if err != nil {
		return err
	}
	return c.attach("application/json", tok.Trace+".json", raw)
}

func (p *Portal) answerTrace(c *Call) error {
	return c.Attempt(p.tracePage(c), func(form url.Values) (string, error) {
		return "/traces/" + c.ID(), p.cfg.Rooms.Traces.Answer(c.Ctx(), c.Actor, c.ID(), form.Get("resolution"), "")
	})
}

func (p *Portal) registerKey(c *Call) error {
	return c.Attempt(p.myDataPage(c), func(form url.Values) (string, error) {
		_, err := p.cfg.Rooms.Traces.RegisterKey(c.Ctx(), c.Actor, c.ID(), strings.TrimSpace(form.Get("key")))
		return "/my-data", err
	})
}

// keyBlocks show an organisation's key and let its custodians change it.
func (p *Portal) keyBlocks(c *Call, k *trace.OrgKey, typed url.Values, wrong []ui.Problem) []ui.Block {
	says := "None is registered: nothing can be sealed to your organisation, so no report about its records can be sent to it."
	if k != nil {
		says = "Registered " + when(k.At) + "; its fingerprint is " + k.Fingerprint + "."
	}
	return []ui.Block{ui.Head2{Text: "The key for sealed reports"}, ui.Text{Text: says}, ui.Details{Summary: "Register a key", Body: []ui.Block{ui.Text{Text: "Make a pair with: ark trace new-key FILE. Keep the private half with you; the public half goes here."},
		ui.Form{Action: "/organisations/" + c.Viewer.Org + "/key", Fields: ui.Filled([]ui.Field{{Kind: "text", Name: "key", Label: "Public key", Hint: "The line that begins with ark-public-"}}, typed, wrong), Submit: ui.Button{Text: "Register the key", Look: "secondary", Off: c.Off("organisation.key", "Organisation", c.Viewer.Org)}}}}}
}

type askIn struct {
	One
	Body trace.Ask
}

type traceDecisionIn struct {
	One
	Body struct {
		Pass      bool   `json:"pass"`
		Recipient string `json:"recipient,omitempty" maxLength:"80" doc:"For a person: the custodian of the sending organisation who gets the answer"`
	}
}

type traceAnswerIn struct {
	One
	Body struct {
		Resolution string `json:"resolution" enum:"corrected,was-right,cannot-correct,not-ours"`
		Delivery   string `json:"delivery,omitempty" maxLength:"80" doc:"Of your organisation, that brings the correction"`
	}
}

type keyIn struct {
	One
	Body struct {
		Key string `json:"key" maxLength:"100" doc:"The public half, from ark trace new-key"`
	}
}

func (p *Portal) traceOperations(a *API) error {
	r := p.cfg.Rooms.Traces
	return errors.Join(
		operation(a, Op{Method: get, Path: "/traces", Action: "self.read", On: "Ark", Tag: "Traces", Summary: "Reports of errors and findings that you may follow"}, func(c *Call, in *Paged) (*Body[List[trace.Public]], error) {
			var out []trace.Public
			if err := c.view(func(q store.Querier) error {
				ts, err := p.visibleTraces(c, q)
				for _, t := range ts {
					out = append(out, t.Shown(c.Viewer.Org))
				}
				return err
			}); err != nil {
				return nil, err
			}
			return page(out, func(t trace.Public) string { return t.ID }, *in), nil
		}),
		operation(a, Op{Method: get, Path: "/traces/{id}", Action: "trace.read", On: "Trace", Tag: "Traces", Summary: "What became of a report"}, func(c *Call, in *One) (*Body[trace.Public], error) {
			var out trace.Public
			err := c.view(func(q store.Querier) error {
				t, err := trace.Get(c.Ctx(), q, in.ID)
				if err == nil {
					out = t.Shown(c.Viewer.Org)
				}
				return err
			})
			return &Body[trace.Public]{out}, err
		}),
		operation(a, Op{Method: post, Path: "/projects/{id}/traces", Action: "trace.ask", On: "Project", Tag: "Traces", Summary: "Report an error in the data, or a finding about one person, to the organisation that sent the record"}, func(c *Call, in *askIn) (*Body[trace.Public], error) {
			t, err := r.Ask(c.Ctx(), c.Actor, in.ID, in.Body)
			if err != nil {
				return nil, err
			}
			return &Body[trace.Public]{t.Shown(c.Viewer.Org)}, nil
		}),
		operation(a, Op{Method: post, Path: "/traces/{id}/decision", Action: "trace.decide", On: "Trace", Tag: "Traces", Summary: "Let a report pass, or refuse it"}, func(c *Call, in *traceDecisionIn) (*struct{}, error) {
			return nil, r.Decide(c.Ctx(), c.Actor, in.ID, in.Body.Pass, in.Body.Recipient)
		}),
		operation(a, Op{Method: post, Path: "/traces/{id}/token", Action: "trace.open", On: "Trace", Tag: "Traces", Again: true, Summary: "Fetch the sealed answer for your organisation; recorded"}, func(c *Call, in *One) (*Body[*seal.Token], error) {
			tok, err := r.Fetch(c.Ctx(), c.Actor, in.ID)
			return &Body[*seal.Token]{tok}, err
		}),
		operation(a, Op{Method: post, Path: "/traces/{id}/answer", Action: "trace.answer", On: "Trace", Tag: "Traces", Summary: "Say what came of a report"}, func(c *Call, in *traceAnswerIn) (*struct{}, error) {
			return nil, r.Answer(c.Ctx(), c.Actor, in.ID, in.Body.Resolution, in.Body.Delivery)
		}),
		operation(a, Op{Method: post, Path: "/organisations/{id}/key", Action: "organisation.key", On: "Organisation", Tag: "Traces", Summary: "Register the public key to which answers for your organisation are sealed"}, func(c *Call, in *keyIn) (*Body[*trace.OrgKey], error) {
			k, err := r.RegisterKey(c.Ctx(), c.Actor, in.ID, strings.TrimSpace(in.Body.Key))
			return &Body[*trace.OrgKey]{k}, err
		}),
	)
}
