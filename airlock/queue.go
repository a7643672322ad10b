package airlock

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// QueueFilter narrows the queue. The zero value is everything, from its top.
type QueueFilter struct {
	Project string `json:"project,omitempty"`
	State   string `json:"state,omitempty"`
	Class   string `json:"class,omitempty"` // "output" or "code"
	Risk    string `json:"risk,omitempty"`
	Whose   string `json:"whose,omitempty"` // "mine" or "unclaimed"
	Overdue bool   `json:"overdue,omitempty"`
	Offset  int    `json:"offset,omitempty"`
	Limit   int    `json:"limit,omitempty"` // 50 where it is 0
}

// QueuePage is a page of the queue.
type QueuePage struct {
	Lines []QueueLine    `json:"lines"`
	Open  int            `json:"open"` // that fit the filter
	Late  int            `json:"late"` // of these, past their time
	Free  int            `json:"free"` // of these, taken by nobody
	Load  map[string]int `json:"load"` // checker → requests in hand
	Next  int            `json:"next"` // offset of the next page, 0 at the end
}

const (
	queuePage = 50
	queueMost = 500
)

// Queue returns the first page of what user may check, riskiest and oldest
// first. How far other checkers are stays hidden: a half-reviewed request looks
// like an unreviewed one to those who have not finished it.
func (x *Room) Queue(ctx context.Context, q store.Querier, actor store.Actor) ([]QueueLine, error) {
	p, err := x.QueuePage(ctx, q, actor, QueueFilter{Limit: queueMost})
	return p.Lines, err
}

// QueuePage returns one page of the queue.
func (x *Room) QueuePage(ctx context.Context, q store.Querier, actor store.Actor, f QueueFilter) (QueuePage, error) {
	out := QueuePage{Lines: []QueueLine{}, Load: map[string]int{}}
	where, args := f.where(actor.User, x.St.Now())
	count := `SELECT COUNT(*), COALESCE(SUM(CASE WHEN due < ` + place(&args, x.St.Now().Unix()) + ` THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN claims = 0 THEN 1 ELSE 0 END), 0) FROM request_lines` + where
	if err := q.QueryRowContext(ctx, count, args...).Scan(&out.Open, &out.Late, &out.Free); err != nil {
		return out, err
	}
	limit := f.Limit
	if limit <= 0 || limit > queueMost {
		limit = queuePage
	}
	ctx, m := newMemo(ctx)
	at := max(f.Offset, 0)
	for len(out.Lines) < limit {
		where, args := f.where(actor.User, x.St.Now())
		docs, err := lines(ctx, q, `SELECT doc FROM request_lines`+where+` ORDER BY place, id LIMIT `+place(&args, limit)+` OFFSET `+place(&args, at), args)
		if err != nil {
			return out, err
		}
		for _, d := range docs {
			at++
			m.lines[d.Line.ID] = d
			action := "request.vote"
			if d.Line.State == "appealed" {
				action = "request.arbitrate"
			}
			if x.St.CheckIn(ctx, q, actor, action, resource(d.Line.ID)) != nil {
				continue
			}
			if out.Lines = append(out.Lines, d.seen(actor.User)); len(out.Lines) == limit {
				break
			}
		}
		if len(docs) < limit {
			at = 0
			break
		}
	}
	out.Next = at
	if out.Next >= out.Open {
		out.Next = 0
	}
	return out, x.load(ctx, q, &out)
}

// load counts what each checker has in hand.
func (x *Room) load(ctx context.Context, q store.Querier, out *QueuePage) error {
	rows, err := q.QueryContext(ctx, `SELECT usr, COUNT(*) FROM request_claims GROUP BY usr`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var u string
		var n int
		if err := rows.Scan(&u, &n); err != nil {
			return err
		}
		out.Load[u] = n
	}
	return rows.Err()
}

