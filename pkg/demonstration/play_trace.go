package demonstration

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/instance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/workspace/trace"
	"github.com/ark-tre/ark/workspace/trace/seal"
)

// report sends an error in the data back to the hospital that sent it: sealed
// to the hospital's key, and answered.
func (p *play) report(ctx context.Context) error {
	amina, carol, erin := p.as(ctx, "amina"), p.as(ctx, "carol"), p.as(ctx, "erin")
	private, public, err := seal.NewKey()
	if err != nil {
		return err
	}
	orgs, err := all[governance.Organisation](ctx, carol, "/organisations")
	if err != nil {
		return err
	}
	for _, o := range orgs {
		if o.Slug != "A01" {
			continue
		}
		if err := refused(erin.Post(ctx, "/organisations/"+o.ID+"/key", map[string]string{"key": public}, nil), "an organisation's key registered by somebody else", ark.Forbidden); err != nil {
			return err
		}
		if err := carol.Post(ctx, "/organisations/"+o.ID+"/key", map[string]string{"key": public}, nil); err != nil {
			return err
		}
	}
	names, err := p.somePeople(ctx, amina)
	if err != nil {
		return err
	}
	for _, name := range names {
		t, err := p.traced(ctx, amina, erin, name)
		if err != nil {
			return err
		}
		if t.State != "sealed" {
			continue // known to another hospital, which has no key
		}
		if err := p.answered(ctx, amina, carol, erin, t.ID, private); err != nil {
			return err
		}
		return p.renames(ctx, amina, erin)
	}
	return must(false, "none of %d people is known to the hospital", len(names))
}

// traced reports an error about one person and has it let pass.
func (p *play) traced(ctx context.Context, amina, erin *client.Client, name string) (trace.Public, error) {
	var t trace.Public
	ask := trace.Ask{Kind: trace.Error, Pseudonym: name, Reason: "wrong-date", Dataset: "emergency-care", Table: "attendances", Variable: "arrived_month"}
	if err := amina.Post(ctx, "/projects/"+p.project+"/traces", ask, &t); err != nil {
		return t, err
	}
	if err := refused(amina.Post(ctx, "/traces/"+t.ID+"/decision", map[string]any{"pass": true}, nil), "a report let pass by who made it", ark.Forbidden); err != nil {
		return t, err
	}
	if err := erin.Post(ctx, "/traces/"+t.ID+"/decision", map[string]any{"pass": true}, nil); err != nil {
		return t, err
	}
	return t, amina.Until(ctx, longest, "the record to be found", "/traces/"+t.ID, &t, func() (bool, error) {
		return t.State == "sealed" || t.State == "unknown", must(t.State != "failed", "the record could not be looked for")
	})
}

// answered fetches, opens and answers a report as the hospital.
func (p *play) answered(ctx context.Context, amina, carol, erin *client.Client, id, private string) error {
	for who, c := range map[string]*client.Client{"amina": amina, "erin": erin} {
		if err := refused(c.Post(ctx, "/traces/"+id+"/token", nil, nil), "a sealed answer fetched by "+who, ark.Forbidden); err != nil {
			return err
		}
	}
	var tok seal.Token
	if err := carol.Post(ctx, "/traces/"+id+"/token", nil, &tok); err != nil {
		return err
	}
	a, err := seal.Open(private, tok)
	if err != nil {
		return err
	}
	if err := must(len(a.Records) > 0 && a.Records[0].Source != "" && a.About.Variable == "arrived_month", "the sealed answer names no record"); err != nil {
		return err
	}
	if err := carol.Post(ctx, "/traces/"+id+"/answer", map[string]string{"resolution": "was-right"}, nil); err != nil {
		return err
	}
	var t trace.Public
	if err := amina.Get(ctx, "/traces/"+id, &t); err != nil {
		return err
	}
	p.Say("    an error report led to %d record of the hospital that sent it, sealed to its key; its answer came back: %s", len(a.Records), t.Outcomes[0].Resolution)
	return must(t.State == "answered", "the report is %s", t.State)
}

// renames changes the key that names people, for the versions to come.
func (p *play) renames(ctx context.Context, amina, erin *client.Client) error {
	why := map[string]string{"reason": "scheduled"}
	if err := refused(amina.Post(ctx, "/name-keys", why, nil), "the key of names changed by a researcher", ark.Forbidden); err != nil {
		return err
	}
	if err := erin.Post(ctx, "/name-keys", why, nil); err != nil {
		return err
	}
	var keys list[catalogue.NameKey]
	return erin.Until(ctx, longest, "the next key of names to be there", "/name-keys", &keys, func() (bool, error) {
		last := len(keys.Items) - 1
		if err := must(last >= 0 && keys.Items[last].State != "failed", "the next key of names could not be made"); err != nil {
			return false, err
		}
		return keys.Items[last].State == "current", nil
	})
}

// somePeople reads a few pseudonyms out of the project's extract, as its user
// sees them on the screen: the play runs as the box's owner.
func (p *play) somePeople(ctx context.Context, amina *client.Client) ([]string, error) {
	var es list[struct{ ID, State string }]
	if err := amina.Get(ctx, "/projects/"+p.project+"/extracts", &es); err != nil {
		return nil, err
	}
	role, err := instance.OpenRole(ctx, p.u.config, "publish")
	if err != nil {
		return nil, err
	}
	ref, err := role.Objects.Stat(ctx, objects.Extracts, p.project+"/"+es.Items[len(es.Items)-1].ID+"/"+attendances+".parquet")
	if err != nil {
		return nil, err
	}
	f, err := role.Objects.OpenAt(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := columnar.Open(f, f.Size(), columnar.Limits{})
	if err != nil {
		return nil, err
	}
	of := map[string][]string{}
	for row, err := range r.Rows(ctx, "person", "arrived_month", "acuity", "alcohol_related", "disposal") {
		if err != nil {
			return nil, err
		}
		says := ""
		for _, v := range row[1:] {
			says += v.Text() + " "
		}
		of[row[0].Str()] = append(of[row[0].Str()], says)
	}
	return alone(of, 12)
}

// alone picks n of the people nobody else's rows are like, in an order that the
// names drawn for them do not change: every Ark of this region picks the same.
func alone(of map[string][]string, n int) ([]string, error) {
	who, same := map[string]string{}, map[string]int{}
	for name, rows := range of {
		slices.Sort(rows)
		says := strings.Join(rows, "|")
		who[says] = name
		same[says]++
	}
	var out []string
	for _, says := range slices.Sorted(maps.Keys(who)) {
		if same[says] == 1 && len(out) < n {
			out = append(out, who[says])
		}
	}
	return out, must(len(out) == n, "only %d people of the extract are told apart by their rows", len(out))
}
