package demonstration

import (
	"context"
	"fmt"
	"strings"

	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/workspace/notebook"
)

// bringIn brings a script, rows that could be matched with people of the
// extract, and what must not come in; what was let in is read in the workspace,
// where nobody can write beside it.
func (p *play) bringIn(ctx context.Context) error {
	amina := p.as(ctx, "amina")
	bring := func(kind, people, name, text string) (ingress.Input, error) {
		var i ingress.Input
		path, err := p.file(name, text)
		if err != nil {
			return i, err
		}
		if err := amina.UploadForm(ctx, "/workspaces/"+p.ws+"/inputs", map[string]string{"title": "Brought by the play", "kind": kind, "origin": "The play, no licence needed.", "why": "To try what happens.", "people": people}, []string{path}, &i); err != nil {
			return i, err
		}
		return i, amina.Until(ctx, longest, "the checks of what is to come in", "/inputs/"+i.ID, &i, func() (bool, error) { return i.State != "checking", nil })
	}
	for _, f := range [][2]string{{"patients.csv", "nhs_number,score\n9434765919,1\n"}, {"image.png", "MZ no picture\n"}} {
		name := f[0]
		i, err := bring(ingress.KindFile, ingress.PeopleNone, name, f[1])
		if err != nil {
			return err
		}
		if err := must(i.State == "blocked", "%s was not stopped: %s", name, i.State); err != nil {
			return err
		}
	}
	script, err := bring(ingress.KindCode, ingress.PeopleNone, "helper.py", "ANSWER = 41 + 1\n")
	if err != nil {
		return err
	}
	if err := must(script.State == "waiting" && len(script.Needs) == 1, "the script is %s and needs %s", script.State, jsonText(script.Needs)); err != nil {
		return err
	}
	rows := []string{"year_of_birth,sex,imd_decile"}
	for y := range 60 {
		rows = append(rows, fmt.Sprintf("%d,%s,%d", 1930+y, []string{"F", "M"}[y%2], y%10+1))
	}
	persons, err := bring(ingress.KindReference, ingress.PeopleCounts, "voters.csv", strings.Join(rows, "\n")+"\n")
	if err != nil {
		return err
	}
	prof := persons.Files[0].Profile
	if err := must(persons.State == "waiting" && prof.Persons && prof.Matched != "" && len(persons.Needs) > 1, "rows about persons, declared as counts, are %s: %s", persons.State, jsonText(persons)); err != nil {
		return err
	}
	p.Say("    inbound rows alone with their year, sex and decile: %s; that fit exactly one person of the extract: %s", prof.Unique, prof.Matched)
	if err := refused(amina.Post(ctx, "/inputs/"+script.ID+"/approve", nil, nil), "letting one's own input in", ark.Forbidden, ark.Unsigned); err != nil {
		return err
	}
	for name, i := range map[string]ingress.Input{"dev": script, "chloe": persons} {
		if err := p.fresh(ctx, name, func(c *client.Client) error { return c.Post(ctx, "/inputs/"+i.ID+"/approve", nil, nil) }); err != nil {
			return err
		}
	}
	if err := amina.Get(ctx, "/inputs/"+persons.ID, &persons); err != nil {
		return err
	}
	if err := must(persons.State == "waiting", "rows about persons came in without a custodian: %s", persons.State); err != nil {
		return err
	}
	for _, name := range []string{"carol", "colin"} {
		err := p.fresh(ctx, name, func(c *client.Client) error { return c.Post(ctx, "/inputs/"+persons.ID+"/approve", nil, nil) })
		if err != nil && !ark.Is(err, ark.Forbidden) && !ark.Is(err, ark.Conflict) {
			return err
		}
	}
	for _, i := range []ingress.Input{script, persons} {
		if err := amina.Until(ctx, longest, "what was let in to be in the inbox", "/inputs/"+i.ID, &i, func() (bool, error) {
			return i.State == "delivered", must(i.State != "waiting", "it still waits for %s", jsonText(i.Needs))
		}); err != nil {
			return err
		}
	}
	return p.again(ctx, func(ctx context.Context) error { return p.readInbox(ctx, amina) })
}

func (p *play) readInbox(ctx context.Context, amina *client.Client) error {
	d, err := p.enter(ctx, amina)
	if err != nil {
		return err
	}
	n := notebook.Client{Base: d.base + "/jupyter/", HTTP: d.http}
	if err := n.Ready(ctx); err != nil {
		return err
	}
	rs, err := n.Run(ctx, `import os, sys
sys.path.insert(0, "/workspace/inbox")
import helper
print(helper.ANSWER, sorted(os.listdir("/workspace/inbox")))
for name in ("helper.py", "mine.py"):
    try:
        open("/workspace/inbox/" + name, "w"); print("wrote", name)
    except OSError:
        print("refused")
spec = "/workspace/outbox/by_sex.csv.ark.json" # a page that fills its form in from it keeps a copy that no row names
if os.path.exists(spec):
    os.remove(spec)`)
	if err != nil {
		return err
	}
	out := ""
	for _, r := range rs {
		out += r.Stdout + r.Error
	}
	return must(strings.Contains(out, "42 ['helper.py', 'voters.csv']") && strings.Count(out, "refused") == 2, "the inbox in the workspace: %q", out)
}
