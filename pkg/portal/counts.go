package portal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// maxCounts bounds the marginals of one table, in bytes: 2,000 values of each
// variable at most.
const maxCounts = 16 << 20

// shownValues is how many values of a variable its table on the page has; all
// are in the API's answer.
const shownValues = 50

// Counts are the marginals of one table as a custodian sees them.
type Counts struct {
	Table     string           `json:"table"`
	Hash      string           `json:"hash" doc:"SHA-256 of the signed counts, which the version's manifest pins: an approval names it"`
	Profile   string           `json:"profile"`
	Variables []VariableCounts `json:"variables"`
}

// VariableCounts are the values of one variable with their people, rounded.
type VariableCounts struct {
	catalogue.Withheld
	Values []string `json:"values"`
	People []int64  `json:"people"`
}

// readCounts opens the marginals of a version through the worker that may, which
// verifies their bytes against the hash in the version's row.
func (p *Portal) readCounts(c *Call, v catalogue.Version) ([]Counts, error) {
	var out []Counts
	for _, table := range slices.Sorted(maps.Keys(v.Marginals)) {
		ref := v.Marginals[table]
		raw, err := p.small(c, ref)
		if err != nil {
			return nil, err
		}
		var signed struct {
			Payload string `json:"payload"`
		}
		if err := json.Unmarshal(raw, &signed); err != nil {
			return nil, err
		}
		if raw, err = base64.StdEncoding.DecodeString(signed.Payload); err != nil {
			return nil, err
		}
		var m struct {
			Profile   string `json:"profile"`
			Variables []struct {
				Name   string   `json:"name"`
				Values []string `json:"values"`
				People []int64  `json:"people"`
			} `json:"variables"`
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, err
		}
		one := Counts{Table: table, Hash: ref.SHA256, Profile: m.Profile, Variables: []VariableCounts{}}
		for _, x := range m.Variables {
			w := catalogue.Withheld{Table: table, Variable: x.Name, Shown: len(x.Values)}
			for _, y := range v.Withheld {
				if y.Table == table && y.Variable == x.Name {
					w = y
				}
			}
			if len(x.Values) != len(x.People) {
				return nil, ark.Faultf(ark.Internal, "the counts of %s.%s are malformed", table, x.Name)
			}
			one.Variables = append(one.Variables, VariableCounts{w, x.Values, x.People})
		}
		out = append(out, one)
	}
	return out, nil
}

// small reads a small object whole.
func (p *Portal) small(c *Call, ref objects.Ref) ([]byte, error) {
	in, err := p.cfg.Rooms.Objects.Open(c.Ctx(), ref)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	raw, err := io.ReadAll(io.LimitReader(in, maxCounts+1))
	if err == nil && len(raw) > maxCounts {
		err = ark.Faultf(ark.TooMuch, "the counts are larger than %d bytes", maxCounts)
	}
	return raw, err
}

// countsPage is what a custodian approves before a synthetic version is made:
// the counts, what the disclosure rules took out of them, and their hash.
func (p *Portal) countsPage(c *Call) error { return p.draw(c, p.countsForm(c)) }

