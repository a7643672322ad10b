package policies

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

//go:embed access.cedar
var accessText []byte

//go:embed actions.tsv
var actionsText string

// Action is one thing that can be done.
type Action struct {
	Name     string
	Resource string // the kind of resource it is done to
	Words    string // what it is, after "may"
	Who      string // who may, in words
}

// Access decides by the Cedar policies. Its zero value refuses everything.
type Access struct {
	set     *cedar.PolicySet
	actions map[string]Action
}

// LoadAccess reads the embedded policies and actions.
func LoadAccess() (*Access, error) { return ParseAccess(accessText, actionsText) }

// ParseAccess reads policies in Cedar and actions as tab-separated lines. A
// policy without an @id, two with one @id, or an action named in neither or
// only one of the two is an error.
func ParseAccess(policies []byte, actions string) (*Access, error) {
	list, err := cedar.NewPolicyListFromBytes("access.cedar", policies)
	if err != nil {
		return nil, fmt.Errorf("read access.cedar: %w", err)
	}
	a := &Access{set: cedar.NewPolicySet(), actions: map[string]Action{}}
	for _, p := range list {
		id, ok := p.Annotations()["id"]
		if !ok || id == "" {
			return nil, fmt.Errorf("access.cedar line %d: the policy has no @id", p.Position().Line)
		}
		if !a.set.Add(cedar.PolicyID(id), p) {
			return nil, fmt.Errorf("access.cedar line %d: a second policy has the @id %q", p.Position().Line, id)
		}
	}
	for i, line := range strings.Split(strings.TrimRight(actions, "\n"), "\n") {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "action\t") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 4 {
			return nil, fmt.Errorf("actions.tsv line %d: want 4 fields, have %d", i+1, len(f))
		}
		if !strings.Contains(string(policies), `Action::"`+f[0]+`"`) {
			return nil, fmt.Errorf("actions.tsv line %d: no policy speaks of %q", i+1, f[0])
		}
		a.actions[f[0]] = Action{f[0], f[1], f[2], f[3]}
	}
	for _, part := range strings.Split(string(policies), `Action::"`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if _, ok := a.actions[name]; !ok {
			return nil, fmt.Errorf("access.cedar speaks of the action %q, which actions.tsv does not list", name)
		}
	}
	return a, nil
}

// Actions returns every action by name.
func (a *Access) Actions() map[string]Action { return a.actions }

// Decide implements store.Decider. The refusal of a forbid carries that
// policy's words; where nothing permits, it says who may.
func (a *Access) Decide(ctx context.Context, d store.Decision) error {
	if a == nil || a.set == nil {
		return ark.Faultf(ark.Forbidden, "no policies are loaded, so nothing is allowed").Do("tell the operator")
	}
	act, ok := a.actions[d.Action]
	if !ok {
		return ark.Faultf(ark.Forbidden, "there is no action of that name, so it is not allowed").By("unknown-action")
	}
	if d.Resource.Type != act.Resource {
		return ark.Faultf(ark.Forbidden, "that is not something %s can be done to", act.Name).By("wrong-resource")
	}
	who, err := principal(d)
	if err != nil {
		return err
	}
	what, err := entity(d.Resource)
	if err != nil {
		return err
	}
	stepUp := int64(0)
	if !d.Actor.StepUp.IsZero() {
		stepUp = d.Actor.StepUp.Unix()
	}
	req := cedar.Request{
		Principal: who.UID,
		Action:    cedar.NewEntityUID("Action", cedar.String(act.Name)),
		Resource:  what.UID,
		Context:   cedar.NewRecord(cedar.RecordMap{"now": cedar.Long(d.Now.Unix()), "stepUp": cedar.Long(stepUp)}),
	}
	decision, diag := cedar.Authorize(a.set, cedar.EntityMap{who.UID: who, what.UID: what}, req)
	if len(diag.Errors) > 0 {
		// A policy that could not be evaluated might have been a forbid.
		return ark.Faultf(ark.Forbidden, "the policy could not be evaluated, so it is not allowed").Do("tell the operator").
			By(string(diag.Errors[0].PolicyID)).Because(fmt.Errorf("%v", diag.Errors[0].Message))
	}
	if decision == cedar.Allow {
		return nil
	}
	return a.refusal(d, act, diag)
}

func (a *Access) refusal(d store.Decision, act Action, diag cedar.Diagnostic) error {
	if d.Actor.User == "" && d.Actor.System == "" {
		return ark.Faultf(ark.Unsigned, "only %s may %s", act.Who, act.Words).Do("sign in").By("signed-in")
	}
	if len(diag.Reasons) == 0 {
		return ark.Faultf(ark.Forbidden, "only %s may %s", act.Who, act.Words).Do("ask one of them, or ask the operator for the role").By("default-deny")
	}
	// One decision gives one reason: of several, the policy that stands first.
	why := slices.MinFunc(diag.Reasons, func(a, b cedar.DiagnosticReason) int { return a.Position.Line - b.Position.Line })
	notes := a.set.Get(why.PolicyID).Annotations()
	f := ark.Faultf(ark.Forbidden, "%s", notes["says"]).Do(string(notes["remedy"])).By(string(why.PolicyID))
	switch notes["kind"] {
	case "lapsed":
		f.Kind = ark.Lapsed
	case "unsigned":
		f.Kind = ark.Unsigned
	}
	return f
}

func principal(d store.Decision) (cedar.Entity, error) {
	switch {
	case d.Actor.User != "":
		u := d.User
		u.Type, u.ID = "User", d.Actor.User
		e, err := entity(u)
		if err != nil {
			return e, err
		}
		e.Attributes = withUser(e.Attributes, d.Actor.User)
		return e, nil
	case d.Actor.System != "":
		return cedar.Entity{UID: cedar.NewEntityUID("Part", cedar.String(d.Actor.System))}, nil
	default:
		return cedar.Entity{UID: cedar.NewEntityUID("Nobody", "nobody")}, nil
	}
}

// withUser adds the user's own id, so that policies compare ids as strings.
func withUser(r cedar.Record, id string) cedar.Record {
	m := r.Map()
	if m == nil {
		m = cedar.RecordMap{}
	}
	m["user"] = cedar.String(id)
	return cedar.NewRecord(m)
}

func entity(e store.Entity) (cedar.Entity, error) {
	m := cedar.RecordMap{}
	for k, v := range e.Attrs {
		switch v := v.(type) {
		case string:
			m[cedar.String(k)] = cedar.String(v)
		case bool:
			m[cedar.String(k)] = cedar.Boolean(v)
		case int64:
			m[cedar.String(k)] = cedar.Long(v)
		case []string:
			set := make([]cedar.Value, len(v))
			for i, s := range v {
				set[i] = cedar.String(s)
			}
			m[cedar.String(k)] = cedar.NewSet(set...)
		default:
			return cedar.Entity{}, fmt.Errorf("policies: attribute %s of a %s has the type %T", k, e.Type, v)
		}
	}
	return cedar.Entity{UID: cedar.NewEntityUID(cedar.EntityType(e.Type), cedar.String(e.ID)), Attributes: cedar.NewRecord(m)}, nil
}
