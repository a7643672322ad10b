package ingress

import (
	"context"
	"embed"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/policies"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema is the room's tables.
func Schema() store.Schema { return store.SchemaOf("ingress", schemaFiles) }

// Room does the room's work on a store. Data names the extract that inputs are
// held against; without it an input that is about people is not let in.
type Room struct {
	St   *store.Store
	Data func(ctx context.Context, q store.Querier, extract string) (airlock.Data, error)
	// Notify says that messages are sent: an incident is told by them too.
	Notify bool

	machine policies.Machine
}

// New returns the room.
func New(st *store.Store) *Room { return &Room{St: st, machine: policies.MustMachine("input")} }

// Loaders read the room's entities for decisions.
func Loaders() map[string]store.Loader { return map[string]store.Loader{"Input": load} }

func load(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	i, err := inputs.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	e, err := governance.LoadProject(ctx, q, i.Project)
	if err != nil {
		return store.Entity{}, err
	}
	author, err := governance.GetUser(ctx, q, i.Author)
	if err != nil {
		return store.Entity{}, err
	}
	deciders := []string{}
	for _, n := range i.Needs {
		deciders = append(deciders, n.Orgs...)
	}
	e.Attrs["humans"] = append(e.Attrs["humans"].([]string), author.Human)
	e.Attrs["author"], e.Attrs["state"], e.Attrs["deciders"] = i.Author, i.State, deciders
	return e, nil
}

func on(id string) store.Resource { return store.Resource{Type: "Input", ID: id} }

func (i *Input) event(kind string, body any) store.Event {
	return store.Event{Type: kind, Project: i.Project, Subjects: []string{i.ID, i.Project}, Body: body}
}

func (x *Room) move(tx *store.Tx, i *Input, to, action, says string) error {
	if err := x.machine.Move(i.State, to, action); err != nil {
		return err
	}
	i.State, i.StateSince, i.Says = to, tx.Now(), says
	return nil
}

// Asked is what an author sends: files that are pinned already, and what they are.
type Asked struct {
	Kind   string
	Title  string
	Origin string
	Why    string
	People string
	Files  []File // Name and Ref
}

const maxText = 4000

func (a Asked) check() error {
	for field, v := range map[string]string{"title": a.Title, "origin": a.Origin, "why": a.Why} {
		if strings.TrimSpace(v) == "" || len(v) > maxText {
			return ark.Faultf(ark.Invalid, "answer this in at most %d characters", maxText).At("", 0, field)
		}
	}
	switch {
	case Endings(a.Kind) == nil:
		return ark.Faultf(ark.Invalid, "say what kind of thing it is").At("", 0, "kind")
	case !slices.Contains([]string{PeopleNone, PeopleCounts, PeoplePersons}, a.People):
		return ark.Faultf(ark.Invalid, "say whether it is about people").At("", 0, "people")
	case len(a.Files) == 0:
		return ark.Faultf(ark.Invalid, "choose at least one file").At("", 0, "files")
	case len(a.Files) > MaxFiles:
		return ark.Faultf(ark.TooMuch, "at most %d files come in at once", MaxFiles).At("", 0, "files")
	}
	names, size := map[string]bool{}, int64(0)
	for n, f := range a.Files {
		size += f.Ref.Size
		ending := strings.ToLower(strings.TrimPrefix(path.Ext(f.Name), "."))
		switch {
		case !plain(f.Name) || names[strings.ToLower(f.Name)]:
			return ark.Faultf(ark.Invalid, "file %d has a name that is used twice, or holds more than letters, digits, dots, hyphens and underscores", n+1).At("", 0, "files").Do("rename it")
		case !slices.Contains(Endings(a.Kind), ending):
			return ark.Faultf(ark.Invalid, "file %d is of no type that may come in as this kind", n+1).At("", 0, "files").Do("as this kind may come in: " + strings.Join(Endings(a.Kind), ", "))
		case f.Ref.Zone != objects.Outputs || len(f.Ref.SHA256) != 64:
			return ark.Faultf(ark.Invalid, "file %d is not pinned", n+1)
		}
		names[strings.ToLower(f.Name)] = true
	}
	if size > MaxBytes {
		return ark.Faultf(ark.TooMuch, "at most %d MB come in at once", MaxBytes>>20).At("", 0, "files").Do("bring it in parts, or ask the operator for a dataset of its own")
	}
	return nil
}

func plain(name string) bool {
	if name == "" || len(name) > 128 || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
	}) < 0
}

