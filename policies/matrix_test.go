package policies

import (
	"context"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

//go:embed access_matrix.tsv
var matrixText string

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

const (
	ours   = "org_ours"
	theirs = "org_theirs"
)

// people are the situations of the matrix that are users. Second accounts of
// one human being have their own user id and the human of the first.
var people = map[string]struct {
	human, org string
	roles      []string
}{
	"member":              {"h-member", "org_university", []string{"researcher"}},
	"lead":                {"h-lead", "org_university", []string{"researcher"}},
	"outsider":            {"h-outsider", "org_university", []string{"researcher"}},
	"custodian-own":       {"h-own", ours, []string{"custodian"}},
	"custodian-other":     {"h-other", theirs, []string{"custodian"}},
	"custodian-applicant": {"h-lead", ours, []string{"custodian"}},
	"checker":             {"h-checker", "org_ark", []string{"checker"}},
	"checker-on-project":  {"h-lead", "org_ark", []string{"checker"}},
	"data-engineer":       {"h-engineer", "org_ark", []string{"data-engineer"}},
	"operator":            {"h-operator", "org_ark", []string{"operator"}},
	"lay-reviewer":        {"h-lay", "org_public", []string{"lay-reviewer"}},
	"auditor":             {"h-auditor", "org_audit", []string{"auditor"}},
	"suspended":           {"h-lead", ours, []string{"researcher", "custodian", "checker", "data-engineer", "operator", "lay-reviewer", "auditor"}},
}

// question is the decision of a situation on an action, all being in order.
func question(a Action, who string) store.Decision {
	d := store.Decision{Now: noon, Action: a.Name}
	id := "usr_" + who
	p, isUser := people[who]
	switch {
	case who == "nobody":
	case !isUser:
		d.Actor = store.Actor{System: who}
	default:
		if who == "suspended" {
			id = "usr_lead" // the lead's own account, with every role there is
		}
		d.Actor = store.Actor{User: id, StepUp: noon.Add(-time.Minute)}
		d.User = store.Entity{Attrs: map[string]any{"roles": p.roles, "human": p.human, "org": p.org, "suspended": who == "suspended",
			"trainingUntil": noon.Add(time.Hour).Unix(), "termsUntil": noon.Add(time.Hour).Unix()}}
	}
	project := map[string]any{
		"state": "active", "projectState": "active", "lead": "usr_lead", "members": []string{"usr_lead", "usr_member"},
		"humans": []string{"h-lead", "h-member"}, "orgs": []string{ours},
		"permitUsers": []string{"usr_lead", "usr_member"}, "permitFrom": noon.Add(-time.Hour).Unix(), "permitUntil": noon.Add(time.Hour).Unix(),
	}
	if strings.HasPrefix(a.Name, "application.") {
		project["state"], project["projectState"] = "draft", "draft"
	}
	e := store.Entity{Type: a.Resource, ID: "it", Attrs: project}
	switch a.Resource {
	case "Ark":
		e.Attrs = map[string]any{"empty": who == "founder"}
	case "Organisation", "Source", "Delivery", "Dataset":
		e.Attrs = map[string]any{"orgs": []string{ours}}
	case "Version":
		e.Attrs = map[string]any{"orgs": []string{ours}, "humans": []string{"h-lead"}}
	case "Review":
		project["deciders"], project["state"], project["lay"] = []string{ours}, "waiting", false
		project["org"], project["decidersUntil"] = ours, int64(1<<60)
	case "Workspace":
		project["user"], project["selfTest"] = "usr_lead", true
	case "Request":
		project["author"], project["arbiter"] = "usr_lead", "usr_checker"
		project["signers"], project["waiveOrgs"] = []string{}, []string{}
		if a.Name == "request.sign-off" {
			project["signers"] = []string{"lay", ours}
		}
		if a.Name == "request.waive" {
			project["waiveOrgs"] = []string{ours}
		}
		project["author"] = "usr_lead"
	case "Pair":
		e.Attrs = map[string]any{"orgs": []string{ours}, "humans": []string{"h-member"}, "answered": []string{"org_university"}, "state": "waiting"}
	case "Input":
		project["author"], project["deciders"] = "usr_lead", []string{ours}
	case "Standing":
		project["author"], project["recipients"] = "usr_lead", []string{"usr_outsider"}
	case "Trace":
		project["kind"], project["traceState"], project["recipient"], project["approver"] = "error", "sealed", "", "h-somebody"
		project["senders"], project["parcels"], project["answerUntil"] = []string{ours}, []string{ours}, noon.Add(time.Hour).Unix()
	case "Release":
		project["recipients"], project["frozen"], project["downloadUntil"] = []string{"usr_lead"}, false, noon.Add(time.Hour).Unix()
	}
	d.Resource = e
	return d
}

type matrixCell struct {
	action, who string
	may         bool
}

func matrix(t testing.TB) []matrixCell {
	t.Helper()
	var cols []string
	var out []matrixCell
	seen := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(matrixText), "\n") {
		f := strings.Split(line, "\t")
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case f[0] == "action":
			cols = f[1:]
			continue
		case len(f) != len(cols)+1 || seen[f[0]]:
			t.Fatalf("access_matrix.tsv: the row %q has %d fields or stands twice", f[0], len(f))
		}
		seen[f[0]] = true
		for i, c := range f[1:] {
			if c != "y" && c != "." {
				t.Fatalf("access_matrix.tsv: %s of %s is %q", f[0], cols[i], c)
			}
			out = append(out, matrixCell{f[0], cols[i], c == "y"})
		}
	}
	for who := range people {
		if !slices.Contains(cols, who) {
			t.Errorf("access_matrix.tsv has no column %s", who)
		}
	}
	return out
}

