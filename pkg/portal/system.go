package portal

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

func (p *Portal) systemRoutes() []Route {
	return []Route{
		{Pattern: "GET /system", Action: "system.read", On: whole, Serve: p.system},
		{Pattern: "POST /jobs/{id}/retry", Action: "job.retry", On: whole, Serve: p.retryJob},
		{Pattern: "GET /latency", Action: "public.read", On: whole, Serve: p.latency},
	}
}

// system is the operator's page: what answers, what is queued, what failed.
func (p *Portal) system(c *Call) error {
	var jobs []store.Job
	var ws []workspace.Workspace
	var alone airlock.Alone
	if err := c.view(func(q store.Querier) error {
		var err error
		if jobs, err = store.Jobs(c.Ctx(), q, ""); err != nil {
			return err
		}
		if alone, err = airlock.ReadAlone(c.Ctx(), q); err != nil {
			return err
		}
		ws, err = workspace.All(c.Ctx(), q)
		return err
	}); err != nil {
		return err
	}
	page := ui.Page{Head: "System", Lead: "What answers, what is at work, and what waits for a person."}
	parts := ui.Table{Caption: "Parts", Columns: ui.Cols("Part", "State", "Says")}
	row := func(name string, err error) {
		t := &ui.Tag{Text: "Answers", Colour: ui.Green}
		if err != nil {
			t = &ui.Tag{Text: "Does not answer", Colour: ui.Red}
		}
		parts.Rows = append(parts.Rows, []ui.Cell{{Text: name, Head: true}, {Tag: t}, {Text: says(err)}})
	}
	row("Metadata store", p.cfg.Store.Ready(c.Ctx()))
	if p.cfg.Rooms.Enclave == nil {
		row("Enclave", ark.Faultf(ark.Unavailable, "this host has no enclave daemon, so it opens no workspaces").Do("start ark as root on a host with runc; ark doctor says what is missing"))
	} else {
		row("Enclave", p.cfg.Rooms.Enclave.Probe(c.Ctx()))
	}
	for _, x := range p.cfg.Ready {
		row(capital(x.Name), x.Ask(c.Ctx()))
	}
	n := map[store.JobState]int{}
	waitingFor := time.Duration(0)
	for _, j := range jobs {
		n[j.State]++
		if j.State == store.JobQueued {
			waitingFor = max(waitingFor, c.Now().Sub(j.Created))
		}
	}
	running := 0
	for _, w := range ws {
		if w.State == "running" {
			running++
		}
	}
	figures := ui.Figures{Items: []ui.Figure{{Number: number(n[store.JobQueued]), Text: "jobs queued, the oldest for " + wait(waitingFor)}, {Number: number(n[store.JobRunning]), Text: "jobs at work"}, {Number: number(n[store.JobFailed]), Text: "jobs failed"}, {Number: number(running), Text: "workspaces running"}}}
	retry := c.Off("job.retry", "Ark", "ark")
	t := ui.Table{Caption: "Jobs, newest first", Columns: ui.Cols("Job", "Worker", "State", "#Step", "#Tries", "Changed", "Says", "Again"), Empty: &ui.Empty{Text: "There has been no job yet."}}
	for i := len(jobs) - 1; i >= 0 && len(t.Rows) < 100; i-- {
		j := jobs[i]
		t.Rows = append(t.Rows, []ui.Cell{{Text: title(j.Kind), Head: true, Soft: j.Subject}, {Text: j.Role}, {Tag: jobTag(string(j.State))}, {Text: number(j.Step)}, {Text: number(j.Attempts)}, {Text: when(j.Updated)}, {Text: sentence(j.Says)}, {}})
		if j.State == store.JobFailed {
			t.Rows[len(t.Rows)-1][7].Button = &ui.Button{Text: "Try again", Action: "/jobs/" + j.ID + "/retry", Look: "secondary", Off: retry}
		}
	}
	page.Body = []ui.Block{ui.Part{ID: "system", Refresh: 10, Body: []ui.Block{figures, parts, ui.Head2{Text: "Jobs", ID: "jobs"}, t}}, ui.Details{Summary: "Automatic release is off", Body: []ui.Block{ui.Text{Text: fmt.Sprintf("Every release is approved by people. %s passed every check and would have been for it; people stopped %d of them.", capital(count(alone.Requests, "request")), alone.Missed)}}}, ui.Links{Items: []ui.Link{{Text: "How long data takes to be of use", Href: "/latency"}}}}
	return c.Page(page)
}

// retry starts a failed job again, from the step it failed at.
func (p *Portal) retry(c *Call, id string) error {
	if err := ark.CheckID(ark.PrefixJob, id); err != nil {
		return err
	}
	return p.cfg.Store.Act(c.Ctx(), c.Actor, "job.retry", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		return []store.Event{{Type: "job.retried", Subjects: []string{id}}}, tx.RequeueJob(c.Ctx(), id)
	})
}

func (p *Portal) retryJob(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) { return "/system#jobs", p.retry(c, c.ID()) })
}

