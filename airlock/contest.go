package airlock

import (
	"context"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// contestVotes is how many output checkers have to agree that a failed check
// does not apply.
const contestVotes = 2

func reason(s string) error {
	if strings.TrimSpace(s) == "" || len(s) > maxText {
		return ark.Faultf(ark.Invalid, "give a reason of at most %d characters", maxText).At("", 0, "reason")
	}
	return nil
}

// contest is the contest that is open, or an empty one.
func (r *Request) contest() *Contest {
	if n := len(r.Contests); n > 0 && r.Contests[n-1].Outcome == "" {
		return &r.Contests[n-1]
	}
	return &Contest{}
}

// failing lists the rules that f broke so that it must not leave.
func failing(f File) []string {
	var out []string
	for _, x := range f.Findings {
		if x.Severity == disclosure.SevFail && !slices.Contains(out, x.Rule) {
			out = append(out, x.Rule)
		}
	}
	return out
}

// overridden returns the failing rules of f when a contest decided, for these
// very bytes, that none of them applies; else nil.
func (r *Request) overridden(f File) []string {
	rules := failing(f)
	if len(rules) == 0 {
		return nil
	}
	for _, rule := range rules {
		if !slices.ContainsFunc(r.Contests, func(c Contest) bool {
			return c.Outcome == "upheld" && slices.Contains(c.Rules[f.Ref.SHA256], rule)
		}) {
			return nil
		}
	}
	return rules
}

// Contest says that the failed checks do not apply here. Two output checkers
// decide, and for a rule of a custodian's contract that custodian too.
func (x *Room) Contest(ctx context.Context, actor store.Actor, request, why string) error {
	if err := reason(why); err != nil {
		return err
	}
	return x.review(ctx, actor, request, "request.contest", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		if err := x.move(tx, r, "contested", "request.contest"); err != nil {
			return "", err
		}
		permit, err := governance.GetPermit(ctx, tx, r.Permit)
		if err != nil {
			return "", err
		}
		c := Contest{Round: r.Round, By: u.ID, Reason: why, At: tx.Now(), Rules: map[string][]string{}}
		for _, f := range r.Files {
			if f.Verdict == "pass" || f.Verdict == "review" || f.Release != "" || len(f.Waved) > 0 {
				continue
			}
			rules := failing(f)
			if len(rules) == 0 || f.Damaged {
				return "", ark.Faultf(ark.Conflict, "file %d could not be checked at all, and that cannot be contested", f.Ordinal).Do("send it in a form that can be checked")
			}
			c.Rules[f.Ref.SHA256] = append(c.Rules[f.Ref.SHA256], rules...)
			if err := c.contracts(ctx, tx, f); err != nil {
				return "", err
			}
			for _, rule := range rules {
				for _, org := range permit.Airlock.Contractual[rule] {
					if !slices.Contains(c.Need, org) {
						c.Need = append(c.Need, org)
					}
				}
			}
		}
		slices.Sort(c.Need)
		r.Contests = append(r.Contests, c)
		return "request.contested", nil
	})
}

// contracts adds the custodians whose contract has a value that f broke, as the
// finding names them by id or short name. One who is not known here can't be
// asked, so the contest is refused.
func (c *Contest) contracts(ctx context.Context, q store.Querier, f File) error {
	for _, x := range f.Findings {
		if x.Severity != disclosure.SevFail || x.Evidence["contract_of"] == "" {
			continue
		}
		for _, name := range strings.Split(x.Evidence["contract_of"], ",") {
			name = strings.TrimSpace(name)
			org, err := governance.GetOrganisation(ctx, q, name)
			if err != nil {
				org, err = governance.OrganisationBySlug(ctx, q, name)
			}
			if err != nil {
				return ark.Faultf(ark.Conflict, "file %d broke a rule in the contract of a custodian who is not known here, so nobody can waive it", f.Ordinal).Do("change the file")
			}
			if !slices.Contains(c.Need, org.ID) {
				c.Need = append(c.Need, org.ID)
			}
		}
	}
	return nil
}

// Override is an output checker's word on a contest.
func (x *Room) Override(ctx context.Context, actor store.Actor, request string, yes bool, why string) error {
	return x.opinion(ctx, actor, request, "request.override", yes, why)
}

// Waive is a custodian's word on a rule of their own contract.
func (x *Room) Waive(ctx context.Context, actor store.Actor, request string, yes bool, why string) error {
	return x.opinion(ctx, actor, request, "request.waive", yes, why)
}

func (x *Room) opinion(ctx context.Context, actor store.Actor, request, action string, yes bool, why string) error {
	if err := reason(why); err != nil {
		return err
	}
	return x.review(ctx, actor, request, action, func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		if r.State != "contested" {
			return "", x.refusal(r)
		}
		c := r.contest()
		o := Opinion{By: u.ID, Human: u.Human, Yes: yes, Says: why, At: tx.Now()}
		if action == "request.waive" {
			o.Org = u.Org
		}
		if slices.ContainsFunc(c.Opinion, func(have Opinion) bool { return have.Human == u.Human }) {
			return "", ark.Faultf(ark.Forbidden, "you have given your opinion on this already").Do("somebody else has to give theirs: one person counts once").By("one-human-counts-once")
		}
		c.Opinion = append(c.Opinion, o)
		return action + "-said", x.decideContest(tx, r, c, action)
	})
}

// decideContest ends the contest when anybody said no, or all who are needed
// said yes.
func (x *Room) decideContest(tx *store.Tx, r *Request, c *Contest, action string) error {
	checkers, waived := 0, map[string]bool{}
	for _, o := range c.Opinion {
		switch {
		case !o.Yes:
			c.Outcome, r.Says = "dismissed", o.Says
			return x.move(tx, r, "blocked", action)
		case o.Org != "":
			waived[o.Org] = true
		default:
			checkers++
		}
	}
	if checkers < contestVotes || slices.ContainsFunc(c.Need, func(org string) bool { return !waived[org] }) {
		return nil
	}
	c.Outcome = "upheld"
	for i := range r.Files {
		r.Files[i].Waved = r.overridden(r.Files[i])
	}
	r.Offered = tx.Now()
	return x.move(tx, r, "submitted", action)
}
