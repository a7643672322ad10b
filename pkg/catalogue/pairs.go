package catalogue

import (
	"context"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// Pair is two records on which people decide whether they are of one person.
// It holds no identifier: what the reviewers see lies with the identifiers, in
// the object that Ref names, and is shown once the access is recorded.
type Pair struct {
	ID      string      `json:"id"`
	Linkage string      `json:"linkage,omitempty"` // the run that asked; empty when it was decided by hand
	Number  int         `json:"number"`            // in its run, from 1
	Kind    string      `json:"kind"`              // "grey", "link", "apart" (samples) or "hand"; reviewers are not told
	Ref     objects.Ref `json:"ref,omitzero"`
	L       string      `json:"l,omitempty"` // record keys, when it was decided by hand
	R       string      `json:"r,omitempty"`
	Orgs    []string    `json:"orgs"` // whose records they are
	State   string      `json:"state"`
	Asked   time.Time   `json:"asked"`
	Answers []Answer    `json:"answers"`
	Settled time.Time   `json:"settled,omitzero"`
	Reason  string      `json:"reason,omitempty"` // one of Reasons
}

// Answer is what one reviewer said.
type Answer struct {
	User  string    `json:"user"`
	Human string    `json:"human"`
	Org   string    `json:"org"`
	Says  string    `json:"says"`
	At    time.Time `json:"at"`
}

// What a reviewer may answer, which is also the state of a pair that is settled.
const (
	PairSame      = "same"
	PairDifferent = "different"
	PairUnclear   = "unclear"
)

// reasons are why somebody decides on two records by hand. They are a closed
// list: free text might name a person.
const (
	ReasonPerson = "the person said so"
	ReasonSender = "the sender said so"
	ReasonFound  = "found wrong in a check"
)

// Reasons lists why somebody may decide by hand.
func Reasons() []string { return []string{ReasonPerson, ReasonSender, ReasonFound} }

var pairs = store.Docs[Pair]{Table: "pairs", Noun: "pair of records", Keys: []string{"linkage", "state"},
	Of: func(p *Pair) (string, []any) { return p.ID, []any{p.Linkage, p.State} }}

// pairAct is what the ledger's leaf says of an act on a pair: no more than that
// somebody reviewed, for who reviews must not learn how far another is.
const pairAct = "linkage.reviewed"

// askReviewers puts the pairs of a run up for review, and withdraws those of
// earlier runs that nobody settled.
func (r *Room) askReviewers(ctx context.Context, tx *store.Tx, l *Linkage, res LinkResult) error {
	open, err := pairs.Where(ctx, tx, "state = $1 OR state = $2", "waiting", "disputed")
	if err != nil {
		return err
	}
	if res.Extended { // what was compared before was not compared again
		open = nil
	}
	for i := range open {
		if err := r.pair.Move(open[i].State, "superseded", "linkage.apply"); err != nil {
			return err
		}
		open[i].State, open[i].Settled = "superseded", tx.Now()
		if err := pairs.Update(ctx, tx, &open[i]); err != nil {
			return err
		}
	}
	for i, line := range res.Review {
		p := Pair{ID: tx.NewID(ark.PrefixPair), Linkage: l.ID, Number: i + 1, Kind: line.Kind, Ref: line.Ref, State: r.pair.Start, Asked: tx.Now(), Orgs: []string{}, Answers: []Answer{}}
		for _, slug := range line.Sources {
			s, err := sources.First(ctx, tx, "slug = $1", slug)
			if err != nil {
				return err
			}
			if !slices.Contains(p.Orgs, s.Org) {
				p.Orgs = append(p.Orgs, s.Org)
			}
		}
		if err := pairs.Insert(ctx, tx, &p); err != nil {
			return err
		}
	}
	return nil
}

// AnswerPair records what a reviewer says of a pair. Two who say the same
// settle it; when they differ a third decides.
func (r *Room) AnswerPair(ctx context.Context, actor store.Actor, id, says string) error {
	if says != PairSame && says != PairDifferent && says != PairUnclear {
		return ark.Faultf(ark.Invalid, "an answer is same, different or unclear").At("", 0, "answer").Do("choose one")
	}
	return r.St.Act(ctx, actor, "pair.decide", store.Resource{Type: "Pair", ID: id}, func(tx *store.Tx) ([]store.Event, error) {
		p, err := pairs.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if r.Who == nil {
			return nil, ark.Faultf(ark.Internal, "nobody tells who reviews")
		}
		human, org, err := r.Who(ctx, tx, actor.User)
		if err != nil {
			return nil, err
		}
		p.Answers = append(p.Answers, Answer{User: actor.User, Human: human, Org: org, Says: says, At: tx.Now()})
		if to := settled(p.Answers); to != p.State {
			if err := r.pair.Move(p.State, to, "pair.decide"); err != nil {
				return nil, err
			}
			p.State = to
			if to != "disputed" {
				p.Settled = tx.Now()
			}
		}
		return []store.Event{{Type: pairAct, Body: map[string]string{"pair": p.ID, "says": says, "state": p.State}}}, pairs.Update(ctx, tx, p)
	})
}

// settled is the state that answers lead to: waiting for a second, what two
// agree on, disputed, and after the third what most said, or unclear.
func settled(as []Answer) string {
	n := map[string]int{}
	for _, a := range as {
		n[a.Says]++
	}
	for _, says := range []string{PairSame, PairDifferent, PairUnclear} {
		if n[says] >= 2 {
			return says
		}
	}
	switch {
	case len(as) < 2:
		return "waiting"
	case len(as) == 2:
		return "disputed"
	}
	return PairUnclear
}

// DecideByHand records that two records are of one person, or of two, whatever
// their identifiers say. It takes effect with the next linkage; a later decision
// about the same two replaces it.
func (r *Room) DecideByHand(ctx context.Context, actor store.Actor, left, right string, same bool, reason string) error {
	if !slices.Contains(Reasons(), reason) {
		return ark.Faultf(ark.Invalid, "the reason is not one of the list").At("", 0, "reason").Do("choose a reason")
	}
	for field, k := range map[string]string{"left": left, "right": right} {
		if !recordKey(k) {
			return ark.Faultf(ark.Invalid, "that is not a record key").At("", 0, field).Do("give 16 letters and digits, as the evidence of a linkage names records")
		}
	}
	if left == right {
		return ark.Faultf(ark.Invalid, "both keys are of one record").At("", 0, "right").Do("give two records")
	}
	return r.St.Act(ctx, actor, "linkage.decide", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		p := Pair{ID: tx.NewID(ark.PrefixPair), Kind: "hand", L: min(left, right), R: max(left, right), State: PairDifferent, Asked: tx.Now(), Settled: tx.Now(), Reason: reason,
			Orgs: []string{}, Answers: []Answer{{User: actor.User, Says: PairDifferent, At: tx.Now()}}}
		if same {
			p.State, p.Answers[0].Says = PairSame, PairSame
		}
		return []store.Event{{Type: "linkage.decided-by-hand", Subjects: []string{p.ID}, Body: map[string]string{"says": p.State, "reason": reason}}}, pairs.Insert(ctx, tx, &p)
	})
}