// TestAccessMatrix plays the hand-written table of every action and situation.
func TestAccessMatrix(t *testing.T) {
	access, err := LoadAccess()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, c := range matrix(t) {
		rows[c.action] = true
		act, ok := access.Actions()[c.action]
		if !ok {
			t.Errorf("access_matrix.tsv has the row %s, which is no action", c.action)
			continue
		}
		err := access.Decide(t.Context(), question(act, c.who))
		if (err == nil) != c.may {
			t.Errorf("%s by %s: %v, expected may=%v", c.action, c.who, err, c.may)
		}
		if err != nil {
			checkRefusal(t, c.action+" by "+c.who, err)
		}
	}
	for name := range access.Actions() {
		if !rows[name] {
			t.Errorf("access_matrix.tsv has no row for the action %s", name)
		}
	}
}

// checkRefusal: every refusal is a fault that names its policy, in words.
func checkRefusal(t *testing.T, what string, err error) {
	t.Helper()
	f, ok := err.(*ark.Fault)
	if !ok || f.Policy == "" || f.Says == "" || f.Remedy == "" {
		t.Errorf("%s: the refusal %+v lacks its policy, words or remedy", what, err)
		return
	}
	if k := f.Kind; k != ark.Forbidden && k != ark.Lapsed && k != ark.Unsigned {
		t.Errorf("%s: the refusal is of the kind %s", what, k)
	}
}

// lapse is one thing out of order, and the policy that must answer.
type lapse struct {
	name, action, who string
	change            func(*store.Decision)
	policy            string // "" : allowed
	kind              ark.Kind
}

func res(k string, v any) func(*store.Decision) {
	return func(d *store.Decision) { d.Resource.Attrs[k] = v }
}
func usr(k string, v any) func(*store.Decision) {
	return func(d *store.Decision) { d.User.Attrs[k] = v }
}
func stepUp(ago time.Duration) func(*store.Decision) {
	return func(d *store.Decision) { d.Actor.StepUp = noon.Add(-ago) }
}