func (p *Portal) countsForm(c *Call) build {
	return func(_ url.Values, wrong []ui.Problem) (ui.Page, error) {
		f, err := p.readVersion(c, c.ID(), c.R.PathValue("number"))
		if err != nil {
			return ui.Page{}, err
		}
		all, err := p.readCounts(c, f.version)
		if err != nil {
			return ui.Page{}, err
		}
		at := fmt.Sprintf("/catalogue/%s/versions/%d", f.dataset.ID, f.version.Number)
		page := ui.Page{Back: &ui.Link{Text: fmt.Sprintf("Version %d", f.version.Number), Href: at}, Above: f.dataset.Title, Head: "Counts behind the synthetic version", Errors: wrong,
			Lead: "The synthetic version is drawn from these counts of people and from nothing else. They passed the disclosure rules. It is made when a custodian of the dataset has approved exactly these."}
		if s := f.version.Synthesis; s != nil {
			page.Next = &ui.Next{Tone: map[string]string{"made": "done", "failed": "stopped"}[s.State], Text: "Approved by " + f.dir.user(s.Approval.Custodian) + ", " + when(s.Approval.At) + ". " + sentence(orText(s.Says, map[string]string{"made": "The synthetic version is made", "making": "The synthetic version is being made"}[s.State]))}
			if page.Next.Tone == "" {
				page.Next.Tone = "wait"
			}
		}
		if len(all) == 0 {
			page.Body = append(page.Body, ui.Text{Text: "This version has no counts: it was published before they were kept."})
		}
		hidden := []ui.Pair{}
		for _, t := range all {
			page.Body = append(page.Body, countBlocks(t)...)
			hidden = append(hidden, ui.Pair{Name: "hash." + t.Table, Value: t.Hash})
		}
		if len(all) > 0 && (f.version.Synthesis == nil || f.version.Synthesis.State == "failed") && f.version.State == "published" {
			page.Body = append(page.Body, ui.Form{Action: at + "/counts", Hidden: hidden, Submit: ui.Button{Text: "Approve these counts", Off: c.Off("marginals.approve", "Dataset", f.dataset.ID)}, Cancel: &ui.Link{Text: "Not now", Href: at}})
		}
		return page, nil
	}
}

func countBlocks(t Counts) []ui.Block {
	sum := ui.Table{Caption: "What the rules of the profile " + t.Profile + " left, by variable", Columns: ui.Cols("Variable", "#Values shown", "#Values of too few people", "Restricted codes", "What else")}
	out := []ui.Block{ui.Head2{Text: "Table " + t.Table}, nil, ui.Summary{Compact: true, Rows: []ui.Row{{Key: "SHA-256 of the signed counts", Text: t.Hash}}}}
	for _, v := range t.Variables {
		more, codes := "", "none"
		if v.Open {
			more = "not counted: a key, or too many values to be a category"
		}
		if v.Restricted {
			codes = "left out"
		}
		sum.Rows = append(sum.Rows, []ui.Cell{{Text: v.Variable, Head: true}, {Text: number(v.Shown)}, {Text: number(v.Few)}, {Text: codes}, {Text: more}})
		if len(v.Values) == 0 {
			continue
		}
		values := ui.Table{Caption: "People by " + v.Variable, Columns: ui.Cols("Value", "#People (rounded)")}
		for i := range min(len(v.Values), shownValues) {
			values.Rows = append(values.Rows, []ui.Cell{{Text: v.Values[i], Head: true}, {Text: number(int(v.People[i]))}})
		}
		if n := len(v.Values) - shownValues; n > 0 {
			values.Caption += fmt.Sprintf(": the first %d, %d more are in the API’s answer", shownValues, n)
		}
		out = append(out, ui.Details{Summary: fmt.Sprintf("%s: %s", v.Variable, count(len(v.Values), "value")), Body: []ui.Block{values}})
	}
	out[1] = sum
	return out
}

func (p *Portal) approveCounts(c *Call) error {
	return c.Attempt(p.countsForm(c), func(form url.Values) (string, error) {
		f, err := p.readVersion(c, c.ID(), c.R.PathValue("number"))
		if err != nil {
			return "", err
		}
		hashes := map[string]string{}
		for name := range form {
			if table, ok := strings.CutPrefix(name, "hash."); ok {
				hashes[table] = form.Get(name)
			}
		}
		_, err = p.cfg.Rooms.Catalogue.ApproveMarginals(c.Ctx(), c.Actor, c.ID(), f.version.ID, hashes)
		return fmt.Sprintf("/catalogue/%s/versions/%d", c.ID(), f.version.Number), err
	})
}

