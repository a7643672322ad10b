package portal

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// dataset is the page of one dataset: summary, versions, dictionary, quality,
// synthetic files, conditions of use.
func (p *Portal) dataset(c *Call) error {
	var d *catalogue.Dataset
	var vs []catalogue.Version
	var dir *directory
	err := c.view(func(q store.Querier) error {
		var err error
		if d, err = catalogue.GetDataset(c.Ctx(), q, c.ID()); err != nil {
			return err
		}
		if vs, err = catalogue.Versions(c.Ctx(), q, d.ID); err != nil {
			return err
		}
		dir, err = readDirectory(c.Ctx(), q)
		return err
	})
	if err != nil {
		return err
	}
	latest := latestVersion(*d, vs)
	page := ui.Page{Back: &ui.Link{Text: "Catalogue", Href: "/catalogue"}, Above: "Dataset", Head: d.Title, Lead: d.Summary}
	rows := []ui.Row{{Key: "Topic", Text: capital(d.Topic)}, {Key: "Comes from", Lines: dir.orgNames(d.Orgs)}}
	if latest != nil {
		rows = append(rows, ui.Row{Key: "People", Text: latest.People + " (rounded)"}, ui.Row{Key: "Newest version", Text: fmt.Sprintf("version %d, published %s", latest.Number, when(latest.Published))})
		page.State = &ui.Tag{Text: "Published", Colour: ui.Green}
	} else {
		page.State = &ui.Tag{Text: "Not published yet", Colour: ui.Grey}
	}
	rows = append(rows, ui.Row{Key: "Conditions of use", Lines: conditions(d.Conditions)}, ui.Row{Key: "Disclosure rules", Text: d.Profile})
	page.Body = append(page.Body, ui.Columns{Main: []ui.Block{ui.Summary{Rows: rows}}, Side: p.datasetActions(c, d, latest)})
	page.Body = append(page.Body, dictionary(*d, latest)...)
	if made := catalogue.WithSynthetic(vs); made != nil {
		page.Body = append(page.Body, syntheticTable(c, *d, *made), ui.Text{Text: membershipWords(*made)})
	} else if latest != nil {
		page.Body = append(page.Body, ui.Inset{Text: "There is no synthetic version yet: a custodian has to approve the counts that it is drawn from."})
	}
	if latest != nil {
		page.Body = append(page.Body, ui.Head2{Text: "Ask it something"}, ui.Code{Text: exampleQuery(*d)})
	}
	t := ui.Table{Caption: "Versions", Columns: ui.Cols("Version", "Edition", "State", "Published", "People", "Manifest"), Empty: &ui.Empty{Text: "No version has been published yet."}}
	for i := len(vs) - 1; i >= 0; i-- {
		v := vs[i]
		t.Rows = append(t.Rows, []ui.Cell{{Text: fmt.Sprint(v.Number), Href: fmt.Sprintf("/catalogue/%s/versions/%d", d.ID, v.Number), Head: true}, {Text: v.Edition()}, {Tag: tag(v.State, false)}, {Text: when(v.Published)}, {Text: v.People}, {Text: short(v.Hash)}})
	}
	page.Body = append(page.Body, t)
	followers, err := p.followersTable(c, d.ID)
	if err != nil {
		return err
	}
	page.Body = append(page.Body, followers...)
	return c.Page(page)
}

func latestVersion(d catalogue.Dataset, vs []catalogue.Version) *catalogue.Version {
	for i := range vs {
		if vs[i].ID == d.Latest {
			return &vs[i]
		}
	}
	return nil
}

