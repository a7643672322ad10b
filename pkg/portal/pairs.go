package portal

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// Clerical review of linkage: reviewers see two records without knowing whose
// they are, why they were asked or what another reviewer said. What they see is
// fetched from the linkage worker once the access is recorded.

func (p *Portal) pairRoutes() []Route {
	return []Route{
		{Pattern: "GET /pairs", Action: "self.read", On: whole, Serve: p.pairList},
		{Pattern: "GET /pairs/{id}", Action: "pair.decide", On: thing("Pair"), Serve: p.pairPage, Record: true},
		{Pattern: "POST /pairs/{id}", Action: "pair.decide", On: thing("Pair"), Serve: p.answerPair},
		{Pattern: "GET /linkage/by-hand", Action: "linkage.decide", On: whole, Serve: p.byHandPage},
		{Pattern: "POST /linkage/by-hand", Action: "linkage.decide", On: whole, Serve: p.byHand},
	}
}

// openPairs are the pairs that the viewer may answer, oldest first.
func (p *Portal) openPairs(c *Call, q store.Querier) ([]catalogue.Pair, error) {
	all, err := catalogue.OpenPairs(c.Ctx(), q)
	if err != nil {
		return nil, err
	}
	var out []catalogue.Pair
	for _, x := range all {
		if p.cfg.Store.CheckIn(c.Ctx(), q, c.Actor, "pair.decide", store.Resource{Type: "Pair", ID: x.ID}) == nil {
			out = append(out, x)
		}
	}
	return out, nil
}

// waitingPairs is one line for all pairs that wait for the viewer.
func (p *Portal) waitingPairs(c *Call, q store.Querier) ([]todo, error) {
	open, err := p.openPairs(c, q)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	return []todo{{Text: "Pairs of records", Href: "/pairs", Since: open[0].Asked, What: "say whether they are of one person"}}, nil
}

// pairList is what waits for the viewer. It says nothing about the pairs: not
// whose they are and not whether somebody answered.
func (p *Portal) pairList(c *Call) error {
	var open []catalogue.Pair
	if err := c.view(func(q store.Querier) error {
		var err error
		open, err = p.openPairs(c, q)
		return err
	}); err != nil {
		return err
	}
	t := ui.Table{Caption: "Waiting for you, oldest first", Columns: ui.Cols("Pair", "Asked", "#Waiting"), Empty: &ui.Empty{Text: "No pair of records is waiting for you."}}
	for _, x := range open[:min(len(open), 100)] {
		t.Rows = append(t.Rows, []ui.Cell{{Text: fmt.Sprintf("Pair %d", x.Number), Href: "/pairs/" + x.ID, Head: true}, {Text: when(x.Asked)}, {Text: wait(c.Now().Sub(x.Asked))}})
	}
	return c.Page(ui.Page{Head: "One person or two?", Lead: "Records that the computer could not settle, and some that it did. Two reviewers of organisations that sent neither record answer on their own; when they differ, a third decides.", Body: []ui.Block{ui.Head2{Text: "Pairs"}, t}})
}

// maxPair bounds what a pair's object may hold.
const maxPair = 1 << 20

// readPair fetches what reviewers see.
func (p *Portal) readPair(c *Call) (*catalogue.Pair, *linkage.ReviewPair, error) {
	var x *catalogue.Pair
	if err := c.view(func(q store.Querier) error {
		var err error
		x, err = catalogue.GetPair(c.Ctx(), q, c.ID())
		return err
	}); err != nil {
		return nil, nil, err
	}
	f, err := p.cfg.Rooms.Objects.Open(c.Ctx(), x.Ref)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	var seen linkage.ReviewPair
	if err := json.NewDecoder(io.LimitReader(f, maxPair)).Decode(&seen); err != nil {
		return nil, nil, ark.Faultf(ark.Unavailable, "the two records can't be shown").Do("try again, or tell the operator").Because(err)
	}
	return x, &seen, nil
}

