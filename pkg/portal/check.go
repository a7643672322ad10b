package portal

import (
	"fmt"
	"net/url"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// checkForm is the review page: files, the file in hand, context and decision.
func (p *Portal) checkForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		v, err := p.cfg.Rooms.Airlock.ViewOf(c.Ctx(), c.Actor, c.ID())
		if err != nil {
			return ui.Page{}, err
		}
		if v.Author {
			return ui.Page{}, ark.Faultf(ark.Forbidden, "you are the author of this request, so you cannot check it").By("nobody-checks-their-own-project")
		}
		var x *governance.Project
		var app *governance.Application
		var earlier []airlock.Release
		if err := c.view(func(q store.Querier) error {
			var err error
			if x, err = governance.GetProject(c.Ctx(), q, v.Project); err != nil {
				return err
			}
			if app, err = governance.GetApplication(c.Ctx(), q, x.Application); err != nil {
				return err
			}
			earlier, err = airlock.ReleasesOf(c.Ctx(), q, v.Project)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		in := fileInHand(v, c.Query("file"), typed)
		page := ui.Page{Back: &ui.Link{Text: "Queue", Href: "/queue"}, Above: "Output review", Head: x.Title, State: tag(v.State, true), Wide: true, Errors: wrong}
		page.Body = []ui.Block{ui.Phase{Text: phaseText(v)}}
		if in == nil {
			return page, nil
		}
		r := ui.Review{}
		for _, f := range v.Files {
			item := ui.ReviewFile{Href: "/queue/" + v.ID + "?file=" + f.ID, Name: f.Name, Note: f.Kind, Current: f.ID == in.ID, Tag: *voteTag(f)}
			r.Files = append(r.Files, item)
		}
		r.File = fmt.Sprintf("File %d: %s", in.Ordinal, in.Name)
		r.Checks = *verdictTag(in.Verdict)
		r.Facts = fmt.Sprintf("%s · %s · SHA-256 %s", in.Kind, bytesText(in.Ref.Size), short(in.Ref.SHA256))
		if src, err := p.showFile(c, v, *in); err != nil {
			r.NoView = says(err)
		} else {
			r.View = src
		}
		for _, x := range numbered(v)[in.ID] {
			r.Findings = append(r.Findings, findingItem(x))
		}
		r.Side = p.checkSide(c, v, *in, app, earlier, typed)
		page.Body = append(page.Body, r)
		return page, nil
	}
}

// fileInHand is the file that the checker looks at: the one asked for, else the
// first without their vote.
func fileInHand(v airlock.View, asked string, typed url.Values) *airlock.FileView {
	if typed != nil && typed.Get("file") != "" {
		asked = typed.Get("file")
	}
	for i := range v.Files {
		if v.Files[i].ID == asked {
			return &v.Files[i]
		}
	}
	for i := range v.Files {
		if v.Files[i].YourVote == "" && v.Files[i].Kind == airlock.KindOutput {
			return &v.Files[i]
		}
	}
	if len(v.Files) > 0 {
		return &v.Files[0]
	}
	return nil
}

func voteTag(f airlock.FileView) *ui.Tag {
	switch {
	case f.Kind == airlock.KindSupporting:
		return &ui.Tag{Text: "Supporting", Colour: ui.Grey}
	case f.YourVote == airlock.VoteApprove:
		return &ui.Tag{Text: "You approve", Colour: ui.Green}
	case f.YourVote == airlock.VoteChanges:
		return &ui.Tag{Text: "You ask changes", Colour: ui.Red}
	default:
		return &ui.Tag{Text: "Your vote", Colour: ui.Yellow}
	}
}

// phaseText says which phase this is and what the other checker can see.
func phaseText(v airlock.View) string {
	switch v.Phase {
	case airlock.PhaseIndependent:
		if v.YouFinished {
			return "You have finished. Your votes show to nobody until all checkers have finished."
		}
		return "Independent phase, round " + number(v.Round) + ". Nobody else sees your votes and comments, and you see nobody’s, until all checkers have finished."
	case airlock.PhaseOpen:
		return "Open phase, round " + number(v.Round) + ". All checkers have finished. You see each other’s votes and comments; settle what differs, then release or return."
	case airlock.PhaseAuthor:
		return "This request is with its author now."
	default:
		return "This request is done."
	}
}

// checkSide is the third pane: decision, context, comments, what was released before.
func (p *Portal) checkSide(c *Call, v airlock.View, f airlock.FileView, app *governance.Application, earlier []airlock.Release, typed url.Values) []ui.Block {
	base := "/queue/" + v.ID
	off := func(action string) string { return c.Off(action, "Request", v.ID) }
	var out []ui.Block
	file := ui.Pair{Name: "file", Value: f.ID}
	if v.Phase == airlock.PhaseIndependent && !v.YouFinished && f.Kind == airlock.KindOutput {
		out = append(out, ui.Head2{Text: fmt.Sprintf("Your vote on file %d", f.Ordinal)}, ui.Actions{Buttons: []ui.Button{
			{Text: "Approve", Action: base + "/vote", Fields: []ui.Pair{file, {Name: "vote", Value: airlock.VoteApprove}}, Key: "a", Off: off("request.vote")},
			{Text: "Ask for changes", Action: base + "/vote", Fields: []ui.Pair{file, {Name: "vote", Value: airlock.VoteChanges}}, Look: "warning", Key: "r", Off: off("request.vote")}}})
	}
	if v.Phase == airlock.PhaseIndependent && !v.YouFinished {
		left := 0
		for _, x := range v.Files {
			if x.Kind == airlock.KindOutput && x.YourVote == "" {
				left++
			}
		}
		b := ui.Button{Text: "Finish my review", Action: base + "/finish", Look: "secondary", Off: off("request.vote")}
		if left > 0 {
			b.Off = "Vote on every output file first: " + number(left) + " left."
		}
		out = append(out, ui.Actions{Buttons: []ui.Button{b}})
	}
	if v.Phase == airlock.PhaseOpen {
		out = append(out, votesTable(v), ui.Actions{Buttons: []ui.Button{
			{Text: "Release…", Href: base + "/release", Off: ""},
			{Text: "Return to the author", Action: base + "/return", Look: "secondary", Off: off("request.return")}}},
			ui.Details{Summary: "Refuse for good", Body: []ui.Block{ui.Form{Action: base + "/reject", Fields: []ui.Field{{Kind: "area", Name: "reason", Label: "Why this must never leave", Rows: 3}}, Submit: ui.Button{Text: "Refuse for good", Look: "warning", Off: off("request.reject")}}}})
	}
	out = append(out, ui.Head2{Text: "What the author says"})
	if f.Group >= 0 && f.Group < len(v.Groups) {
		out = append(out, contextSummary(v.Groups[f.Group]))
	}
	out = append(out, p.conversation(c, v)...)
	if v.Phase == airlock.PhaseIndependent || v.Phase == airlock.PhaseOpen {
		text := ""
		if typed != nil {
			text = typed.Get("text")
		}
		out = append(out, ui.Form{ID: "comment", Action: base + "/comment", Hidden: []ui.Pair{file}, Submit: ui.Button{Text: "Comment", Look: "secondary"}, Fields: []ui.Field{
			{Kind: "area", Name: "text", Label: fmt.Sprintf("Comment on file %d", f.Ordinal), Rows: 3, Value: text},
			{Kind: "radios", Name: "public", Label: "Who is it for?", Value: "no", Options: []ui.Option{{Value: "no", Text: "Checkers only"}, {Value: "yes", Text: "The author too, after this round"}}}}})
	}
	rows := []ui.Row{{Key: "Purposes", Lines: purposeWords(app.Purposes)}, {Key: "Expected outputs", Lines: app.ExpectedOutputs}, {Key: "Goes to", Text: v.Destination}, {Key: "Disclosure rules", Text: v.Profile}, {Key: "In plain words", Said: app.LaySummary}}
	out = append(out, ui.Details{Summary: "The project", Body: []ui.Block{ui.Summary{Rows: rows, Compact: true}}})
	t := ui.Table{Caption: "Earlier releases of this project", Columns: ui.Cols("Released", "Files"), Empty: &ui.Empty{Text: "Nothing of this project was released before."}}
	for i := len(earlier) - 1; i >= 0; i-- {
		var names []string
		for _, rf := range earlier[i].Files {
			names = append(names, rf.Name)
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: day(earlier[i].At), Href: "/releases/" + earlier[i].ID, Head: true}, {Text: fmt.Sprintf("%d: %s", len(names), joinMost(names, 4))}})
	}
	return append(out, t)
}

