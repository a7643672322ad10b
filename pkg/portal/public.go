package portal

import (
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) publicRoutes() []Route {
	return []Route{
		{Pattern: "GET /{$}", Action: "public.read", On: whole, Serve: p.front},
		{Pattern: "GET /safe", Action: "public.read", On: whole, Serve: p.safe},
		{Pattern: "GET /choice", Action: "public.read", On: whole, Serve: p.choice},
	}
}

// front is what the public meets first: six sentences and four numbers.
func (p *Portal) front(c *Call) error {
	var running, datasets, orgs, refused int
	err := c.view(func(q store.Querier) error {
		ps, err := governance.Projects(c.Ctx(), q)
		if err != nil {
			return err
		}
		for _, x := range ps {
			switch x.State {
			case "approved", "active":
				running++
			case "rejected":
				refused++
			}
		}
		ds, err := catalogue.Datasets(c.Ctx(), q)
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, d := range ds {
			if d.Latest != "" {
				datasets++
			}
			for _, o := range d.Orgs {
				seen[o] = true
			}
		}
		orgs = len(seen)
		return nil
	})
	if err != nil {
		return err
	}
	page := ui.Page{Title: "Welcome", Head: "Health and care data of " + p.cfg.Region + ", used safely",
		Lead: "This is an Ark: a locked reading room for data about people’s health and care. Approved researchers come to the data. The data does not go to them.",
		Body: []ui.Block{
			ui.Figures{Items: []ui.Figure{{Number: number(running), Text: "projects running"}, {Number: number(datasets), Text: "datasets"}, {Number: number(orgs), Text: "organisations that look after the data"}, {Number: number(refused), Text: "applications refused, with the reasons published"}}},
			ui.Columns{Main: []ui.Block{
				ui.Text{Text: "Hospitals, practices, councils and laboratories send copies of their records here. Names, NHS numbers, addresses and dates of birth are parted from everything else at once, and nobody can see both sides."},
				ui.Text{Text: "Researchers apply for exactly the facts that their question needs. Every organisation whose data is asked for decides, and any of them may refuse."},
				ui.Text{Text: "They work in rooms without an internet connection, from which nothing can be copied out."},
				ui.Text{Text: "Only summaries leave, and only after two trained checkers, who cannot see each other’s opinion, have looked at every file."},
				ui.Text{Text: "Every step is written into a public ledger that nobody can change afterwards, not even us."},
			}, Side: []ui.Block{ui.Head2{Text: "See for yourself"}, ui.Cards{Items: []ui.Card{
				{Head: "The register", Href: "/register", Lines: []string{"Who uses the data, what for, and what came out."}},
				{Head: "Check us", Href: "/check", Lines: []string{"Three commands that verify what we say."}},
				{Head: "Your choice", Href: "/choice", Lines: []string{"Opting out, asking and complaining."}},
			}}}},
		}}
	if c.Viewer == nil {
		page.Body = append(page.Body, ui.Actions{Buttons: []ui.Button{{Text: "Sign in", Href: SignInPath}}})
	}
	return c.Page(page)
}

// safe explains the safeguards by the Five Safes.
func (p *Portal) safe(c *Call) error {
	return c.Page(ui.Page{Head: "How we keep data safe", Lead: "Five questions have to be answered well before anybody may work with the data. They are known as the Five Safes.",
		Body: []ui.Block{ui.NewProse(`
<h2 class="nhsuk-heading-m">Safe people</h2>
<p>Everyone who works here has proved who they are with two factors, has been trained, and has signed terms that have consequences. Training and terms run out; when they do, work stops at once and is kept.</p>
<h2 class="nhsuk-heading-m">Safe projects</h2>
<p>An application says what the question is, how the public gains from it and what is expected to come out. Every organisation whose data is concerned decides by itself. Silence is never consent. Refusals are published with their reasons.</p>
<h2 class="nhsuk-heading-m">Safe data</h2>
<p>Names and numbers that identify people are parted from health facts when data arrives, and no part of the system holds both afterwards. Each project gets only the facts it was granted, with made-up identifiers that are its own: two projects cannot be joined.</p>
<h2 class="nhsuk-heading-m">Safe settings</h2>
<p>Researchers work in sealed rooms: no internet, no clipboard, no download, no way to another project. Each room tries to break out of itself before anybody may enter; if one attempt succeeds, the room stays shut.</p>
<h2 class="nhsuk-heading-m">Safe outputs</h2>
<p>Only results leave. A program looks for small numbers and identifiers, then two people who cannot see each other’s opinion look at every file. What was checked is what is released, byte for byte.</p>
<h2 class="nhsuk-heading-m">And you can check</h2>
<p>Every one of these acts is in the <a href="/ledger">ledger</a>. <a href="/check">Check us</a> says how to verify it without trusting us.</p>`)}})
}

// choice says what people can do about their own data.
func (p *Portal) choice(c *Call) error {
	body := []ui.Block{ui.NewProse(`
<h2 class="nhsuk-heading-m">You can opt out</h2>
<p>The National Data Opt-Out keeps information that could identify you from being used for research and planning. An Ark applies it every time data is prepared for a project, unless the law says that it does not apply to that project; the <a href="/register">register</a> says which.</p>
<p>You can also tell the organisation that holds your record that you object. Your whole record is then left out when the next version of the data is made.</p>
<h2 class="nhsuk-heading-m">You can ask</h2>
<p>Ask the organisation that holds your record what it sends here. This Ark itself cannot look you up: the part that knows who you are and the part that knows your health never meet.</p>
<h2 class="nhsuk-heading-m">You can complain</h2>
<p>Complain to the organisation that holds your record, to the people who run this Ark, or to the Information Commissioner’s Office.</p>`)}
	if p.cfg.Demonstration != "" {
		body = append([]ui.Block{ui.Warning{Head: "This Ark is a demonstration", Text: "It holds made-up people only, so there is nothing of yours in it to opt out of."}}, body...)
	}
	return c.Page(ui.Page{Head: "Your choice", Lead: "What you can do about the use of your own data.", Body: body})
}