func lapses() []lapse {
	var out []lapse
	work := []string{"workspace.create", "workspace.enter", "workspace.start", "request.submit", "request.resubmit", "standing.propose", "input.submit", "trace.ask"}
	for _, a := range work {
		out = append(out,
			lapse{"permit not begun", a, "lead", res("permitFrom", noon.Add(time.Second).Unix()), "permit-is-current", ark.Lapsed},
			lapse{"permit begins now", a, "lead", res("permitFrom", noon.Unix()), "", 0},
			lapse{"permit ends now", a, "lead", res("permitUntil", noon.Unix()), "permit-is-current", ark.Lapsed},
			lapse{"permit ends in a second", a, "lead", res("permitUntil", noon.Unix()+1), "", 0},
			lapse{"no permit", a, "lead", func(d *store.Decision) {
				res("permitFrom", int64(0))(d)
				res("permitUntil", int64(0))(d)
			}, "permit-is-current", ark.Lapsed},
			lapse{"off the permit", a, "lead", res("permitUsers", []string{"usr_member"}), "only-on-the-permit", ark.Forbidden},
			lapse{"training ends now", a, "lead", usr("trainingUntil", noon.Unix()), "training-is-current", ark.Lapsed},
			lapse{"training never", a, "lead", usr("trainingUntil", int64(0)), "training-is-current", ark.Lapsed},
			lapse{"terms end now", a, "lead", usr("termsUntil", noon.Unix()), "terms-are-signed", ark.Lapsed},
		)
		for _, s := range []string{"draft", "submitted", "in-review", "suspended", "closing", "closed", "rejected", "withdrawn", ""} {
			out = append(out, lapse{"project " + s, a, "lead", res("projectState", s), "project-is-active", ark.Lapsed})
		}
		out = append(out, lapse{"project approved", a, "lead", res("projectState", "approved"), "", 0})
	}
	for _, a := range []string{"synthetic.download", "feasibility.ask", "project.create"} {
		out = append(out, lapse{"training ends now", a, "outsider", usr("trainingUntil", noon.Unix()), "training-is-current", ark.Lapsed},
			lapse{"terms not yet signed", a, "outsider", usr("termsUntil", int64(0)), "", 0})
	}
	for _, s := range []string{"draft", "changes-requested"} {
		out = append(out, lapse{"edit " + s, "application.edit", "member", res("state", s), "", 0})
	}
	for _, s := range []string{"submitted", "in-review", "approved", "active", "closed", "rejected", "withdrawn"} {
		out = append(out, lapse{"edit " + s, "application.edit", "lead", res("state", s), "default-deny", ark.Forbidden})
	}
	return append(out,
		lapse{"cut without a permit", "extract.cut", "governance", res("permitUntil", int64(0)), "permit-is-current", ark.Lapsed},
		lapse{"cut of a suspended project", "extract.cut", "governance", res("projectState", "suspended"), "project-is-active", ark.Lapsed},
		lapse{"self-test failed", "workspace.enter", "lead", res("selfTest", false), "self-test-passed", ark.Forbidden},
		lapse{"second factor 5 min", "request.release", "checker", stepUp(5 * time.Minute), "", 0},
		lapse{"second factor 5 min 1 s", "request.release", "checker", stepUp(5*time.Minute + time.Second), "second-factor-at-release", ark.Unsigned},
		lapse{"second factor never", "request.release", "checker", func(d *store.Decision) { d.Actor.StepUp = time.Time{} }, "second-factor-at-release", ark.Unsigned},
		lapse{"frozen release", "release.download", "lead", res("frozen", true), "no-download-of-a-frozen-release", ark.Forbidden},
		lapse{"fourteen days over", "release.download", "lead", res("downloadUntil", noon.Unix()), "downloads-end", ark.Lapsed},
		lapse{"fourteen days over, read", "release.read", "lead", res("downloadUntil", noon.Unix()), "", 0},
		lapse{"another checker arbitrates", "request.arbitrate", "checker", res("arbiter", "usr_other"), "default-deny", ark.Forbidden},
		lapse{"no arbiter is named", "request.arbitrate", "checker", res("arbiter", ""), "default-deny", ark.Forbidden},
		lapse{"sign-off not asked of lay reviewers", "request.sign-off", "lay-reviewer", res("signers", []string{ours}), "default-deny", ark.Forbidden},
		lapse{"lay reviewer who has to sign reads", "request.read", "lay-reviewer", res("signers", []string{"lay"}), "", 0},
		lapse{"custodian who has to sign opens a file", "file.view", "custodian-own", res("signers", []string{ours}), "", 0},
		lapse{"custodian who has to sign is on the project", "request.sign-off", "custodian-applicant", nil, "nobody-checks-their-own-project", ark.Forbidden},
		lapse{"another custodian's contract", "request.waive", "custodian-other", nil, "default-deny", ark.Forbidden},
		lapse{"frozen release read", "release.read", "lead", res("frozen", true), "", 0},
		lapse{"approved without a second factor", "standing.approve", "checker", stepUp(301 * time.Second), "second-factor-for-standing-outputs", ark.Unsigned},
		lapse{"approved with one", "standing.approve", "custodian-own", stepUp(300 * time.Second), "", 0},
		lapse{"a custodian on the project approves", "standing.approve", "custodian-applicant", nil, "nobody-decides-on-their-own-standing-output", ark.Forbidden},
		lapse{"recipient reads", "standing.read", "outsider", res("recipients", []string{"usr_outsider"}), "", 0},
		lapse{"recipient before a checker has approved", "standing.read", "outsider", res("recipients", []string{}), "default-deny", ark.Forbidden},
		lapse{"recipient who is no researcher proposes", "standing.propose", "lead", usr("roles", []string{"checker"}), "default-deny", ark.Forbidden},
		lapse{"let in without a second factor", "input.approve", "checker", stepUp(301 * time.Second), "second-factor-for-inputs", ark.Unsigned},
		lapse{"a custodian on the project lets in", "input.approve", "custodian-applicant", nil, "nobody-lets-in-their-own", ark.Forbidden},
		lapse{"a custodian who is not asked", "input.approve", "custodian-own", res("deciders", []string{}), "default-deny", ark.Forbidden},
		lapse{"a checker on the project reads an input", "input.read", "checker-on-project", nil, "checkers-on-the-project-see-no-inputs-of-others", ark.Forbidden},
		lapse{"delivered on a lapsed permit", "input.deliver", "enclave", res("permitUntil", noon.Unix()), "permit-is-current", ark.Lapsed},
		lapse{"delivered to a suspended project", "input.deliver", "enclave", res("projectState", "suspended"), "project-is-active", ark.Lapsed},
		lapse{"founder on a used Ark", "user.manage", "founder", res("empty", false), "default-deny", ark.Forbidden},
		lapse{"researcher role lost", "workspace.create", "member", usr("roles", []string{}), "default-deny", ark.Forbidden},
		lapse{"checker role lost", "request.vote", "checker", usr("roles", []string{"researcher"}), "default-deny", ark.Forbidden},
		lapse{"checker joined the project", "request.vote", "checker", res("humans", []string{"h-lead", "h-checker"}), "nobody-checks-their-own-project", ark.Forbidden},
		lapse{"checker who joined looks on", "request.read", "checker", res("humans", []string{"h-lead", "h-checker"}), "checkers-on-the-project-see-only-their-own-requests", ark.Forbidden},
		lapse{"custodian joined the project", "review.decide", "custodian-own", res("humans", []string{"h-own"}), "nobody-decides-on-their-own-application", ark.Forbidden},
		lapse{"committee decides", "review.decide", "custodian-other", res("deciders", []string{theirs}), "", 0},
		lapse{"delegated away", "review.decide", "custodian-own", res("deciders", []string{theirs}), "default-deny", ark.Forbidden},
		lapse{"delegation ran out", "review.decide", "custodian-own", func(d *store.Decision) {
			res("deciders", []string{theirs})(d)
			res("decidersUntil", noon.Unix())(d)
		}, "", 0},
		lapse{"lay review asked", "review.decide", "lay-reviewer", func(d *store.Decision) {
			res("lay", true)(d)
			res("deciders", []string{"org_public"})(d)
		}, "", 0},
		lapse{"lay review not asked", "review.decide", "lay-reviewer", res("deciders", []string{"org_public"}), "default-deny", ark.Forbidden},
		lapse{"author left the project", "request.vote", "checker-on-project", res("members", []string{}), "nobody-checks-their-own-project", ark.Forbidden},
		lapse{"reviewer answers twice", "pair.decide", "custodian-other", res("humans", []string{"h-other"}), "one-answer-of-each-organisation", ark.Forbidden},
		lapse{"a second reviewer of one organisation", "pair.decide", "custodian-other", res("answered", []string{theirs}), "one-answer-of-each-organisation", ark.Forbidden},
		lapse{"the sender's own custodian reviews", "pair.decide", "custodian-own", nil, "not-one's-own-records", ark.Forbidden},
		lapse{"a third reviewer", "pair.decide", "custodian-other", res("state", "disputed"), "", 0},
		lapse{"a settled pair", "pair.decide", "custodian-other", res("state", "same"), "settled-pairs-stay", ark.Forbidden},
		lapse{"a withdrawn pair", "pair.decide", "data-engineer", res("state", "superseded"), "settled-pairs-stay", ark.Forbidden},
		lapse{"researcher role lost before asking for a trace", "trace.ask", "member", usr("roles", []string{}), "default-deny", ark.Forbidden},
		lapse{"who let a trace pass opens it", "trace.open", "custodian-own", res("approver", "h-own"), "who-let-it-pass-does-not-open-it", ark.Forbidden},
		lapse{"who asked for a trace lets it pass", "trace.decide", "custodian-own", res("humans", []string{"h-own"}), "nobody-traces-for-their-own-project", ark.Forbidden},
		lapse{"a sealed answer after its time", "trace.open", "custodian-own", res("answerUntil", noon.Unix()), "answers-wait-for-thirty-days", ark.Lapsed},
		lapse{"an answer about a person, not the recipient", "trace.open", "custodian-own", res("kind", "person"), "default-deny", ark.Forbidden},
		lapse{"an answer about a person, the recipient", "trace.open", "custodian-own", func(d *store.Decision) {
			res("kind", "person")(d)
			res("recipient", "usr_custodian-own")(d)
		}, "", 0},
		lapse{"a trace of a person is not for data engineers", "trace.decide", "data-engineer", res("kind", "person"), "default-deny", ark.Forbidden},
		lapse{"another sender's answer", "trace.open", "custodian-other", nil, "default-deny", ark.Forbidden},
		lapse{"suspended reads the public page", "public.read", "suspended", nil, "", 0},
		lapse{"suspended reads", "dataset.read", "suspended", nil, "suspended-users-do-nothing", ark.Lapsed},
		lapse{"attribute missing", "request.vote", "checker", func(d *store.Decision) { delete(d.Resource.Attrs, "humans") }, "nobody-checks-their-own-project", ark.Forbidden},
		lapse{"wrong kind of thing", "request.vote", "checker", func(d *store.Decision) { d.Resource.Type = "Project" }, "wrong-resource", ark.Forbidden},
		lapse{"unknown action", "request.vote", "checker", func(d *store.Decision) { d.Action = "request.votes" }, "unknown-action", ark.Forbidden},
		lapse{"a part that calls itself a user", "request.vote", "checker", func(d *store.Decision) { d.Actor = store.Actor{System: "usr_checker"} }, "default-deny", ark.Forbidden},
	)
}

