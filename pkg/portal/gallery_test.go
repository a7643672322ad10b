package portal

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ark-tre/ark/pkg/portal/assets"
	"github.com/ark-tre/ark/pkg/portal/edge"
	"github.com/ark-tre/ark/pkg/portal/ui"
)

// gallery draws every component of package ui once, in every state it has.
func gallery() ui.Page {
	tag := func(t, c string) *ui.Tag { return &ui.Tag{Text: t, Colour: c} }
	return ui.Page{
		Back: &ui.Link{Text: "All projects", Href: "/projects"}, Above: "Project 14", Head: "Late detection of chronic kidney disease",
		State: tag("In review", ui.Blue), Lead: "A study of the time from the first sustained low eGFR to a coded diagnosis.",
		Errors: []ui.Problem{{Field: "title", Text: "The title is missing.", Remedy: "Give the project a title that the public can understand."}, {Text: "The list of opt-outs is stale."}},
		Notice: &ui.Notice{Good: true, Text: "Your application was sent to 3 custodians.", More: "They have 10 working days.", Link: &ui.Link{Text: "See what they see", Href: "/"}},
		Next: &ui.Next{Tone: "you", Text: "The custodian of Northfield Hospital has to decide.", When: "since 19 Nov 2026, 09:12 (2 days 5 hours) · due by 28 Nov 2026",
			Actions: []ui.Button{{Text: "Decide", Href: "/"}, {Text: "Ask a question", Href: "/", Look: "secondary"}, {Text: "Withdraw", Off: "Only the lead of the project may withdraw it."}}},
		Body: []ui.Block{
			ui.Figures{Items: []ui.Figure{{Number: "20,000", Unit: "people", Text: "covered, rounded"}, {Number: "12", Text: "organisations"}, {Number: "3.2", Unit: "hours", Text: "median time to release"}, {Number: "fewer than 10", Text: "refusals"}}},
			ui.Head2{Text: "Tasks"},
			ui.Tasks{Items: []ui.Task{{Text: "Safe people", Hint: "Who will work on it", Href: "/", Tag: ui.Tag{Text: "Done", Colour: ui.Green}}, {Text: "Safe projects", Href: "/", Tag: ui.Tag{Text: "In progress", Colour: ui.Blue}}, {Text: "Safe data", Href: "/", Tag: ui.Tag{Text: "Needs you", Colour: ui.Yellow}}, {Text: "Safe outputs", Tag: ui.Tag{Text: "Not started", Colour: ui.Grey}}, {Text: "Safe settings", Tag: ui.Tag{Text: "Stopped", Colour: ui.Red}}}},
			ui.Summary{Rows: []ui.Row{{Key: "Purpose", Text: "Health research", Change: &ui.Link{Text: "Change", Href: "/"}}, {Key: "State", Tag: tag("Active", ui.Green)}, {Key: "Datasets", Lines: []string{"Emergency care", "Pathology"}}, {Key: "Lay summary", Said: "Some people have kidney disease for years before anybody tells them.\n\nWe look at how long."}, {Key: "Permit", Link: &ui.Link{Text: "prm_0123", Href: "/"}}}},
			ui.Columns{Main: []ui.Block{ui.Head3{Text: "Main"}, ui.Text{Text: "A paragraph."}, ui.Text{Text: "A quiet one.", Soft: true}, ui.Said{Text: "Typed by\na person."}, ui.Inset{Text: "Set apart."}}, Side: []ui.Block{ui.Warning{Head: "Read this first", Text: "Leaving stops the workspace; your files are kept."}, ui.Bullets{Items: []string{"one", "two"}}, ui.Links{Items: []ui.Link{{Text: "The register", Href: "/"}}}}},
			ui.Cards{Items: []ui.Card{{Head: "Kidney study", Href: "/", Tag: tag("Active", ui.Green), Lines: []string{"Workspace running, 5 hours left."}, Foot: "2 outputs waiting"}, {Head: "Alcohol and emergency care", Href: "/", Tag: tag("Changes requested", ui.Yellow), Lines: []string{"The custodian asked for a narrower filter."}}, {Head: "Breast cancer risk", Lines: []string{"Draft"}}}},
			ui.Apps{Items: []ui.App{{Name: "SQL", Text: "Ask the extract in SQL", Href: "/"}, {Name: "JupyterLab", Text: "Python notebooks", Href: "/"}, {Name: "Desktop", Off: "Not for this tier."}}},
			ui.Meters{Items: []ui.Meter{{Label: "Disk", Value: 3.2, Max: 10, High: 8, Text: "3.2 of 10 GB"}, {Label: "Shown on screen today", Value: 46, Max: 50, High: 40, Text: "46 of 50 MB", Note: "At 50 MB the workspace stops showing anything until tomorrow."}, {Label: "Linking", Value: 40, Max: 100, Text: "40 %", Percent: true}}},
			ui.Table{Caption: "Variables", Columns: ui.Cols("Name", "Type", "#People", "Sensitivity"), Rows: [][]ui.Cell{
				{{Text: "egfr", Head: true, Soft: "estimated filtration rate"}, {Text: "number"}, {Text: "18,240"}, {Tag: tag("Ordinary", ui.Grey)}},
				{{Text: "ethnicity", Head: true}, {Text: "code"}, {Text: "4", Verdict: "fail", Mark: "1"}, {Tag: tag("Sensitive", ui.Yellow)}},
				{{Text: "imd_decile", Head: true}, {Text: "number"}, {Text: "12", Verdict: "review", Mark: "2"}, {Text: "open", Href: "/"}}}},
			ui.Table{Caption: "Deliveries", Columns: ui.Cols("When"), Empty: &ui.Empty{Text: "Nothing has been delivered yet.", Button: &ui.Button{Text: "Deliver files", Href: "/"}}},
			ui.Pager{Previous: "/?p=1", Next: "/?p=3", Summary: "21 to 40 of 68"},
			ui.Search{Action: "/", Label: "Search datasets and variables", Value: "egfr"},
			ui.Results{Action: "/", Query: "egfr", Count: "2 datasets", Facets: []ui.Facet{{Name: "org", Label: "Organisation", Options: []ui.Option{{Value: "a", Text: "Northfield Hospital", Chosen: true}, {Value: "b", Text: "Pathology laboratory"}}}}, Items: []ui.Result{{Head: "Pathology", Href: "/", Text: "Blood tests of the region since 2015.", Tags: []ui.Tag{{Text: "Standard tier", Colour: ui.Grey}}, Meta: []string{"12 variables · about 18,000 people · 2015 to 2026"}}}},
			ui.Timeline{Items: []ui.Entry{{When: "21 Nov 2026, 14:05", Who: "Dr Shah", Text: "returned it with 2 comments", Said: "Please narrow the dates.", Link: &ui.Link{Text: "proof", Href: "/ledger"}}, {When: "19 Nov 2026, 09:12", Who: "Dr Lee", Text: "submitted the application"}}},
			ui.Code{Text: "ark ledger verify --key ark.pub ledger.tar"},
			ui.Details{Summary: "How this is counted", Body: []ui.Block{ui.Text{Text: "Every count is rounded to the nearest ten."}}},
			ui.NewProse(`<p>Words of <strong>ours</strong>.</p>`),
			ui.Part{ID: "part", Body: []ui.Block{ui.Text{Text: "A part."}}},
			ui.Head2{Text: "A form", ID: "form"},
			ui.Form{Action: "/", Submit: ui.Button{Text: "Save and go on"}, More: []ui.Button{{Text: "Save as draft", Fields: []ui.Pair{{Name: "then", Value: "draft"}}}}, Cancel: &ui.Link{Text: "Cancel", Href: "/"}, Fields: []ui.Field{
				{Kind: "text", Name: "title", Label: "Title", Hint: "For the public", Error: "The title is missing."},
				{Kind: "area", Name: "summary", Label: "Lay summary", Max: 500, Value: "Typed before."},
				{Kind: "select", Name: "basis", Label: "Legal basis", Options: []ui.Option{{Value: "a", Text: "Public task"}, {Value: "b", Text: "Consent"}}, Value: "b"},
				{Kind: "radios", Name: "decision", Label: "Your decision", Options: []ui.Option{{Value: "approve", Text: "Approve"}, {Value: "refuse", Text: "Refuse", Hint: "The reason is published, without names."}, {Value: "ask", Text: "Ask", Off: "Only before the first decision."}}},
				{Kind: "checks", Name: "purposes", Label: "Purposes", Values: []string{"research"}, Options: []ui.Option{{Value: "research", Text: "Research"}, {Value: "planning", Text: "Planning"}}},
				{Kind: "date", Name: "until", Label: "Until"}, {Kind: "number", Name: "n", Label: "Number", Narrow: true}, {Kind: "code", Name: "otp", Label: "Code of your second factor"}, {Kind: "file", Name: "files", Label: "Files", Multiple: true}, {Kind: "note", Label: "A note."}}},
			ui.Empty{Text: "You have no projects yet.", Button: &ui.Button{Text: "Start a project", Action: "/"}},
			ui.Actions{Buttons: []ui.Button{{Text: "Release", Action: "/"}, {Text: "Reject for good", Action: "/", Look: "warning"}, {Text: "Hold", Off: "The other checker has not finished."}}},
		},
	}
}

func testFrame() ui.Frame {
	return ui.Frame{Region: "Northfield", Home: "/", Demonstration: "synthetic people only; not for real data.", Version: "test",
		Nav:  []ui.Link{{Text: "Home", Href: "/home", Current: true}, {Text: "Catalogue", Href: "/catalogue"}, {Text: "Projects", Href: "/projects"}, {Text: "Outputs", Href: "/outputs", Count: 2}},
		User: &ui.User{Name: "Dr Amara Osei", Role: "Researcher", Waiting: 3}, Reference: "0123456789",
		Public: []ui.Link{{Text: "Register", Href: "/register"}, {Text: "How we keep data safe", Href: "/safe"}}}
}

func TestGallery(t *testing.T) {
	set, err := assets.New()
	if err != nil {
		t.Fatal(err)
	}
	printer, err := ui.NewPrinter(set)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(assets.Prefix, set)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := printer.Print(w, testFrame(), gallery()); err != nil {
			t.Error(err)
		}
	})
	srv := httptest.NewServer(edge.Headers(edge.Policy{}, false, mux))
	defer srv.Close()
	lookAt(t, []look{{Name: "gallery", URL: srv.URL + "/"}})
}