func (p *Portal) datasetActions(c *Call, d *catalogue.Dataset, v *catalogue.Version) []ui.Block {
	buttons := []ui.Button{
		{Text: "Use in an application", Href: "/projects/new?dataset=" + d.ID, Off: c.Off("project.create", "Ark", "ark")},
		{Text: "Ask how many people", Href: "/catalogue/" + d.ID + "/feasibility", Look: "secondary", Off: c.Off("feasibility.ask", "Dataset", d.ID)},
	}
	if v == nil {
		for i := range buttons {
			buttons[i].Off = "No version of this dataset has been published yet."
		}
	}
	if c.Off("dataset.exposure", "Dataset", d.ID) == "" {
		buttons = append(buttons, ui.Button{Text: "What has left", Href: "/datasets/" + d.ID + "/released", Look: "secondary"})
	}
	return []ui.Block{ui.Actions{Buttons: buttons}}
}

// conditions writes DUO codes with their words.
func conditions(codes []string) []string {
	words := map[string]string{
		"DUO:0000004": "no restriction", "DUO:0000006": "health, medical or biomedical research", "DUO:0000007": "research into a given disease",
		"DUO:0000011": "population origins or ancestry research only", "DUO:0000015": "no general methods research", "DUO:0000018": "not for profit, non-commercial use only",
		"DUO:0000019": "publication required", "DUO:0000020": "collaboration required", "DUO:0000021": "ethics approval required", "DUO:0000022": "geographical restriction",
		"DUO:0000024": "publication moratorium", "DUO:0000025": "time limit on use", "DUO:0000026": "user specific restriction", "DUO:0000027": "project specific restriction",
		"DUO:0000028": "institution specific restriction", "DUO:0000029": "return to database or resource", "DUO:0000042": "general research use", "DUO:0000043": "clinical care use",
		"DUO:0000044": "population origins or ancestry research prohibited", "DUO:0000045": "not for profit organisation use only", "DUO:0000046": "non-commercial use only",
	}
	out := make([]string, len(codes))
	for i, code := range codes {
		out[i] = code
		if w, ok := words[strings.ToUpper(code)]; ok {
			out[i] = capital(w) + " (" + code + ")"
		}
	}
	if len(out) == 0 {
		out = []string{"Those of the permit."}
	}
	return out
}

var sensitivity = map[string]ui.Tag{
	"ordinary":  {Text: "Ordinary", Colour: ui.Grey},
	"quasi":     {Text: "Could single out", Colour: ui.Blue},
	"sensitive": {Text: "Sensitive", Colour: ui.Yellow},
}

var transforms = map[string]string{"keep": "as delivered", "year": "year only", "month": "month only", "entity": "made-up key"}

// dictionary is one table of variables for each table of the dataset.
func dictionary(d catalogue.Dataset, v *catalogue.Version) []ui.Block {
	complete := map[string]string{}
	if v != nil {
		for _, q := range v.Quality {
			complete[q.Table+"."+q.Variable] = q.Complete
		}
	}
	out := []ui.Block{ui.Head2{Text: "Dictionary and quality", ID: "dictionary"}}
	for _, t := range d.Tables {
		caption := t.Name
		if t.Title != "" {
			caption = t.Title + " (" + t.Name + ")"
		}
		if v != nil {
			if pt, ok := v.Table(t.Name); ok && pt.RowText != "" {
				caption += " – " + pt.RowText + " rows"
			}
		}
		table := ui.Table{Caption: caption, Columns: ui.Cols("Variable", "Type", "Meaning", "#Complete", "Sensitivity", "What was done to it")}
		for _, x := range t.Variables {
			tg := sensitivity[x.Sensitivity]
			how := complete[t.Name+"."+x.Name]
			if how == "" {
				how = "not known"
			}
			table.Rows = append(table.Rows, []ui.Cell{{Text: x.Name, Head: true}, {Text: x.Type}, {Text: x.Meaning}, {Text: how}, {Tag: &tg}, {Text: transforms[x.Transform]}})
		}
		out = append(out, table)
	}
	return out
}