func lines(ctx context.Context, q store.Querier, query string, args []any) ([]lineDoc, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []lineDoc
	for rows.Next() {
		var doc string
		if err := rows.Scan(&doc); err != nil {
			return nil, err
		}
		var d lineDoc
		if err := json.Unmarshal([]byte(doc), &d); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// place adds an argument and returns its mark.
func place(args *[]any, v any) string {
	*args = append(*args, v)
	return "$" + strconv.Itoa(len(*args))
}

func (f QueueFilter) where(user string, now time.Time) (string, []any) {
	var parts []string
	var args []any
	is := func(col, v string) {
		if v != "" {
			parts = append(parts, col+" = "+place(&args, v))
		}
	}
	is("project", f.Project)
	is("state", f.State)
	is("risk", f.Risk)
	switch f.Class {
	case "output":
		parts = append(parts, "class = ''")
	case "":
	default:
		is("class", f.Class)
	}
	switch f.Whose {
	case "mine":
		parts = append(parts, "id IN (SELECT request FROM request_claims WHERE usr = "+place(&args, user)+")")
	case "unclaimed":
		parts = append(parts, "claims = 0")
	}
	if f.Overdue {
		parts = append(parts, "due < "+place(&args, now.Unix()))
	}
	if len(parts) == 0 {
		return "", args
	}
	return " WHERE " + strings.Join(parts, " AND "), args
}

// SavedFilter is a filter of the queue that a checker keeps under a name.
type SavedFilter struct {
	ID     string      `json:"id"`
	User   string      `json:"user"`
	Name   string      `json:"name"`
	Filter QueueFilter `json:"filter"`
}

var savedFilters = store.Docs[SavedFilter]{Table: "queue_filters", Noun: "saved filter", Keys: []string{"usr"},
	Of: func(f *SavedFilter) (string, []any) { return f.ID, []any{f.User} }}

// maxFilters is how many filters a user may keep.
const maxFilters = 20

// SaveFilter keeps a filter under a name; an empty filter under the name of one
// that is kept takes it away.
func (x *Room) SaveFilter(ctx context.Context, actor store.Actor, name string, f QueueFilter) error {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > 60 {
		return ark.Faultf(ark.Invalid, "give the filter a name of at most 60 characters").At("", 0, "name")
	}
	f.Offset, f.Limit = 0, 0
	return x.St.Act(ctx, actor, "self.read", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		have, err := savedFilters.Where(ctx, tx, "usr = $1", actor.User)
		if err != nil {
			return nil, err
		}
		event := []store.Event{{Type: "queue.filter-saved", Subjects: []string{actor.User}}}
		i := slices.IndexFunc(have, func(s SavedFilter) bool { return s.Name == name })
		switch {
		case i >= 0 && f == (QueueFilter{}):
			_, err := tx.ExecContext(ctx, `DELETE FROM queue_filters WHERE id = $1`, have[i].ID)
			return event, err
		case i >= 0:
			have[i].Filter = f
			return event, savedFilters.Update(ctx, tx, &have[i])
		case len(have) >= maxFilters:
			return nil, ark.Faultf(ark.TooMuch, "you have %d saved filters already", maxFilters).Do("take one away first")
		}
		return event, savedFilters.Insert(ctx, tx, &SavedFilter{ID: tx.NewID("qfl"), User: actor.User, Name: name, Filter: f})
	})
}

// SavedFilters lists a user's own.
func SavedFilters(ctx context.Context, q store.Querier, user string) ([]SavedFilter, error) {
	return savedFilters.Where(ctx, q, "usr = $1", user)
}

// Turnaround is how long checkers took, from the end of the automatic checks to
// their decision on a round.
type Turnaround struct {
	Rounds int           `json:"rounds"`
	Median time.Duration `json:"median"`
	P90    time.Duration `json:"p90"`
	Late   int           `json:"late"` // rounds that took longer than aimed at
}

// TurnaroundSince reads the figures of the rounds decided since then.
func TurnaroundSince(ctx context.Context, q store.Querier, since time.Time) (Turnaround, error) {
	rows, err := q.QueryContext(ctx, `SELECT class, seconds FROM request_rounds WHERE ended >= $1 ORDER BY seconds`, since.Unix())
	if err != nil {
		return Turnaround{}, err
	}
	defer rows.Close()
	var t Turnaround
	var all []int64
	for rows.Next() {
		var class string
		var s int64
		if err := rows.Scan(&class, &s); err != nil {
			return t, err
		}
		all = append(all, s)
		aim := outputTarget
		if class != ClassOutput {
			aim = quickTarget
		}
		if time.Duration(s)*time.Second > aim {
			t.Late++
		}
	}
	if t.Rounds = len(all); t.Rounds > 0 {
		t.Median = time.Duration(all[(len(all)-1)/2]) * time.Second
		t.P90 = time.Duration(all[(len(all)*9+9)/10-1]) * time.Second
	}
	return t, rows.Err()
}

// Checkers lists the users to whom a request can be given, for the page that
// assigns.
func (x *Room) Checkers(ctx context.Context, q store.Querier, request string) ([]governance.User, error) {
	all, err := governance.Users(ctx, q)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(u governance.User) bool {
		return x.St.CheckIn(ctx, q, store.Actor{User: u.ID}, "request.vote", resource(request)) != nil
	}), nil
}
