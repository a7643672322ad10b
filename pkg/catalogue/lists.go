package catalogue

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// maxListAge is how old a national opt-out list may be when a cut is made.
// Source: the national data opt-out policy's limit for a list checked by a
// temporary cache, 20 days.
const maxListAge = 20 * 24 * time.Hour

// Lists of people: those who objected unconditionally, and those with a
// national data opt-out, either as such or as the answer of the national check,
// which is the list that was sent without those who opted out. Their numbers
// are in the lists zone; linkage turns them into persons.
const (
	ListObjections = "objections"
	ListOptOuts    = "optouts"
	ListChecked    = "checked"
)

// ListKinds are the kinds of lists that can be received.
func ListKinds() []string { return []string{ListObjections, ListOptOuts, ListChecked} }

// optOutList is the newest list that says who has a national data opt-out.
func optOutList(lists map[string]List) (List, bool) {
	l, ok := lists[ListOptOuts]
	if c, checked := lists[ListChecked]; checked && (!ok || c.Received.After(l.Received)) {
		return c, true
	}
	return l, ok
}

// List is one list as it landed.
type List struct {
	Kind     string      `json:"kind"`
	Ref      objects.Ref `json:"ref"`
	Received time.Time   `json:"received"`
	By       string      `json:"by"`
}

// ReceiveList records a list of objections or opt-outs that landed. It takes
// effect with the next linkage, and then at every publishing and cut.
func (r *Room) ReceiveList(ctx context.Context, actor store.Actor, kind string, ref objects.Ref) error {
	if !slices.Contains(ListKinds(), kind) {
		return ark.Faultf(ark.Invalid, "a list is objections, optouts, or checked").At("", 0, "kind")
	}
	return r.St.Act(ctx, actor, "linkage.run", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		raw, err := json.Marshal(ref)
		if err != nil {
			return nil, err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO lists (kind, ref, at, usr) VALUES ($1,$2,$3,$4)`, kind, string(raw), tx.Now().UnixMicro(), actor.Name())
		return []store.Event{{Type: "list.received", Body: map[string]string{"kind": kind}}}, err
	})
}

// currentLists returns the newest list of each kind.
func currentLists(ctx context.Context, q store.Querier) (map[string]List, error) {
	rows, err := q.QueryContext(ctx, `SELECT kind, ref, at, usr FROM lists ORDER BY at`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]List{}
	for rows.Next() {
		var l List
		var at int64
		var raw string
		if err := rows.Scan(&l.Kind, &raw, &at, &l.By); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(raw), &l.Ref); err != nil {
			return nil, err
		}
		l.Received = time.UnixMicro(at).UTC()
		out[l.Kind] = l
	}
	return out, rows.Err()
}

// objectionsLinked refuses when the newest list of objections was received
// after a linkage: it does not know yet whom to leave out.
func objectionsLinked(ctx context.Context, q store.Querier, l *Linkage) error {
	lists, err := currentLists(ctx, q)
	if err != nil {
		return err
	}
	newest, ok := lists[ListObjections]
	if !ok {
		return nil // nobody has objected
	}
	if _, linked := l.Outputs[ListObjections]; !linked || l.Started.Before(newest.Received) {
		return ark.Faultf(ark.Conflict, "a list of objections was received after the newest linkage").Do("link again, so that those who objected are left out")
	}
	return nil
}

// OptOuts returns the persons with a national data opt-out, for a cut on the
// given basis. Where it has to be applied and no list is known, or the newest
// is too old, the cut is refused.
func (r *Room) OptOuts(ctx context.Context, q store.Querier, basis string) (objects.Ref, error) {
	switch basis {
	case "exempt":
		return objects.Ref{}, nil
	case "applied":
	default:
		return objects.Ref{}, ark.Faultf(ark.Forbidden, "the permit does not say whether the national data opt-out applies")
	}
	lists, err := currentLists(ctx, q)
	if err != nil {
		return objects.Ref{}, err
	}
	l, ok := optOutList(lists)
	if !ok {
		return objects.Ref{}, ark.Faultf(ark.Conflict, "the national data opt-out applies and no opt-out list has been received").Do("receive a current list and link again")
	}
	if r.St.Now().Sub(l.Received) > maxListAge {
		return objects.Ref{}, ark.Faultf(ark.Lapsed, "the opt-out list is older than %d days", int(maxListAge.Hours()/24)).Do("receive a current list and link again")
	}
	last, err := lastLinkage(ctx, q)
	if err != nil {
		return objects.Ref{}, err
	}
	ref, ok := last.Outputs[ListOptOuts]
	if !ok || last.Started.Before(l.Received) {
		return objects.Ref{}, ark.Faultf(ark.Conflict, "the opt-out list was received after the newest linkage").Do("link again")
	}
	return ref, nil
}