// Submit asks that files be brought into a workspace, and has them checked.
func (x *Room) Submit(ctx context.Context, actor store.Actor, workspace string, a Asked) (*Input, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	var i Input
	err := x.St.Act(ctx, actor, "input.submit", store.Resource{Type: "Workspace", ID: workspace}, func(tx *store.Tx) ([]store.Event, error) {
		at := tx.Resource().Attrs
		i = Input{ID: tx.NewID(ark.PrefixInput), Project: at["project"].(string), Permit: at["permit"].(string), Extract: at["extract"].(string), Workspace: workspace, Author: actor.User,
			State: x.machine.Start, StateSince: tx.Now(), Kind: a.Kind, Title: strings.TrimSpace(a.Title), Origin: strings.TrimSpace(a.Origin), Why: strings.TrimSpace(a.Why), People: a.People,
			Needs: []Need{}, Approvals: []airlock.Approval{}, Created: tx.Now()}
		old, err := inputs.Where(ctx, tx, "workspace = $1 AND state NOT IN ('blocked', 'rejected', 'withdrawn')", workspace)
		if err != nil {
			return nil, err
		}
		for n, f := range a.Files {
			for _, o := range old {
				if slices.ContainsFunc(o.Files, func(g File) bool { return strings.EqualFold(g.Name, f.Name) }) {
					return nil, ark.Faultf(ark.Conflict, "the inbox has, or is to have, a file of the name of file %d", n+1).At("", 0, "files").Do("rename it: what was approved is never replaced")
				}
			}
			i.Files = append(i.Files, File{Ordinal: n + 1, Name: f.Name, Ref: f.Ref})
		}
		job := CheckJob{Input: i.ID, Project: i.Project, Kind: i.Kind, Files: i.Files}
		if x.Data != nil {
			if job.Data, err = x.Data(ctx, tx, i.Extract); err != nil {
				return nil, err
			}
		}
		if _, err := tx.Enqueue(ctx, "check-input", "airlock", i.ID, job); err != nil {
			return nil, err
		}
		return []store.Event{i.event("input.submitted", map[string]any{"kind": i.Kind, "files": len(i.Files)})}, inputs.Insert(ctx, tx, &i)
	})
	if err != nil {
		return nil, err
	}
	return &i, nil
}

// ApplyChecks records the automatic checks inside the change that ends their
// job. A file that failed, or was not checked, stops the input.
func (x *Room) ApplyChecks(ctx context.Context, tx *store.Tx, id string, res CheckResult) ([]store.Event, error) {
	i, err := inputs.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	hurt, err := x.hurt(ctx, tx, i, res)
	if err != nil {
		return nil, err
	}
	if i.State != "checking" {
		return append(hurt, i.event("input.checks-dropped", nil)), nil
	}
	to, says := "waiting", ""
	for n := range i.Files {
		f := &i.Files[n]
		at := slices.IndexFunc(res.Files, func(c File) bool { return c.Ordinal == f.Ordinal })
		if at < 0 {
			f.Verdict = "fail"
		} else if c := res.Files[at]; c.Damaged {
			f.Verdict, f.Findings, f.Damaged = "fail", c.Findings, true
		} else {
			if c.Ref.Zone != objects.Outputs || len(c.Ref.SHA256) != 64 {
				return nil, ark.Faultf(ark.Internal, "the clean file is not where clean files are kept")
			}
			f.Ref, f.Came, f.Type, f.Verdict, f.Findings, f.Profile = c.Ref, c.Came, c.Type, c.Verdict, c.Findings, c.Profile
		}
		if f.Verdict != "pass" && f.Verdict != "review" {
			to, says = "blocked", "an automatic check failed; mend the files and bring them again"
		}
	}
	i.Needs = []Need{{As: airlock.AsChecker}}
	if i.Persons() {
		if err := i.askCustodians(ctx, tx); err != nil {
			return nil, err
		}
		if len(i.Needs) < 2 {
			to, says = "blocked", "it is about persons, and there is no custodian who could decide on it"
		}
	}
	if err := x.move(tx, i, to, "input.apply", says); err != nil {
		return nil, err
	}
	return append(hurt, i.event("input.checked", map[string]any{"state": to, "persons": i.Persons()})), inputs.Update(ctx, tx, i)
}

// hurt opens the incidents about files that the checks found damaged.
func (x *Room) hurt(ctx context.Context, tx *store.Tx, i *Input, res CheckResult) (out []store.Event, err error) {
	for _, f := range i.Files {
		if !slices.ContainsFunc(res.Files, func(c File) bool { return c.Ordinal == f.Ordinal && c.Damaged }) {
			continue
		}
		events, err := airlock.OpenDamage(ctx, tx, i.hurtFile(f.Ordinal), x.Notify)
		if err != nil {
			return nil, err
		}
		out = append(out, events...)
	}
	return out, nil
}

func (i *Input) hurtFile(ordinal int) airlock.Hurt {
	return airlock.Hurt{Input: i.ID, Project: i.Project, Author: i.Author, File: ordinal}
}

