package main

import (
	"context"
	"fmt"

	"github.com/ark-tre/ark/airlock/ingress"
)

type inboxCmd struct {
	Bring    inboxBringCmd    `cmd:"" help:"Ask that files be brought into your workspace; status 1 when the automatic checks stop them."`
	List     inboxListCmd     `cmd:"" help:"List what was asked to be brought in, as far as you may see it."`
	Show     inboxShowCmd     `cmd:"" help:"Show an input, what its checks found and whom it waits for."`
	Approve  inboxApproveCmd  `cmd:"" help:"Let an input in; needs your second factor, shown for it (ark sign-in --for)."`
	Reject   inboxRejectCmd   `cmd:"" help:"Refuse an input for good."`
	Settle   inboxSettleCmd   `cmd:"" help:"Say what damaged files of an input turned out to be."`
	Withdraw inboxWithdrawCmd `cmd:"" help:"Take your input back."`
}

type inboxBringCmd struct {
	online
	waiting
	Workspace string   `arg:"" help:"Your workspace."`
	File      []string `arg:"" sep:"none" help:"The files." type:"existingfile"`
	Title     string   `required:"" help:"What it is."`
	Kind      string   `required:"" enum:"file,code,package,reference" help:"file, code, package or reference."`
	From      string   `required:"" help:"Where it comes from, and under which licence."`
	Why       string   `required:"" help:"What you need it for."`
	People    string   `required:"" enum:"none,counts,persons" help:"Is it about people: none, counts (of many) or persons (a row is about one)."`
}

// Run brings files and waits for the automatic checks.
func (c inboxBringCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	k.HTTP.Timeout = 0
	var i ingress.Input
	if err := k.UploadForm(ctx, "/workspaces/"+c.Workspace+"/inputs", map[string]string{"title": c.Title, "kind": c.Kind, "origin": c.From, "why": c.Why, "people": c.People}, c.File, &i); err != nil {
		return err
	}
	if err := k.Until(ctx, c.Wait, "the automatic checks", "/inputs/"+i.ID, &i, func() (bool, error) { return i.State != "checking", nil }); err != nil {
		return err
	}
	if c.JSON {
		return printResult(i, i.State == "blocked")
	}
	printInput(i)
	if i.State == "blocked" {
		return errFound
	}
	return nil
}

func printInput(i ingress.Input) {
	fmt.Printf("input %s: %s, %q\n", i.ID, i.State, i.Title)
	if i.Says != "" {
		fmt.Println(i.Says)
	}
	for _, f := range i.Files {
		fmt.Printf("file %d: %s\n", f.Ordinal, orText(f.Verdict, "not checked yet"))
		if f.Profile.Persons {
			fmt.Printf("  a row is about one person; alone: %s; fit one person of the extract: %s\n", orText(f.Profile.Unique, "not measured"), orText(f.Profile.Matched, "not measured"))
		}
		for _, x := range f.Findings {
			fmt.Printf("  %s: %q %s\n", x.Rule, x.Says, x.Repair)
		}
	}
	for _, n := range i.Needs {
		if !n.Done {
			fmt.Println("waits for:", n.As)
		}
	}
}

type inboxListCmd struct{ online }

// Run lists inputs.
func (c inboxListCmd) Run(ctx context.Context) error {
	return list(ctx, c.online, "/inputs", "nothing that you may see was asked to be brought in", func(i ingress.Input) string {
		return fmt.Sprintf("%s\t%s\t%s\t%d files\t%q", i.ID, i.State, i.Kind, len(i.Files), i.Title)
	})
}

// onInput names the input that a command is about.
type onInput struct {
	online
	Input string `arg:"" help:"The input's identifier."`
}

type inboxShowCmd struct{ onInput }

// Run shows an input.
func (c inboxShowCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var i ingress.Input
	if err := k.Get(ctx, "/inputs/"+c.Input, &i); err != nil {
		return err
	}
	if c.JSON {
		return printResult(i, false)
	}
	printInput(i)
	return nil
}

type inboxApproveCmd struct{ onInput }

// Run lets an input in.
func (c inboxApproveCmd) Run(ctx context.Context) error {
	return c.act(ctx, "input", c.Input, "approve", nil, "your approval is recorded")
}

type inboxSettleCmd struct {
	onInput
	settling
}

// Run settles the incident about damaged files of an input.
func (c inboxSettleCmd) Run(ctx context.Context) error {
	return c.act(ctx, "input", c.Input, "settle", c.body(), "the incident is settled")
}

type inboxRejectCmd struct {
	onInput
	Reason string `required:"" help:"Why."`
}

// Run refuses an input.
func (c inboxRejectCmd) Run(ctx context.Context) error {
	return c.act(ctx, "input", c.Input, "reject", map[string]string{"reason": c.Reason}, "refused")
}

type inboxWithdrawCmd struct{ onInput }

// Run takes an input back.
func (c inboxWithdrawCmd) Run(ctx context.Context) error {
	return c.act(ctx, "input", c.Input, "withdraw", nil, "taken back")
}
