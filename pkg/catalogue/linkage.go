package catalogue

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// LinkInput is one delivery's part in a linkage.
type LinkInput struct {
	Delivery     string      `json:"delivery"`
	Source       string      `json:"source"` // slug
	Number       int         `json:"number"`
	Identifiers  objects.Ref `json:"identifiers"`
	Demographics objects.Ref `json:"demographics,omitzero"`
	New          bool        `json:"new,omitempty"` // the run before did not have it
}

// LinkBase is the run before, when nothing of it was taken back since: what is
// new may be linked against it without comparing again what was compared.
type LinkBase struct {
	Links   objects.Ref     `json:"links"`
	Persons objects.Ref     `json:"persons,omitzero"`
	States  []objects.Ref   `json:"states"` // of the last full run and of the extensions since
	Report  json.RawMessage `json:"report"`
}

// LinkJob is what the linkage worker is given: identifiers of all current
// deliveries and the index before this run. It can name no payload.
type LinkJob struct {
	Linkage  string                 `json:"linkage"`
	Inputs   []LinkInput            `json:"inputs"`
	Previous objects.Ref            `json:"previous,omitzero"` // the previous person index
	Lists    map[string]objects.Ref `json:"lists"`             // "objections", and "optouts" or "checked" → NHS numbers as received
	Number   int                    `json:"number"`            // of the linkage, and when it began: the request to the national check is named by them
	Started  time.Time              `json:"started"`
	Base     *LinkBase              `json:"base,omitempty"`
	// Decisions are what people settled about pairs of records, oldest first.
	Decisions []LinkDecision `json:"decisions,omitempty"`
	// Profile is the disclosure profiles, joined by "+", that counts of people in
	// the report pass.
	Profile string `json:"profile"`
}

// LinkDecision is what people settled about two records: those of the pair that
// Review holds, or, without it, L and R.
type LinkDecision struct {
	Review objects.Ref `json:"review,omitzero"`
	L      string      `json:"l,omitempty"`
	R      string      `json:"r,omitempty"`
	Same   bool        `json:"same"`
	Reason string      `json:"reason"`
}

// ReviewLine is a pair that the linkage worker puts up for review.
type ReviewLine struct {
	Kind    string      `json:"kind"`
	Sources []string    `json:"sources"` // slugs of the sources of its records
	Ref     objects.Ref `json:"ref"`     // what reviewers see
}

// LinkResult is what it gives back.
type LinkResult struct {
	Failed  string                 `json:"failed,omitempty"`
	Outputs map[string]objects.Ref `json:"outputs"` // "index", "links", "persons", "report", and "objections" and "optouts" where a list says who they are
	Report  json.RawMessage        `json:"report"`
	Review  []ReviewLine           `json:"review,omitempty"`
	// Extended says that only what is new was compared.
	Extended bool `json:"extended,omitempty"`
}

// RunLinkage starts a linkage over all accepted deliveries that carry identifiers.
func (r *Room) RunLinkage(ctx context.Context, actor store.Actor) (*Linkage, error) {
	var l Linkage
	err := r.St.Act(ctx, actor, "linkage.run", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		runs, err := linkages.Where(ctx, tx, "")
		if err != nil {
			return nil, err
		}
		job := LinkJob{Lists: map[string]objects.Ref{}}
		lists, err := currentLists(ctx, tx)
		if err != nil {
			return nil, err
		}
		if l, ok := lists[ListObjections]; ok {
			job.Lists[ListObjections] = l.Ref
		}
		if l, ok := optOutList(lists); ok {
			job.Lists[l.Kind] = l.Ref
		}
		var last *Linkage
		for i, old := range runs {
			switch old.State {
			case "running":
				return nil, ark.Faultf(ark.Conflict, "a linkage is running already").Do("wait for it to end")
			case "done":
				job.Previous, last = old.Outputs["index"], &runs[i]
			}
		}
		if job.Decisions, err = decisions(ctx, tx); err != nil {
			return nil, err
		}
		if job.Profile, err = profiles(ctx, tx); err != nil {
			return nil, err
		}
		accepted, err := deliveries.Where(ctx, tx, "state = 'accepted'")
		if err != nil {
			return nil, err
		}
		BySending(accepted)
		rows := map[string]int64{}
		l = Linkage{ID: tx.NewID(ark.PrefixLinkage), Number: len(runs) + 1, State: r.linkage.Start, Started: tx.Now()}
		for _, d := range accepted {
			ref, ok := d.Outputs["identifiers"]
			if !ok {
				continue
			}
			s, err := sources.Get(ctx, tx, d.Source)
			if err != nil {
				return nil, err
			}
			l.Deliveries = append(l.Deliveries, d.ID)
			rows[d.ID] = d.Counts.Accepted
			job.Inputs = append(job.Inputs, LinkInput{Delivery: d.ID, Source: s.Slug, Number: d.Number, Identifiers: ref, Demographics: d.Outputs["demographics"]})
		}
		job.extend(last, runs, rows)
		if len(job.Inputs) == 0 {
			return nil, ark.Faultf(ark.Conflict, "there is nothing to link: no accepted delivery carries identifiers").Do("deliver files first")
		}
		job.Linkage, job.Number, job.Started = l.ID, l.Number, l.Started
		if _, err := tx.Enqueue(ctx, "link", "linkage", l.ID, job); err != nil {
			return nil, err
		}
		return []store.Event{{Type: "linkage.started", Subjects: []string{l.ID}, Body: map[string]int{"deliveries": len(job.Inputs)}}}, linkages.Insert(ctx, tx, &l)
	})
	if err != nil {
		return nil, err
	}
	return &l, nil
}