// syntheticRows say on a version's page how far its synthetic version is.
func (p *Portal) syntheticRows(c *Call, f *versionFacts) []ui.Row {
	s, at := f.version.Synthesis, fmt.Sprintf("/catalogue/%s/versions/%d/counts", f.dataset.ID, f.version.Number)
	row := ui.Row{Key: "Synthetic version", Text: "waits for a custodian to approve the counts that it is drawn from"}
	rows := []ui.Row{}
	switch {
	case s != nil:
		row.Text = map[string]string{"making": "being made", "made": "made", "failed": "could not be made"}[s.State] + "; its counts were approved by a custodian of " + f.dir.org(s.Approval.Org) + ", " + when(s.Approval.At)
		for _, t := range slices.Sorted(maps.Keys(s.Membership)) {
			rows = append(rows, ui.Row{Key: "Attacked: " + t, Text: s.Membership[t] + " (how often a member is told from somebody held out; 0.50 is guessing)"})
		}
	case len(f.version.Synthetic) > 0:
		row.Text = "made before custodians approved its counts"
	case len(f.version.Marginals) == 0:
		return nil
	}
	if len(f.version.Marginals) > 0 && c.Off("marginals.approve", "Dataset", f.dataset.ID) == "" {
		rows = append(rows, ui.Row{Key: "Counts behind it", Link: &ui.Link{Text: "see them", Href: at}})
	}
	return append([]ui.Row{row}, rows...)
}

// waitingCounts are counts that a custodian's organisation has not approved.
func (p *Portal) waitingCounts(c *Call, q store.Querier) (out []todo, err error) {
	vs, err := catalogue.MarginalsWaiting(c.Ctx(), q, c.Viewer.Org)
	for _, v := range vs {
		d, err := catalogue.GetDataset(c.Ctx(), q, v.Dataset)
		if err != nil {
			return nil, err
		}
		if p.cfg.Store.CheckIn(c.Ctx(), q, c.Actor, "marginals.approve", store.Resource{Type: "Dataset", ID: d.ID}) == nil {
			out = append(out, todo{Text: fmt.Sprintf("%s, version %d", d.Title, v.Number), Href: fmt.Sprintf("/catalogue/%s/versions/%d/counts", d.ID, v.Number), Since: v.Published, What: "has counts for a synthetic version to approve"})
		}
	}
	return out, err
}

type approveIn struct {
	One
	Number string `path:"number" maxLength:"9"`
	Body   struct {
		Hashes map[string]string `json:"hashes" doc:"Table to the SHA-256 of the counts that were looked at"`
	}
}

func (p *Portal) countsOperations(a *API) error {
	const path = "/datasets/{id}/versions/{number}/counts"
	return errors.Join(
		operation(a, Op{Method: get, Path: path, Action: "marginals.approve", On: "Dataset", Tag: "Data", Record: true, Summary: "The counts that a version's synthetic version is drawn from, and what the disclosure rules took out of them; the look is recorded"}, func(c *Call, in *versionIn) (*Body[CountsOut], error) {
			f, err := p.readVersion(c, in.ID, in.Number)
			if err != nil {
				return nil, err
			}
			all, err := p.readCounts(c, f.version)
			return &Body[CountsOut]{CountsOut{f.version.ID, f.version.Synthesis, all}}, err
		}),
		operation(a, Op{Method: post, Path: path, Action: "marginals.approve", On: "Dataset", Tag: "Data", Summary: "Approve exactly these counts: the synthetic version is made of them"}, func(c *Call, in *approveIn) (*Body[*catalogue.Synthesis], error) {
			f, err := p.readVersion(c, in.ID, in.Number)
			if err != nil {
				return nil, err
			}
			s, err := p.cfg.Rooms.Catalogue.ApproveMarginals(c.Ctx(), c.Actor, in.ID, f.version.ID, in.Body.Hashes)
			return &Body[*catalogue.Synthesis]{s}, err
		}),
	)
}

// CountsOut are the counts of a version, by table, and what became of them.
type CountsOut struct {
	Version   string               `json:"version"`
	Synthesis *catalogue.Synthesis `json:"synthesis,omitempty"`
	Tables    []Counts             `json:"tables"`
}