// pairPage is what the two records say, the waterfall of the evidence and the
// question.
func (p *Portal) pairPage(c *Call) error {
	x, seen, err := p.readPair(c)
	if err != nil {
		return err
	}
	page := ui.Page{Back: &ui.Link{Text: "One person or two?", Href: "/pairs"}, Above: "One person or two?", Head: fmt.Sprintf("Pair %d", x.Number),
		Lead: "What the two records agree on is not shown, only that they do."}
	what := ui.Table{Caption: "What the two records say", Columns: ui.Cols("Field", "First record", "Second record")}
	for _, f := range seen.Fields {
		for _, v := range f.Values {
			left, right := v.Left, v.Right
			if v.Same {
				left, right = "the same", "the same"
			}
			what.Rows = append(what.Rows, []ui.Cell{{Text: fieldWords(v.Column), Head: true}, {Text: orText(left, "not given")}, {Text: orText(right, "not given")}})
		}
	}
	page.Body = []ui.Block{what, waterfall(seen),
		ui.Form{Action: "/pairs/" + x.ID, Guard: true, Submit: ui.Button{Text: "Send the answer"}, Cancel: &ui.Link{Text: "Not now", Href: "/pairs"}, Fields: []ui.Field{
			{Kind: "radios", Name: "answer", Label: "Are these two records of one person?", Hint: "Nobody sees your answer before the other reviewer has answered too.", Options: []ui.Option{
				{Value: catalogue.PairSame, Text: "Yes, one person"}, {Value: catalogue.PairDifferent, Text: "No, two people"}, {Value: catalogue.PairUnclear, Text: "It cannot be told from this"}}}}}}
	return c.Page(page)
}

// waterfall is how the weight of a pair comes about, field by field.
func waterfall(seen *linkage.ReviewPair) ui.Table {
	bits := func(f float64) string { return strings.Replace(fmt.Sprintf("%+.1f", f), "-", "−", 1) }
	t := ui.Table{Caption: "How the computer weighs them, in bits: each bit doubles or halves the odds", Columns: ui.Cols("Step", "The two are", "#Bits", "#So far")}
	sum := seen.Prior
	t.Rows = append(t.Rows, []ui.Cell{{Text: "Two records drawn blindly", Head: true}, {Text: ""}, {Text: bits(seen.Prior)}, {Text: bits(sum)}})
	for _, f := range seen.Fields {
		sum += f.Bits
		said := f.What
		if said == linkage.NotBelieved {
			said += ": one of them is somebody else’s"
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: fieldWords(f.Name), Head: true}, {Text: said}, {Text: bits(f.Bits)}, {Text: bits(sum)}})
	}
	if seen.Rarity != 0 {
		sum += seen.Rarity
		t.Rows = append(t.Rows, []ui.Cell{{Text: "How rare the values are, and rules that keep people apart", Head: true}, {Text: ""}, {Text: bits(seen.Rarity)}, {Text: bits(sum)}})
	}
	return t
}

// fieldWords is a column's or comparison's name in words.
func fieldWords(name string) string {
	switch name {
	case "nhs_number":
		return "NHS number"
	case "address_1":
		return "Street"
	case "home":
		return "Home and telephone"
	}
	s := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):]
}

func (p *Portal) answerPair(c *Call) error {
	return c.Attempt(nil, func(form url.Values) (string, error) {
		if err := p.cfg.Rooms.Catalogue.AnswerPair(c.Ctx(), c.Actor, c.ID(), form.Get("answer")); err != nil {
			return "", err
		}
		return "/pairs", nil
	})
}

func (p *Portal) byHandForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var reasons []ui.Option
		for _, r := range catalogue.Reasons() {
			reasons = append(reasons, ui.Option{Value: r, Text: strings.ToUpper(r[:1]) + r[1:]})
		}
		return ui.Page{Back: &ui.Link{Text: "Linkage", Href: "/linkage"}, Above: "Linkage", Head: "Decide by hand", Errors: wrong,
			Lead: "For a link that was found wrong, or one that is missing. It takes effect with the next linkage, beats every other evidence, and a later decision about the same two records replaces it.",
			Body: []ui.Block{ui.Form{Action: "/linkage/by-hand", Guard: true, Submit: ui.Button{Text: "Record the decision"}, Cancel: &ui.Link{Text: "Cancel", Href: "/linkage"}, Fields: ui.Filled([]ui.Field{
				{Kind: "text", Name: "left", Label: "Record key of the first record", Hint: "16 letters and digits, as the evidence of a linkage names it"}, {Kind: "text", Name: "right", Label: "Record key of the second record"},
				{Kind: "radios", Name: "outcome", Label: "They are of", Options: []ui.Option{{Value: catalogue.PairDifferent, Text: "two people: undo the link"}, {Value: catalogue.PairSame, Text: "one person: link them"}}},
				{Kind: "radios", Name: "reason", Label: "Because", Options: reasons}}, typed, wrong)}}}, nil
	}
}