// littleBeside is how many times more rows there must have been before than are new.
const littleBeside = 5

// extensions is after how many of them everything is compared anew.
const extensions = 20

// extend marks what the last run did not have, and names that run as the base
// when all it had is still there and what is new is little beside it.
func (j *LinkJob) extend(last *Linkage, runs []Linkage, rows map[string]int64) {
	if last == nil {
		return
	}
	had := map[string]bool{}
	for _, id := range last.Deliveries {
		had[id] = true
	}
	known := 0
	var before, added int64
	seen, late := map[string]bool{}, false // sources of which something new came before; then something known
	for i := range j.Inputs {
		n := rows[j.Inputs[i].Delivery]
		if had[j.Inputs[i].Delivery] {
			known++
			before += n
			late = late || seen[j.Inputs[i].Source]
		} else {
			j.Inputs[i].New, seen[j.Inputs[i].Source] = true, true
			added += n
		}
	}
	if late || known != len(last.Deliveries) || known == len(j.Inputs) || added*littleBeside > before {
		return // something is older than what its source had, was taken back, nothing is new, or much is
	}
	base := &LinkBase{Links: last.Outputs["links"], Persons: last.Outputs["persons"], Report: last.Report}
	for id := last.ID; ; {
		at := slices.IndexFunc(runs, func(l Linkage) bool { return l.ID == id })
		if at < 0 || len(base.States) == extensions {
			return
		}
		state, ok := runs[at].Outputs["state"]
		if !ok {
			return
		}
		base.States = append(base.States, state)
		if runs[at].Base == "" {
			break
		}
		id = runs[at].Base
	}
	slices.Reverse(base.States)
	j.Base = base
}

// profiles are the disclosure profiles of all datasets, joined by "+".
func profiles(ctx context.Context, q store.Querier) (string, error) {
	all, err := datasets.Where(ctx, q, "")
	if err != nil {
		return "", err
	}
	names := map[string]bool{}
	for _, d := range all {
		names[d.Profile] = true
	}
	if len(names) == 0 {
		names["ark"] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), "+"), nil
}

// ApplyLinkage records a linkage's result inside the change that ends its job.
func (r *Room) ApplyLinkage(ctx context.Context, tx *store.Tx, id string, res LinkResult) ([]store.Event, error) {
	l, err := linkages.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	to := "done"
	if res.Failed != "" {
		to = "failed"
	}
	if err := r.linkage.Move(l.State, to, "linkage.apply"); err != nil {
		return nil, err
	}
	if to == "done" {
		if err := r.askReviewers(ctx, tx, l, res); err != nil {
			return nil, err
		}
	}
	if res.Extended {
		if last, err := lastLinkage(ctx, tx); err == nil {
			l.Base = last.ID
		}
	}
	l.State, l.Finished, l.Says, l.Outputs, l.Report = to, tx.Now(), res.Failed, res.Outputs, res.Report
	return []store.Event{{Type: "linkage." + to, Subjects: []string{l.ID}}}, linkages.Update(ctx, tx, l)
}

// GetLinkage returns a linkage run.
func GetLinkage(ctx context.Context, q store.Querier, id string) (*Linkage, error) {
	return linkages.Get(ctx, q, id)
}

// Linkages returns all linkage runs, oldest first.
func Linkages(ctx context.Context, q store.Querier) ([]Linkage, error) {
	return linkages.Where(ctx, q, "")
}

// lastLinkage returns the newest finished linkage.
func lastLinkage(ctx context.Context, q store.Querier) (*Linkage, error) {
	done, err := linkages.Where(ctx, q, "state = 'done'")
	if err != nil {
		return nil, err
	}
	if len(done) == 0 {
		return nil, ark.Faultf(ark.Conflict, "nothing has been linked yet").Do("run a linkage first")
	}
	return &done[len(done)-1], nil
}
