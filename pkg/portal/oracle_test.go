package portal

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/store"
)

// conflicting is findings of so many cells with releases of others.
func conflicting(cells, people int) (out []disclosure.Finding) {
	for i := range cells {
		out = append(out, disclosure.Finding{Rule: "release-difference", Severity: disclosure.SevFail, File: "rates.csv", Says: "conflicts with an earlier release",
			Repair:   "round the counts, combine categories until groups differ by more people, or use the earlier cohort unchanged",
			Where:    disclosure.Where{Cell: &disclosure.CellRef{Row: []string{fmt.Sprint("SECRETCELL", i)}, Col: []string{}}},
			Evidence: map[string]string{"people": fmt.Sprint(people), "combination": fmt.Sprintf("+ 60 (count, release rel_SECRET%d) − %d (count, this table) and SECRETDATE", i, 60-people), "between": "SECRETBOUND"}})
	}
	return out
}

var (
	someID   = regexp.MustCompile(`[a-z]{3}_[0-9A-Za-z]{6,}`)
	someHash = regexp.MustCompile(`[0-9A-Za-z_\-+/]{24,}=*`)
	someTime = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z?|[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?`)
	someSpan = regexp.MustCompile(`\b[0-9]+\.[0-9] s\b`) // how long a stage took, to a tenth of a second
	someRef  = regexp.MustCompile(`[Rr]eference (is )?[0-9A-Z]{10}|"index":-?[0-9]+`)
	somePort = regexp.MustCompile(`localhost(:[0-9]+)?|127\.0\.0\.1:[0-9]+`)
)

func plain(s string) string {
	for _, x := range []*regexp.Regexp{somePort, someRef, someSpan, someTime, someID, someHash} {
		s = x.ReplaceAllString(s, "·")
	}
	return s
}

// known is everything that the author of a blocked request can get to see or is
// sent, by where it stands, and everything that the portal logged.
func known(t *testing.T, findings []disclosure.Finding) map[string]string {
	t.Helper()
	b := newMarked(t, "")
	b.people()
	b.data()
	b.rooms.Airlock.Notify = true
	project, ws := b.active("Waiting in emergency care")
	request := b.submit(ws)
	view := b.view("researcher", request)
	var res airlock.CheckResult
	for _, f := range view.Files {
		x := airlock.CheckedFile{ID: f.ID, Type: "text/csv", Verdict: "pass"}
		if f.Name == "rates.csv" {
			x.Verdict, x.Findings = "fail", findings
		}
		res.Files = append(res.Files, x)
	}
	b.as("request.apply", store.Resource{Type: "Request", ID: request}, func(tx *store.Tx) ([]store.Event, error) {
		return b.rooms.Airlock.ApplyChecks(context.Background(), tx, request, view.Round, res)
	})
	out := map[string]string{}
	for path, body := range b.crawl("researcher", "/outputs/"+request, "/projects/"+project, "/ledger?project="+project, "/workspaces/"+ws,
		apiPrefix+"/requests/"+request, apiPrefix+"/requests", apiPrefix+"/projects/"+project, apiPrefix+"/acts") {
		out[plain(path)] += body
	}
	mails, err := b.rooms.Airlock.Unsent(context.Background(), b.origin())
	b.must(err)
	for _, m := range mails {
		if m.Due = (time.Time{}); m.Kind == airlock.NoticeAuthor { // the others are not for its author
			out["mail "+m.Kind] = fmt.Sprintf("%+v", m)
		}
	}
	if len(mails) == 0 || !strings.Contains(out[plain("/outputs/"+request)], "conflicts with an earlier release") && !strings.Contains(out[plain("/outputs/"+request)], "Conflicts with an earlier release") {
		t.Fatalf("the author is told nothing: %d mails", len(mails))
	}
	out["log"] = b.log.String()
	// The positive control: whoever checks sees the combination.
	if page := b.get("checker1", "/queue/"+request); !strings.Contains(page, "rel_SECRET0") {
		t.Error("a checker does not see which release it conflicts with")
	}
	return out
}

// TestTheComparisonIsNoOracle: two conflicts that differ in how many people,
// cells, releases and projects they are about look the same to their author: on
// every page and in every answer of the API that they can reach, in mail, and
// in the portal's log; and nothing of either is in any of them.
func TestTheComparisonIsNoOracle(t *testing.T) {
	few, many := known(t, conflicting(1, 2)), known(t, conflicting(3, 9))
	for _, all := range []map[string]string{few, many} {
		for where, text := range all {
			if i := strings.Index(text, "SECRET"); i >= 0 {
				t.Errorf("%s says …%s…", where, text[max(0, i-80):min(len(text), i+40)])
			}
		}
	}
	compared := 0
	for where, a := range few {
		if strings.HasPrefix(where, "/ledger") {
			continue // entries of their own times; looked at for secrets
		}
		b, ok := many[where]
		if !ok {
			t.Errorf("%s is there for one conflict and not for the other", where)
			continue
		}
		if where == "log" {
			continue // the same
		}
		compared++
		// Where an act stands in the ledger shows a moment later than the act.
		a, _, _ = strings.Cut(a, "History</h2>")
		b, _, _ = strings.Cut(b, "History</h2>")
		one, other := strings.Split(plain(a), "\n"), strings.Split(plain(b), "\n")
		slices.Sort(one) // lists in the order of ids that are drawn
		slices.Sort(other)
		if !slices.Equal(one, other) {
			for i := range min(len(one), len(other)) {
				if one[i] != other[i] {
					t.Errorf("%s tells the two apart:\n%.400s\n%.400s", where, one[i], other[i])
					break
				}
			}
		}
	}
	if compared < 10 {
		t.Errorf("only %d places were compared", compared)
	}
	t.Logf("%d pages, answers and mails compared", compared)
}