// askCustodians adds those who decided on the project's application: data about
// persons is a linkage that the permit did not speak of.
func (i *Input) askCustodians(ctx context.Context, q store.Querier) error {
	permit, err := governance.GetPermit(ctx, q, i.Permit)
	if err != nil {
		return err
	}
	reviews, err := governance.ReviewsOf(ctx, q, permit.Application)
	if err != nil && !ark.Is(err, ark.Unknown) {
		return err
	}
	for _, r := range reviews {
		if len(r.Deciders) == 0 || r.State != "approved" || slices.ContainsFunc(i.Needs, func(n Need) bool { return slices.Equal(n.Orgs, r.Deciders) }) {
			continue
		}
		i.Needs = append(i.Needs, Need{As: airlock.AsCustodian, Orgs: slices.Clone(r.Deciders)})
	}
	if len(i.Needs) < 2 {
		project, err := governance.GetProject(ctx, q, i.Project)
		if err != nil {
			return err
		}
		for _, o := range project.Orgs {
			i.Needs = append(i.Needs, Need{As: airlock.AsCustodian, Orgs: []string{o}})
		}
	}
	return nil
}

// Approve consents as an output checker, or as a custodian whose data it would
// meet. One human being consents once.
func (x *Room) Approve(ctx context.Context, actor store.Actor, id string) error {
	return x.St.Act(ctx, actor, "input.approve", on(id), func(tx *store.Tx) ([]store.Event, error) {
		i, err := inputs.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if i.State != "waiting" {
			return nil, x.machine.Refusal(i.State)
		}
		u, err := governance.GetUser(ctx, tx, actor.User)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(i.Approvals, func(a airlock.Approval) bool { return a.Human == u.Human }) {
			return nil, ark.Faultf(ark.Conflict, "you have approved it already").By("one-human-counts-once")
		}
		as, left := "", 0
		for n := range i.Needs {
			need := &i.Needs[n]
			if need.from(u) && (as == "" || as == need.As) {
				need.Done, as = true, need.As
			}
			if !need.Done {
				left++
			}
		}
		if as == "" {
			return nil, ark.Faultf(ark.Conflict, "it does not wait for your approval")
		}
		i.Approvals = append(i.Approvals, airlock.Approval{As: as, By: u.ID, Human: u.Human, At: tx.Now()})
		if left == 0 {
			if err := x.move(tx, i, "approved", "input.approve", ""); err != nil {
				return nil, err
			}
		}
		return []store.Event{i.event("input.approved", map[string]any{"as": as, "left": left})}, inputs.Update(ctx, tx, i)
	})
}

// Reject refuses an input for good.
func (x *Room) Reject(ctx context.Context, actor store.Actor, id, why string) error {
	if strings.TrimSpace(why) == "" || len(why) > maxText {
		return ark.Faultf(ark.Invalid, "give a reason of at most %d characters", maxText).At("", 0, "reason")
	}
	return x.end(ctx, actor, id, "rejected", "input.reject", why)
}

// Withdraw takes an input back before it is in.
func (x *Room) Withdraw(ctx context.Context, actor store.Actor, id string) error {
	return x.end(ctx, actor, id, "withdrawn", "input.withdraw", "")
}

func (x *Room) end(ctx context.Context, actor store.Actor, id, to, action, says string) error {
	return x.St.Act(ctx, actor, action, on(id), func(tx *store.Tx) ([]store.Event, error) {
		i, err := inputs.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if err := x.move(tx, i, to, action, says); err != nil {
			return nil, err
		}
		return []store.Event{i.event("input."+to, nil)}, inputs.Update(ctx, tx, i)
	})
}

// OpenFile authorises and records that actor looks at a file.
func (x *Room) OpenFile(ctx context.Context, actor store.Actor, id string, ordinal int) (*File, error) {
	var out *File
	err := x.St.Act(ctx, actor, "input.read", on(id), func(tx *store.Tx) ([]store.Event, error) {
		i, err := inputs.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		for n := range i.Files {
			if i.Files[n].Ordinal == ordinal {
				out = &i.Files[n]
				return []store.Event{i.event("access.input.read", map[string]int{"file": ordinal})}, nil
			}
		}
		return nil, ark.Faultf(ark.Unknown, "this input has no such file")
	})
	return out, err
}