func (p *Portal) byHandPage(c *Call) error {
	return p.draw(c, p.byHandForm(c))
}

func (p *Portal) byHand(c *Call) error {
	return c.Attempt(p.byHandForm(c), func(form url.Values) (string, error) {
		outcome := form.Get("outcome")
		if outcome != catalogue.PairSame && outcome != catalogue.PairDifferent {
			return "", ark.Faultf(ark.Invalid, "say whether they are of one person or of two").At("", 0, "outcome").Do("choose one")
		}
		return "/linkage", p.cfg.Rooms.Catalogue.DecideByHand(c.Ctx(), c.Actor, strings.TrimSpace(form.Get("left")), strings.TrimSpace(form.Get("right")), outcome == catalogue.PairSame, form.Get("reason"))
	})
}

// fewChecks is how many samples have to be settled before a share means anything.
const fewChecks = 10

// reviewPart is the clerical review on the page of linkage.
func reviewPart(c *Call, r catalogue.Reviewed) []ui.Block {
	right := "fewer than 10 samples were settled"
	if r.Checked >= fewChecks {
		right = fmt.Sprintf("%.0f %% of the samples that reviewers settled", 100*float64(r.Checked-r.Mistaken)/float64(r.Checked))
	}
	return []ui.Block{ui.Head2{Text: "Clerical review"}, ui.Text{Text: "Pairs that the evidence does not settle, and a sample of those it did, are put to two reviewers of organisations that sent neither record."},
		ui.Summary{Compact: true, Rows: []ui.Row{{Key: "Waiting for reviewers", Text: number(r.Waiting)}, {Key: "Settled", Text: number(r.Settled)}, {Key: "Linkage was right in", Text: right}}},
		ui.Actions{Buttons: []ui.Button{{Text: "Review pairs", Href: "/pairs", Look: "secondary"}, {Text: "Decide by hand", Href: "/linkage/by-hand", Look: "secondary", Off: c.Off("linkage.decide", "Ark", "ark")}}}}
}

// biasTables says who fails to link, by group, as rounded by the run.
func biasTables(groups []linkage.Group) []ui.Block {
	words := map[string]string{"year_of_birth": "Decade of birth", "sex": "Sex", "imd_decile": "Deprivation, 1 the most deprived", "ethnicity": "Ethnicity", "sender": "Sender"}
	by := map[string]*ui.Table{}
	var out []ui.Block
	text := func(n *int) string {
		if n == nil {
			return "too few to show"
		}
		return number(*n)
	}
	for _, g := range groups {
		t := by[g.By]
		if t == nil {
			t = &ui.Table{Caption: orText(words[g.By], fieldWords(g.By)), Columns: ui.Cols("Group", "#Persons", "#Of one record", "#Share")}
			by[g.By] = t
		}
		share := ""
		if g.Persons != nil && g.Single != nil && *g.Persons > 0 {
			share = fmt.Sprintf("%.0f %%", 100*float64(*g.Single)/float64(*g.Persons))
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: g.Value, Head: true}, {Text: text(g.Persons)}, {Text: text(g.Single)}, {Text: share}})
	}
	for _, name := range []string{"year_of_birth", "sex", "ethnicity", "imd_decile", "sender"} {
		if t := by[name]; t != nil {
			out = append(out, *t)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return []ui.Block{ui.Head2{Text: "Who fails to link"}, ui.Text{Soft: true, Text: "Persons tied to one record only, by group. Counts are rounded by the disclosure profile. Failing to link is seldom a matter of chance: a group that stands out is missing from what is joined."},
		ui.Details{Summary: "By age, sex, ethnicity, deprivation and sender", Body: out}}
}