// membershipWords say what a synthetic version was drawn from, and how well it
// stood the attack that was tried on it.
func membershipWords(v catalogue.Version) string {
	out := fmt.Sprintf("Of version %d. Drawn from signed counts of people per value that passed the disclosure rules and that a custodian approved, each variable on its own; the version’s manifest pins their hash.", v.Number)
	if v.Synthesis == nil || len(v.Synthesis.Membership) == 0 {
		return out
	}
	var each []string
	for _, t := range slices.Sorted(maps.Keys(v.Synthesis.Membership)) {
		each = append(each, t+" "+v.Synthesis.Membership[t])
	}
	return out + " Attacked with this version’s own people, half of them held out: somebody who knows a person whole tells whether that person was counted with " + strings.Join(each, ", ") + " (area under the curve; 0.50 is guessing, 1.00 is always)."
}

func syntheticTable(c *Call, d catalogue.Dataset, v catalogue.Version) ui.Block {
	names := make([]string, 0, len(v.Synthetic))
	for n := range v.Synthetic {
		names = append(names, n)
	}
	sort.Strings(names)
	off := c.Off("synthetic.download", "Dataset", d.ID)
	t := ui.Table{Caption: "Synthetic version: the same shape, no real person", Columns: ui.Cols("Table", "#Size", "Download"),
		Empty: &ui.Empty{Text: "This version has no synthetic files."}}
	for _, n := range names {
		cell := ui.Cell{Text: n + ".csv", Href: "/catalogue/" + d.ID + "/synthetic/" + n + ".csv"}
		if off != "" {
			cell = ui.Cell{Text: off}
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: n, Head: true}, {Text: bytesText(v.Synthetic[n].Size)}, cell})
	}
	return t
}

// exampleQuery is a first query to try on the synthetic files.
func exampleQuery(d catalogue.Dataset) string {
	for _, t := range d.Tables {
		if t.Name == catalogue.PersonTable {
			continue
		}
		for _, v := range t.Variables {
			if v.Transform != "entity" && v.Type == "string" {
				return "-- people by " + v.Name + "\nSELECT " + v.Name + ", count(DISTINCT person) AS people\nFROM " + t.Name + "\nGROUP BY " + v.Name + "\nORDER BY people DESC;"
			}
		}
	}
	return "SELECT sex, count(*) AS people FROM person GROUP BY sex;"
}

// short is the beginning of a hash.
func short(hash string) string {
	if len(hash) > 12 {
		return hash[:12] + "…"
	}
	return hash
}

// synthetic sends one synthetic table.
func (p *Portal) synthetic(c *Call) error {
	name, ok := strings.CutSuffix(c.R.PathValue("file"), ".csv")
	if !ok {
		return ark.Faultf(ark.Unknown, "there is no such file")
	}
	var ref objects.Ref
	err := c.view(func(q store.Querier) error {
		d, err := catalogue.GetDataset(c.Ctx(), q, c.ID())
		if err != nil {
			return err
		}
		vs, err := catalogue.Versions(c.Ctx(), q, d.ID)
		if err != nil {
			return err
		}
		v := catalogue.WithSynthetic(vs)
		if v == nil {
			return ark.Faultf(ark.Unknown, "this dataset has no synthetic version yet").Do("ask its custodian, who has to approve the counts that it is drawn from")
		}
		if ref, ok = v.Synthetic[name]; !ok {
			return ark.Faultf(ark.Unknown, "there is no such file")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return p.send(c, ref, name+".csv", "text/csv; charset=utf-8")
}

// send hands out verified bytes as a download. Bytes that turn out not to be
// what the ref says break the connection: a short file is better than a wrong one.
func (p *Portal) send(c *Call, ref objects.Ref, name, kind string) error {
	in, err := p.cfg.Rooms.Objects.Open(c.Ctx(), ref)
	if err != nil {
		return err
	}
	defer in.Close()
	h := c.W.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", fmt.Sprint(ref.Size))
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", plainFile(name)))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Repr-Digest", "sha-256=:"+base64Hex(ref.SHA256)+":")
	if _, err := io.Copy(c.W, in); err != nil {
		p.cfg.Log.ErrorContext(c.Ctx(), "download broken off", "zone", ref.Zone, "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}