// Damaged records that the stored bytes of a file are not what was sent or
// checked: an incident opens, as about a file on its way out, and an input that
// is not in yet is stopped for good. Found again while that is open, it changes
// nothing.
func (x *Room) Damaged(ctx context.Context, id string, ordinal int) error {
	return x.St.Act(ctx, store.Actor{System: "worker"}, "input.fault", on(id), func(tx *store.Tx) ([]store.Event, error) {
		i, err := inputs.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(i.Files, func(f File) bool { return f.Ordinal == ordinal })
		if at < 0 {
			return nil, ark.Faultf(ark.Unknown, "this input has no such file")
		}
		events, err := airlock.OpenDamage(ctx, tx, i.hurtFile(ordinal), x.Notify)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			return []store.Event{i.event("input.damage-known", nil)}, nil
		}
		i.Files[at].Damaged = true
		if i.State == "waiting" || i.State == "approved" {
			if err := x.move(tx, i, "blocked", "input.fault", "the stored bytes of a file are not what was checked, so it cannot come in; bring it again"); err != nil {
				return nil, err
			}
			events = append(events, i.event("input.blocked", nil))
		}
		return events, inputs.Update(ctx, tx, i)
	})
}

// SettleDamage records what the open incidents about an input's files turned
// out to be. The input stays stopped: its author brings the files again.
func (x *Room) SettleDamage(ctx context.Context, actor store.Actor, id, outcome, lesson string) error {
	return x.St.Act(ctx, actor, "input.settle", on(id), func(tx *store.Tx) ([]store.Event, error) {
		i, err := inputs.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		return airlock.SettleHurt(ctx, tx, i.hurtFile(0), outcome, lesson)
	})
}

// Deliver puts approved files into a workspace that runs, by put, and records
// it. What is refused now, since the permit lapsed or an extract changed, stays
// where it is. It may be repeated after any failure.
func (x *Room) Deliver(ctx context.Context, workspace string, put func(ctx context.Context, f File) error) (int, error) {
	var due []Input
	if err := x.St.View(ctx, func(q store.Querier) (err error) {
		due, err = inputs.Where(ctx, q, "workspace = $1 AND state = 'approved'", workspace)
		return err
	}); err != nil {
		return 0, err
	}
	system := store.Actor{System: "enclave"}
	for n := range due {
		i := &due[n]
		if err := x.St.Check(ctx, system, "input.deliver", on(i.ID)); err != nil {
			return n, err
		}
		for _, f := range i.Files {
			err := put(ctx, f)
			if errors.Is(err, objects.ErrDamaged) {
				return n, errors.Join(err, x.Damaged(ctx, i.ID, f.Ordinal))
			}
			if err != nil {
				return n, err
			}
		}
		if err := x.St.Act(ctx, system, "input.deliver", on(i.ID), func(tx *store.Tx) ([]store.Event, error) {
			i, err := inputs.Get(ctx, tx, i.ID)
			if err != nil {
				return nil, err
			}
			if err := x.move(tx, i, "delivered", "input.deliver", ""); err != nil {
				return nil, err
			}
			i.Delivered = tx.Now()
			return []store.Event{i.event("input.delivered", map[string]int{"files": len(i.Files)})}, inputs.Update(ctx, tx, i)
		}); err != nil {
			return n, err
		}
	}
	return len(due), nil
}

// Get returns an input.
func Get(ctx context.Context, q store.Querier, id string) (*Input, error) {
	return inputs.Get(ctx, q, id)
}

// Of returns the inputs of a workspace, newest first.
func Of(ctx context.Context, q store.Querier, workspace string) ([]Input, error) {
	all, err := inputs.Where(ctx, q, "workspace = $1", workspace)
	slices.Reverse(all)
	return all, err
}

// Seen returns the inputs that actor may see, newest first.
func (x *Room) Seen(ctx context.Context, q store.Querier, actor store.Actor) ([]Input, error) {
	all, err := inputs.Where(ctx, q, "")
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(i Input) bool { return x.St.CheckIn(ctx, q, actor, "input.read", on(i.ID)) != nil })
	slices.Reverse(all)
	return all, nil
}

// WaitsFor reports whether an input waits for the approval of u.
func (i *Input) WaitsFor(u *governance.User) bool {
	if i.State != "waiting" || slices.ContainsFunc(i.Approvals, func(a airlock.Approval) bool { return a.Human == u.Human }) {
		return false
	}
	return slices.ContainsFunc(i.Needs, func(n Need) bool { return n.from(u) })
}

// from reports whether u may give the approval, which nobody has given yet.
func (n Need) from(u *governance.User) bool {
	return !n.Done && (n.As == airlock.AsChecker && u.Has(ark.Checker) || n.As == airlock.AsCustodian && u.Has(ark.Custodian) && slices.Contains(n.Orgs, u.Org))
}

// Waiting returns the inputs that wait for actor.
func (x *Room) Waiting(ctx context.Context, q store.Querier, actor store.Actor) ([]Input, error) {
	all, err := inputs.Where(ctx, q, "state = 'waiting'")
	if err != nil || len(all) == 0 {
		return nil, err
	}
	u, err := governance.GetUser(ctx, q, actor.User)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(i Input) bool {
		return !i.WaitsFor(u) || x.St.CheckIn(ctx, q, actor, "input.reject", on(i.ID)) != nil
	}), nil
}
