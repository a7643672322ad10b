package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/workspace/trace"
	"github.com/ark-tre/ark/workspace/trace/seal"
)

type traceCmd struct {
	Ask    traceAskCmd    `cmd:"" help:"Report an error in the data, or a finding about one person, to the organisation that sent the record."`
	List   traceListCmd   `cmd:"" help:"List the reports that you may follow."`
	Decide traceDecideCmd `cmd:"" help:"Let a report pass, or refuse it."`
	Fetch  traceFetchCmd  `cmd:"" help:"Fetch the sealed answer for your organisation."`
	Open   traceOpenCmd   `cmd:"" help:"Open a sealed answer with your organisation's private key, offline."`
	Answer traceAnswerCmd `cmd:"" help:"Say what came of a report."`
	NewKey traceNewKeyCmd `cmd:"" help:"Make your organisation's key pair, and register the public half."`
}

type traceAskCmd struct {
	online
	Project   string `arg:"" help:"The project's identifier."`
	Pseudonym string `arg:"" help:"The person, as the extract names them."`
	Reason    string `required:"" help:"For an error: impossible, missing, wrong-code, wrong-date, wrong-unit, duplicate, contradiction or wrong-person. For a person: incidental-finding, safety, return-of-results or court-order."`
	Org       string `help:"For a person: the short name or identifier of the organisation that sent the record."`
	Dataset   string `help:"For an error: the dataset's short name."`
	Table     string `help:"For an error: the table."`
	Variable  string `help:"For an error: the variable."`
}

// Run asks.
func (c traceAskCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	a := trace.Ask{Kind: trace.Error, Pseudonym: c.Pseudonym, Reason: c.Reason, Dataset: c.Dataset, Table: c.Table, Variable: c.Variable}
	if c.Org != "" {
		org, err := named(ctx, k, "/organisations", "organisation", c.Org, func(o governance.Organisation) (string, string) { return o.ID, o.Slug })
		if err != nil {
			return err
		}
		a.Kind, a.Org = trace.Person, org.ID
	}
	var t trace.Public
	if err := k.Post(ctx, "/projects/"+c.Project+"/traces", a, &t); err != nil {
		return err
	}
	return c.print(t, "report %s waits for a second user to let it pass", t.ID)
}

type traceListCmd struct{ online }

// Run lists reports.
func (c traceListCmd) Run(ctx context.Context) error {
	return list(ctx, c.online, "/traces", "", func(t trace.Public) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", t.ID, t.Kind, t.State, t.Reason, t.Asked.Format("2006-01-02"))
	})
}

type traceDecideCmd struct {
	online
	Trace     string `arg:"" help:"The report's identifier."`
	Refuse    bool   `help:"Refuse it."`
	Recipient string `help:"For a person: the user who gets the answer, a custodian of the sending organisation."`
}

// Run decides.
func (c traceDecideCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	if err := k.Post(ctx, "/traces/"+c.Trace+"/decision", map[string]any{"pass": !c.Refuse, "recipient": c.Recipient}, nil); err != nil {
		return err
	}
	return c.print(map[string]bool{"passed": !c.Refuse}, "decided")
}

type traceFetchCmd struct {
	online
	Trace string `arg:"" help:"The report's identifier."`
	Out   string `arg:"" help:"File to write the sealed answer to." type:"path"`
}

// Run fetches the sealed answer.
func (c traceFetchCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var t seal.Token
	if err := k.Post(ctx, "/traces/"+c.Trace+"/token", nil, &t); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, raw, 0o600); err != nil {
		return ark.Faultf(ark.Invalid, "the file can't be written").At(c.Out, 0, "").Because(err)
	}
	return c.print(map[string]string{"key": t.Key}, "sealed to the key %s; open it with ark trace open", t.Key)
}

type traceOpenCmd struct {
	Token string `arg:"" help:"The sealed answer." type:"existingfile"`
	Key   string `required:"" help:"File of the private key." type:"existingfile"`
}

// Run opens a sealed answer on this machine.
func (c traceOpenCmd) Run() error {
	key, err := readText(c.Key)
	if err != nil {
		return err
	}
	defer clear(key)
	text, err := readText(c.Token)
	if err != nil {
		return err
	}
	var t seal.Token
	if err := json.Unmarshal(text, &t); err != nil {
		return ark.Faultf(ark.Invalid, "that is not a sealed answer").At(c.Token, 0, "").Because(err)
	}
	a, err := seal.Open(string(key), t)
	if err != nil {
		return err
	}
	return printResult(a, false)
}

type traceAnswerCmd struct {
	online
	Trace      string `arg:"" help:"The report's identifier."`
	Resolution string `arg:"" help:"corrected, was-right, cannot-correct or not-ours." enum:"corrected,was-right,cannot-correct,not-ours"`
	Source     string `help:"The source's short name, with --delivery."`
	Delivery   string `help:"The delivery that brings the correction."`
}

// Run answers.
func (c traceAnswerCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	in := map[string]string{"resolution": c.Resolution}
	if c.Delivery != "" {
		s, err := named(ctx, k, "/sources", "source", c.Source, func(s catalogue.Source) (string, string) { return s.ID, s.Slug })
		if err != nil {
			return err
		}
		d, err := named(ctx, k, "/sources/"+s.ID+"/deliveries", "delivery", c.Delivery, func(d catalogue.Delivery) (string, string) { return d.ID, d.Name })
		if err != nil {
			return err
		}
		in["delivery"] = d.ID
	}
	if err := k.Post(ctx, "/traces/"+c.Trace+"/answer", in, nil); err != nil {
		return err
	}
	return c.print(in, "answered")
}

type traceNewKeyCmd struct {
	online
	File string `arg:"" help:"File to write the private key to; it must not exist." type:"path"`
	Org  string `help:"Register the public key for the organisation of that short name."`
}

// Run makes a pair, and registers the public half where that is asked for.
func (c traceNewKeyCmd) Run(ctx context.Context) error {
	private, public, err := seal.NewKey()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return ark.Faultf(ark.Conflict, "the key's file can't be made").At(c.File, 0, "").Do("choose a name that is not there yet").Because(err)
	}
	if _, err := fmt.Fprintln(f, private); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if c.Org != "" {
		k, err := c.client()
		if err != nil {
			return err
		}
		org, err := named(ctx, k, "/organisations", "organisation", c.Org, func(o governance.Organisation) (string, string) { return o.ID, o.Slug })
		if err != nil {
			return err
		}
		if err := k.Post(ctx, "/organisations/"+org.ID+"/key", map[string]string{"key": public}, nil); err != nil {
			return err
		}
	}
	return c.print(map[string]string{"public": public}, "%s", public)
}