func (l lapse) check(a *Access) error {
	d := question(a.actions[l.action], l.who)
	if l.change != nil {
		l.change(&d)
	}
	err := a.Decide(context.Background(), d)
	f, _ := err.(*ark.Fault)
	switch {
	case l.policy == "" && err != nil, l.policy != "" && (f == nil || f.Policy != l.policy || f.Kind != l.kind):
		return fmt.Errorf("%s, %s by %s: %v, want %q", l.name, l.action, l.who, err, l.policy)
	}
	return nil
}

func TestLapses(t *testing.T) {
	access, err := LoadAccess()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lapses() {
		if err := l.check(access); err != nil {
			t.Error(err)
		}
	}
}

// TestEveryPolicyMatters takes each policy away, and each policy's condition,
// and expects the matrix or a lapse to notice: a rule that nothing notices is
// not tested.
func TestEveryPolicyMatters(t *testing.T) {
	whole, err := LoadAccess()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for n := range whole.actions {
		names = append(names, `Action::"`+n+`"`)
	}
	// Actions that lose their only policy stay known.
	spoken := "\n@id(\"spoken\") permit (principal == Part::\"none\", action in [" + strings.Join(names, ", ") + "], resource);\n"
	text := string(accessText)
	condition := regexp.MustCompile(`(?s)\n(when|unless) \{.*;`)
	parts := regexp.MustCompile(`(?m)^@id\("`).FindAllStringIndex(text, -1)
	for i, at := range parts {
		end := len(text)
		if i+1 < len(parts) {
			end = parts[i+1][0]
		}
		policy := text[at[0]:end]
		id := strings.Split(policy, `"`)[1]
		mutants := map[string]string{"without it": text[:at[0]] + text[end:]}
		if condition.MatchString(policy) {
			mutants["without its condition"] = text[:at[0]] + condition.ReplaceAllString(policy, ";") + text[end:]
		}
		for how, mutant := range mutants {
			a, err := ParseAccess([]byte(mutant+spoken), actionsText)
			if err != nil {
				t.Fatalf("%s %s: %v", id, how, err)
			}
			if !noticed(t, a) {
				t.Errorf("%s %s: nothing notices", id, how)
			}
		}
	}
	if len(parts) < 30 {
		t.Errorf("only %d policies found: the test looks at nothing", len(parts))
	}
}

func noticed(t *testing.T, a *Access) bool {
	for _, c := range matrix(t) {
		if (a.Decide(t.Context(), question(a.actions[c.action], c.who)) == nil) != c.may {
			return true
		}
	}
	for _, l := range lapses() {
		if l.check(a) != nil {
			return true
		}
	}
	return false
}

func TestZeroAccessRefuses(t *testing.T) {
	for _, a := range []*Access{nil, {}} {
		if err := a.Decide(t.Context(), store.Decision{Action: "public.read", Resource: store.Entity{Type: "Ark"}}); err == nil {
			t.Error("no policies allowed something")
		}
	}
	for name, bad := range map[string]string{
		"no id":     `permit (principal, action == Action::"public.read", resource);`,
		"not cedar": `allow everything`,
		"same id":   string(accessText) + "\n@id(\"training-is-current\")\npermit (principal, action, resource);",
		"unlisted":  string(accessText) + "\n@id(\"new\")\npermit (principal, action == Action::\"secret.do\", resource);",
	} {
		if _, err := ParseAccess([]byte(bad), actionsText); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
