package portal

import (
	"fmt"
	"net/url"
	"time"

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
		var earlier []airlock.EarlierRelease
		var dir *directory
		if err := c.view(func(q store.Querier) error {
			var err error
			if x, err = governance.GetProject(c.Ctx(), q, v.Project); err != nil {
				return err
			}
			if app, err = governance.GetApplication(c.Ctx(), q, x.Application); err != nil {
				return err
			}
			if dir, err = readDirectory(c.Ctx(), q); err != nil {
				return err
			}
			earlier, err = airlock.EarlierOn(c.Ctx(), q, v.Permit, v.Project)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		in := fileInHand(v, c.Query("file"), typed)
		page := ui.Page{Back: &ui.Link{Text: "Queue", Href: "/queue"}, Above: "Output review", Head: x.Title, State: tag(v.State, true), Wide: true, Errors: wrong}
		page.Body = []ui.Block{ui.Phase{Text: phaseText(v)}}
		if v.Says != "" {
			page.Body = append(page.Body, ui.Warning{Head: "Why it is before you again", Text: sentence(v.Says)})
		}
		if !v.Due.IsZero() {
			page.Lead = dueText(v.Due, c.Now())
		}
		if in == nil {
			return page, nil
		}
		r := ui.Review{}
		all, group := numbered(v), -1
		for _, f := range v.Files {
			note := f.Kind
			if n := len(all[f.ID]); n > 0 {
				note += " · " + count(n, "finding")
			}
			item := ui.ReviewFile{Href: "/queue/" + v.ID + "?file=" + f.ID, Name: f.Name, Note: note, Current: f.ID == in.ID, Tag: *voteTag(f)}
			if len(v.Groups) > 1 && f.Group != group && f.Group >= 0 && f.Group < len(v.Groups) {
				group = f.Group
				item.Group = fmt.Sprintf("Group %d: %s", group+1, v.Groups[group].Name)
			}
			r.Files = append(r.Files, item)
		}
		r.File = fmt.Sprintf("File %d: %s", in.Ordinal, in.Name)
		r.Checks = *verdictTag(in.Verdict)
		if len(in.Waved) > 0 {
			r.Checks = ui.Tag{Text: "Failed check overridden", Colour: ui.Yellow}
		}
		r.Facts = fmt.Sprintf("%s · %s · SHA-256 %s", in.Kind, bytesText(in.Ref.Size), short(in.Ref.SHA256))
		against, err := p.heldAgainst(c, v, *in, earlier, &r)
		if err != nil {
			return ui.Page{}, err
		}
		if src, err := p.showFile(c, v, *in, against); err != nil {
			r.NoView = says(err)
		} else {
			r.View = src
		}
		for _, x := range all[in.ID] {
			r.Findings = append(r.Findings, findingItem(x))
		}
		r.Under = claimBlocks(*in)
		r.Side = append(p.checkSide(c, v, *in, app, earlier, typed), p.assignForm(c, v, dir))
		page.Body = append(page.Body, r)
		return page, nil
	}
}

// dueText says by when the checkers aim to have decided.
func dueText(due, now time.Time) string {
	if now.After(due) {
		return "Due since " + when(due) + ": " + wait(now.Sub(due)) + " late."
	}
	return "Due by " + when(due) + ", in " + wait(due.Sub(now)) + "."
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
	case f.Release != "":
		return &ui.Tag{Text: "Released", Colour: ui.Green}
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
		if v.Calibration {
			return "This was a calibration: an output known to be bad. It never leaves. Refuse it for good."
		}
		return "Open phase, round " + number(v.Round) + ". All checkers have finished. You see each other’s votes and comments; settle what differs, then release or return."
	case airlock.PhaseAuthor:
		switch v.State {
		case "contested":
			return "The author says that the failed check does not apply here. Two output checkers decide, each on their own; after that the files are reviewed like all others."
		case "appealed":
			return "The author appealed against the return of this round. Look at the files as they are and decide."
		case "held":
			return "The author holds this request. What you wrote is kept."
		}
		return "This request is with its author now."
	default:
		return "This request is done."
	}
}

