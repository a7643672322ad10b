package main

import (
	"context"

	"github.com/ark-tre/ark/airlock"
)

type airlockSubmitCmd struct {
	online
	waiting
	Workspace  string   `arg:"" help:"The workspace whose outbox holds the files."`
	Output     []string `arg:"" optional:"" name:"file" sep:"none" help:"Names in the outbox that are to leave; none: the outbox says it itself, in request.json, the results of ACRO or output specifications."`
	Supporting []string `sep:"none" help:"A name in the outbox that only checkers see. May be repeated."`
	Group      string   `help:"What the files are together."`
	Context    string   `help:"What they show and what they are for."`
	Population string   `help:"Who is in them, and how many."`
	Controls   string   `help:"Disclosure control you applied."`
	Relation   string   `help:"How they relate to what was released before."`
	Resubmit   string   `help:"Answer a request that was blocked or returned, instead of making one." placeholder:"REQUEST"`
	Answer     string   `help:"With --resubmit: what you changed."`
}

// Run submits files and waits for the automatic checks.
func (c airlockSubmitCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	in := map[string]any{"output": c.Output, "supporting": c.Supporting, "answer": c.Answer,
		"group": airlock.Group{Name: c.Group, Context: c.Context, Population: c.Population, Controls: c.Controls, Relation: c.Relation}}
	if c.Supporting == nil {
		delete(in, "supporting")
	}
	if len(c.Output) == 0 {
		in = map[string]any{"prepared": true, "answer": c.Answer}
	}
	v := airlock.View{ID: c.Resubmit}
	if c.Resubmit == "" {
		err = k.Post(ctx, "/workspaces/"+c.Workspace+"/requests", in, &v)
	} else {
		err = k.Post(ctx, "/requests/"+c.Resubmit+"/resubmit", in, nil)
	}
	if err != nil {
		return err
	}
	if err := k.Until(ctx, c.Wait, "the automatic checks", "/requests/"+v.ID, &v, func() (bool, error) { return v.State != "checking", nil }); err != nil {
		return err
	}
	if c.JSON {
		return printResult(v, v.State == "blocked")
	}
	printRequest(v)
	if v.State == "blocked" {
		return errFound
	}
	return nil
}
