package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/governance"
)

type applyCmd struct {
	online
	File    string `arg:"" help:"The application, YAML or JSON, with the fields that the API has; asks may name datasets by their short names." type:"existingfile"`
	Project string `help:"Answer an application that came back for changes, instead of starting a project." placeholder:"ID"`
}

// Run starts a project, writes its application and submits it.
func (c applyCmd) Run(ctx context.Context) error {
	a, err := readApplication(c.File)
	if err != nil {
		return err
	}
	k, err := c.client()
	if err != nil {
		return err
	}
	for i := range a.Asks {
		d, err := dataset(ctx, k, a.Asks[i].Dataset)
		if err != nil {
			return err
		}
		a.Asks[i].Dataset = d.ID
	}
	if len(a.Members) == 0 {
		var me struct{ User string }
		if err := k.Get(ctx, "/me", &me); err != nil {
			return err
		}
		a.Members = []string{me.User}
	}
	p := governance.Project{ID: c.Project}
	if c.Project == "" {
		if err := k.Post(ctx, "/projects", map[string]string{"title": a.Title}, &p); err != nil {
			return err
		}
	}
	if err = k.Put(ctx, "/projects/"+p.ID+"/application", a, nil); err == nil {
		err = k.Post(ctx, "/projects/"+p.ID+"/submit", nil, nil)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "ark: project %s is kept as a draft; mend the file and use --project %s\n", p.ID, p.ID)
		return err
	}
	return c.print(map[string]string{"project": p.ID, "state": "submitted"}, "project %s: the application is submitted", p.ID)
}

// readApplication reads an application strictly: a field that there isn't is
// an error.
func readApplication(name string) (governance.Application, error) {
	var a governance.Application
	text, err := readText(name)
	if err != nil {
		return a, err
	}
	var fields map[string]any
	err = yaml.Unmarshal(text, &fields) // JSON is YAML
	var raw []byte
	if err == nil {
		raw, err = json.Marshal(fields)
	}
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		err = dec.Decode(&a)
	}
	if err != nil {
		return a, ark.Faultf(ark.Invalid, "the application can't be read").At(name, 0, "").Do("see Application in the API's description for its fields").Because(err)
	}
	return a, nil
}

type projectCmd struct {
	online
	ID string `arg:"" help:"The project's identifier."`
}

// projectOut is a project with its reviews and permit.
type projectOut struct {
	governance.Project
	Answers *governance.Application `json:"answers"`
	Reviews []governance.Review     `json:"reviews"`
	Held    *governance.Permit      `json:"permit_in_force,omitempty"`
}

// Run prints a project, its reviews, its permit and its extracts.
func (c projectCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var p projectOut
	if err := k.Get(ctx, "/projects/"+c.ID, &p); err != nil {
		return err
	}
	if c.JSON {
		return printResult(p, false)
	}
	orgs, err := organisations(ctx, k)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s, %s\n", p.ID, p.Title, p.State)
	if p.Reason != "" {
		fmt.Println("because:", p.Reason)
	}
	for _, r := range p.Reviews {
		fmt.Printf("review %s of %s: %s\n", r.ID, orText(orgs[r.Org], r.Org), strings.TrimSpace(r.State+" "+r.Reason))
	}
	if p.Held != nil {
		fmt.Printf("permit %s until %s, SHA-256 %s\n", p.Held.ID, p.Held.Until.Format("2006-01-02"), p.Held.Hash)
	}
	cuts, err := all[struct{ ID, State, Says string }](ctx, k, "/projects/"+c.ID+"/extracts")
	if err != nil {
		return err
	}
	for _, x := range cuts {
		fmt.Printf("extract %s: %s\n", x.ID, strings.TrimSpace(x.State+" "+x.Says))
	}
	return nil
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// organisations are names by identifier.
func organisations(ctx context.Context, k *client.Client) (map[string]string, error) {
	orgs, err := all[governance.Organisation](ctx, k, "/organisations")
	out := map[string]string{}
	for _, o := range orgs {
		out[o.ID] = o.Name
	}
	return out, err
}

type reviewsCmd struct{ online }

// Run lists the reviews that wait for the user's organisation.
func (c reviewsCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	rs, err := all[governance.Review](ctx, k, "/reviews")
	if err != nil {
		return err
	}
	if c.JSON {
		return printResult(rs, false)
	}
	orgs, err := organisations(ctx, k)
	if err != nil {
		return err
	}
	if len(rs) == 0 {
		fmt.Println("no review waits for your organisation")
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range rs {
		fmt.Fprintf(w, "%s\tproject %s\tdata of %s\tasked %s\n", r.ID, r.Project, orText(orgs[r.Org], r.Org), r.Asked.Format("2006-01-02"))
	}
	return w.Flush()
}

type decideCmd struct {
	online
	Review    string   `arg:"" help:"The review's identifier."`
	Decision  string   `arg:"" enum:"approved,changes-requested,refused" help:"approved, changes-requested or refused."`
	Reason    string   `help:"Why; needed unless you approve."`
	Condition []string `sep:"none" help:"A condition of the approval. May be repeated."`
}

// Run decides a review for the user's organisation.
func (c decideCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	v := governance.Verdict{Decision: c.Decision, Reason: c.Reason, Conditions: c.Condition}
	if err := k.Post(ctx, "/reviews/"+c.Review+"/decision", v, nil); err != nil {
		return err
	}
	return c.print(map[string]string{"review": c.Review, "decision": c.Decision}, "review %s: %s", c.Review, c.Decision)
}