// checkSide is the third pane: decision, context, comments, what was released before.
func (p *Portal) checkSide(c *Call, v airlock.View, f airlock.FileView, app *governance.Application, earlier []airlock.EarlierRelease, typed url.Values) []ui.Block {
	base := "/queue/" + v.ID
	off := func(action string) string { return c.Off(action, "Request", v.ID) }
	var out []ui.Block
	file := ui.Pair{Name: "file", Value: f.ID}
	out = append(out, p.decideBeside(c, v)...)
	if v.Phase == airlock.PhaseIndependent && !v.YouFinished && f.Kind == airlock.KindOutput && f.Release == "" {
		out = append(out, ui.Head2{Text: fmt.Sprintf("Your vote on file %d", f.Ordinal)}, ui.Actions{Buttons: []ui.Button{
			{Text: "Approve", Action: base + "/vote", Fields: []ui.Pair{file, {Name: "vote", Value: airlock.VoteApprove}}, Key: "a", Off: off("request.vote")},
			{Text: "Ask for changes", Action: base + "/vote", Fields: []ui.Pair{file, {Name: "vote", Value: airlock.VoteChanges}}, Look: "warning", Key: "r", Off: off("request.vote")}}})
	}
	if v.Phase == airlock.PhaseIndependent && !v.YouFinished {
		left := 0
		for _, x := range v.Files {
			if x.Kind == airlock.KindOutput && x.YourVote == "" && x.Release == "" {
				left++
			}
		}
		b := ui.Button{Text: "Finish my review", Action: base + "/finish", Look: "secondary", Key: "f", Off: off("request.vote")}
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
		reply, cell := c.Query("reply"), ""
		if typed != nil {
			text, reply, cell = typed.Get("text"), typed.Get("reply"), typed.Get("cell")
		}
		hidden, label := []ui.Pair{file}, fmt.Sprintf("Comment on file %d", f.Ordinal)
		if reply != "" {
			hidden, label = append(hidden, ui.Pair{Name: "reply", Value: reply}), "Your reply"
		}
		out = append(out, ui.Form{ID: "comment", Action: base + "/comment", Hidden: hidden, Submit: ui.Button{Text: "Comment", Look: "secondary"}, Fields: []ui.Field{
			{Kind: "area", Name: "text", Label: label, Rows: 3, Value: text},
			{Kind: "text", Name: "cell", Label: "Cell or line (optional)", Hint: "For example: B7, or line 12", Narrow: true, Value: cell},
			{Kind: "radios", Name: "public", Label: "Who is it for?", Value: "no", Options: []ui.Option{{Value: "no", Text: "Checkers only"}, {Value: "yes", Text: "The author too, after this round"}}}}})
	}
	rows := []ui.Row{{Key: "Purposes", Lines: purposeWords(app.Purposes)}, {Key: "Expected outputs", Lines: app.ExpectedOutputs}, {Key: "Goes to", Text: v.Destination}, {Key: "Disclosure rules", Text: v.Profile}, {Key: "In plain words", Said: app.LaySummary}}
	out = append(out, ui.Details{Summary: "The project", Body: []ui.Block{ui.Summary{Rows: rows, Compact: true}}})
	t := ui.Table{Caption: "Earlier releases of the same data", Columns: ui.Cols("Released", "Project", "Files"), Empty: &ui.Empty{Text: "Nothing made from this data was released before."}}
	for _, e := range earlier {
		var names []string
		for _, rf := range e.Files {
			names = append(names, rf.Name)
		}
		project := "another"
		if e.Same {
			project = "this one"
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: day(e.At), Href: "/releases/" + e.ID, Head: true}, {Text: project}, {Text: fmt.Sprintf("%d: %s", len(names), joinMost(names, 4))}})
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
		if f.Kind != airlock.KindOutput || f.Release != "" {
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
	return p.draw(c, p.checkForm(c))
}
