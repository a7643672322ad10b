package airlock

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// SignOff records that a lay reviewer or a custodian, whom the permit asks,
// consents to the release or objects to it. It does not replace a review: who
// reviewed the round cannot sign it off too.
func (x *Room) SignOff(ctx context.Context, actor store.Actor, request string, yes bool, says string) error {
	if !yes {
		if err := reason(says); err != nil {
			return err
		}
	}
	if len(says) > maxText {
		return ark.Faultf(ark.TooMuch, "the reason is longer than %d characters", maxText).At("", 0, "reason").Do("shorten it")
	}
	return x.review(ctx, actor, request, "request.sign-off", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		if r.State != "reviewed" {
			return "", x.refusal(r)
		}
		if slices.ContainsFunc(r.Reviews, func(rev CheckerReview) bool { return rev.Round == r.Round && rev.Human == u.Human }) {
			return "", ark.Faultf(ark.Forbidden, "you reviewed this round as an output checker, so you cannot sign it off too").Do("somebody else has to").By("one-human-counts-once")
		}
		as := r.signsAs(u)
		if as == "" {
			return "", ark.Faultf(ark.Forbidden, "the permit does not ask for your sign-off")
		}
		r.Signs = slices.DeleteFunc(r.Signs, func(s SignOff) bool { return s.Round == r.Round && s.As == as })
		r.Signs = append(r.Signs, SignOff{As: as, By: u.ID, Human: u.Human, Round: r.Round, Yes: yes, Says: says, At: tx.Now()})
		if yes {
			return "request.signed-off", nil
		}
		return "request.objected", nil
	})
}

// signsAs is what the user signs as, "" if the permit does not ask for it.
func (r *Request) signsAs(u *governance.User) string {
	if slices.Contains(u.Roles, ark.Custodian) && slices.Contains(r.NeedSigns, u.Org) {
		return u.Org
	}
	if slices.Contains(u.Roles, ark.LayReviewer) && slices.Contains(r.NeedSigns, governance.SignOffLay) {
		return governance.SignOffLay
	}
	return ""
}

// unsigned lists the sign-offs that the release still lacks, as things stand
// now: a role that was taken away since takes its sign-off with it, and one
// human being signs for one party.
func (r *Request) unsigned(ctx context.Context, q store.Querier, onProject []string) ([]string, error) {
	var out []string
	used := map[string]bool{}
	for _, need := range r.NeedSigns {
		ok := false
		for _, s := range r.Signs {
			if s.As != need || s.Round != r.Round || !s.Yes {
				continue
			}
			u, err := governance.GetUser(ctx, q, s.By)
			if err != nil {
				return nil, err
			}
			role := slices.Contains(u.Roles, ark.Custodian) && u.Org == need || need == governance.SignOffLay && slices.Contains(u.Roles, ark.LayReviewer)
			ok = role && !u.Suspended && !used[u.Human] && !slices.Contains(onProject, u.Human)
			used[u.Human] = true
		}
		if !ok {
			out = append(out, need)
		}
	}
	return out, nil
}

// WaitsForSign lists the requests that wait for the sign-off or the waiver of
// actor: what a lay reviewer's or a custodian's list shows.
func (x *Room) WaitsForSign(ctx context.Context, q store.Querier, actor store.Actor) ([]View, error) {
	all, err := requests.Where(ctx, q, "state IN ('reviewed','contested')")
	if err != nil {
		return nil, err
	}
	u, err := governance.GetUser(ctx, q, actor.User)
	if err != nil {
		return nil, err
	}
	var out []View
	for i := range all {
		r := &all[i]
		action := "request.sign-off"
		if r.State == "contested" {
			action = "request.waive"
		}
		if x.St.CheckIn(ctx, q, actor, action, resource(r.ID)) != nil {
			continue
		}
		done := slices.ContainsFunc(r.Signs, func(s SignOff) bool { return s.Round == r.Round && s.By == u.ID }) ||
			slices.ContainsFunc(r.contest().Opinion, func(o Opinion) bool { return o.By == u.ID })
		if !done {
			out = append(out, r.View(r.viewer(u)))
		}
	}
	return out, nil
}