// recordKey reports whether s has the form of a record key: 80 bits in
// Crockford's base 32.
func recordKey(s string) bool {
	if len(s) != 16 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') || c == 'I' || c == 'L' || c == 'O' || c == 'U' {
			return false
		}
	}
	return true
}

// decisions are what people settled, oldest first.
func decisions(ctx context.Context, q store.Querier) ([]LinkDecision, error) {
	all, err := pairs.Where(ctx, q, "state = $1 OR state = $2", PairSame, PairDifferent)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b Pair) int { return a.Settled.Compare(b.Settled) })
	out := []LinkDecision{}
	for _, p := range all {
		d := LinkDecision{Review: p.Ref, L: p.L, R: p.R, Same: p.State == PairSame, Reason: p.Reason}
		if p.Kind != "hand" {
			d.Reason = "two reviewers agreed"
		}
		out = append(out, d)
	}
	return out, nil
}

// GetPair returns a pair.
func GetPair(ctx context.Context, q store.Querier, id string) (*Pair, error) {
	return pairs.Get(ctx, q, id)
}

// OpenPairs are the pairs that wait for a reviewer, oldest run first.
func OpenPairs(ctx context.Context, q store.Querier) ([]Pair, error) {
	return pairs.Where(ctx, q, "state = $1 OR state = $2", "waiting", "disputed")
}

// Reviewed is how far the review of linkage is, for its own engineers: settled
// samples say how often the linkage is right.
type Reviewed struct {
	Waiting, Settled  int
	Checked, Mistaken int // of the samples of links that reviewers settled
}

// CountReviewed counts the pairs.
func CountReviewed(ctx context.Context, q store.Querier) (Reviewed, error) {
	all, err := pairs.Where(ctx, q, "")
	if err != nil {
		return Reviewed{}, err
	}
	var out Reviewed
	for _, p := range all {
		switch p.State {
		case "waiting", "disputed":
			out.Waiting++
		case PairSame, PairDifferent:
			out.Settled++
			if p.Kind == "link" || p.Kind == "apart" {
				out.Checked++
				if (p.Kind == "link") != (p.State == PairSame) {
					out.Mistaken++
				}
			}
		}
	}
	return out, nil
}

func loadPair(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	p, err := pairs.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	e := store.Entity{Attrs: map[string]any{"state": p.State, "orgs": p.Orgs}}
	humans, from := []string{}, []string{}
	for _, a := range p.Answers {
		humans, from = append(humans, a.Human), append(from, a.Org)
	}
	e.Attrs["humans"], e.Attrs["answered"] = humans, from
	return e, nil
}