// stage is one part of the way from a delivery to a release.
type stage struct {
	name  string
	who   string
	times []time.Duration
}

// latency is the data-action latency: how long each stage takes, from a
// delivery to a release. It counts acts of this Ark, not records of people.
func (p *Portal) latency(c *Call) error {
	stages, total, err := p.stages(c)
	if err != nil {
		return err
	}
	t := ui.Table{Caption: "Time of each stage", Columns: ui.Cols("Stage", "Who acts", "#Times", "#Median", "#9 in 10 within", "#Latest")}
	for _, s := range stages {
		row := []ui.Cell{{Text: s.name, Head: true}, {Text: s.who}, {Text: number(len(s.times))}}
		if len(s.times) == 0 {
			row = append(row, ui.Cell{Text: "–"}, ui.Cell{Text: "–"}, ui.Cell{Text: "–"})
		} else {
			latest := s.times[len(s.times)-1]
			sorted := slices.Sorted(slices.Values(s.times))
			row = append(row, ui.Cell{Text: seconds(sorted[len(sorted)/2])}, ui.Cell{Text: seconds(sorted[len(sorted)*9/10])}, ui.Cell{Text: seconds(latest)})
		}
		t.Rows = append(t.Rows, row)
	}
	page := ui.Page{Head: "Data-action latency", Lead: "How long it takes until data is of use: from a delivery, through permission and work, to a released result."}
	if total > 0 {
		page.Body = append(page.Body, ui.Figures{Items: []ui.Figure{{Number: seconds(total), Text: "from the first delivery to the newest release"}}})
	}
	page.Body = append(page.Body, t)
	return c.Page(page)
}

func (p *Portal) stages(c *Call) ([]stage, time.Duration, error) {
	out := []stage{{name: "Take a delivery in", who: "this Ark"}, {name: "Link records into persons", who: "this Ark"}, {name: "Publish a version", who: "this Ark"},
		{name: "Decide on an application", who: "custodians"}, {name: "Cut the extract", who: "this Ark"}, {name: "Make a workspace", who: "this Ark"}, {name: "Check and release an output", who: "output checkers"}}
	var first, last time.Time
	err := c.view(func(q store.Querier) error {
		ctx := c.Ctx()
		ss, err := catalogue.Sources(ctx, q)
		if err != nil {
			return err
		}
		add := func(i int, from, to time.Time) {
			if !from.IsZero() && to.After(from) {
				out[i].times = append(out[i].times, to.Sub(from))
			}
		}
		for _, s := range ss {
			ds, err := catalogue.Deliveries(ctx, q, s.ID)
			if err != nil {
				return err
			}
			for _, d := range ds {
				add(0, d.Received, d.Checked)
				if first.IsZero() || d.Received.Before(first) {
					first = d.Received
				}
			}
		}
		ls, err := catalogue.Linkages(ctx, q)
		if err != nil {
			return err
		}
		for _, l := range ls {
			if l.State == "done" {
				add(1, l.Started, l.Finished)
			}
		}
		sets, err := catalogue.Datasets(ctx, q)
		if err != nil {
			return err
		}
		for _, d := range sets {
			vs, err := catalogue.Versions(ctx, q, d.ID)
			if err != nil {
				return err
			}
			for _, v := range vs {
				add(2, v.Started, v.Published)
			}
		}
		ps, err := governance.Projects(ctx, q)
		if err != nil {
			return err
		}
		for _, x := range ps {
			if err := p.projectStages(c, q, x, add, &last); err != nil {
				return err
			}
		}
		return nil
	})
	if first.IsZero() || last.IsZero() {
		return out, 0, err
	}
	return out, last.Sub(first), err
}

func (p *Portal) projectStages(c *Call, q store.Querier, x governance.Project, add func(int, time.Time, time.Time), last *time.Time) error {
	ctx := c.Ctx()
	permits, err := governance.PermitsOf(ctx, q, x.ID)
	if err != nil {
		return err
	}
	for _, pm := range permits {
		a, err := governance.GetApplication(ctx, q, pm.Application)
		if err != nil {
			return err
		}
		add(3, a.Submitted, pm.Issued)
	}
	es, err := workspace.ExtractsOf(ctx, q, x.ID)
	if err != nil {
		return err
	}
	for _, e := range es {
		add(4, e.Started, e.Cut)
	}
	ws, err := workspace.Of(ctx, q, x.ID)
	if err != nil {
		return err
	}
	for _, w := range ws {
		add(5, w.Created, w.SelfTest.At)
	}
	rs, err := airlock.ReleasesOf(ctx, q, x.ID)
	if err != nil {
		return err
	}
	for _, r := range rs {
		acts, err := p.cfg.Store.ActsAbout(ctx, q, r.Request)
		if err != nil {
			return err
		}
		if len(acts) > 0 {
			add(6, acts[0].At, r.At)
		}
		if r.At.After(*last) {
			*last = r.At
		}
	}
	return nil
}