func joinMost(xs []string, n int) string {
	s := ""
	for i, x := range xs {
		if i == n {
			return s + " …"
		}
		if i > 0 {
			s += ", "
		}
		s += x
	}
	return s
}

// votesTable shows everyone's votes in the open phase.
func votesTable(v airlock.View) ui.Block {
	t := ui.Table{Caption: "Votes", Columns: ui.Cols("#File", "Decision", "Votes")}
	for _, f := range v.Files {
		if f.Kind != airlock.KindOutput {
			continue
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: number(f.Ordinal)}, {Tag: decisionTag(f.Decision)}, {Text: votesText(f.Votes)}})
	}
	return t
}

func votesText(votes map[string]string) string {
	s := ""
	for _, who := range []string{"you", "checker 1", "checker 2", "checker 3", "checker 4"} {
		if v, ok := votes[who]; ok {
			if s != "" {
				s += ", "
			}
			word := "approves"
			if v == airlock.VoteChanges {
				word = "asks for changes"
			}
			if who == "you" {
				word = map[string]string{"approves": "approve", "asks for changes": "ask for changes"}[word]
			}
			s += who + " " + word
		}
	}
	return s
}

func (p *Portal) checkPage(c *Call) error {
	page, err := p.checkForm(c)(nil, nil)
	if err != nil {
		return err
	}
	return c.Page(page)
}
