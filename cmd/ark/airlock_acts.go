package main

import (
	"context"
	"io"
	"os"

	"github.com/ark-tre/ark/pkg/ark"
)

// onRequest names the request that a command is about.
type onRequest struct {
	online
	Request string `arg:"" help:"The request's identifier."`
}

// onRelease names the release.
type onRelease struct {
	online
	Release string `arg:"" help:"The release's identifier."`
}

type airlockWithdrawCmd struct{ onRequest }

// Run withdraws the author's request.
func (c airlockWithdrawCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "withdraw", nil, "withdrawn; nothing of it left")
}

type airlockHoldCmd struct{ onRequest }

// Run holds the author's request.
func (c airlockHoldCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "hold", nil, "held; its reviews are kept")
}

type airlockResumeCmd struct{ onRequest }

// Run gives a held request back as it is.
func (c airlockResumeCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "resume", nil, "given back to its checkers")
}

type airlockContestCmd struct {
	onRequest
	Reason string `arg:"" help:"Why the failed check does not apply."`
}

// Run contests a failed check.
func (c airlockContestCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "contest", map[string]string{"reason": c.Reason}, "contested; two output checkers decide")
}

type airlockAppealCmd struct {
	onRequest
	Reason string `arg:"" help:"Why it should be released as it is."`
}

// Run appeals against a return.
func (c airlockAppealCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "appeal", map[string]string{"reason": c.Reason}, "appealed; an output checker who had no part decides")
}

type airlockClaimCmd struct{ onRequest }

// Run takes a request in hand.
func (c airlockClaimCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "claim", nil, "taken in hand")
}

type airlockAssignCmd struct {
	onRequest
	User string `arg:"" help:"The output checker's identifier."`
	Take bool   `help:"Take it from them instead."`
}

// Run gives a request to an output checker.
func (c airlockAssignCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "assign", map[string]any{"user": c.User, "take": c.Take}, "assigned")
}

type airlockReassignCmd struct {
	onRequest
	User string `arg:"" help:"The new author's identifier; the permit has to name them."`
}

// Run gives a request to another author.
func (c airlockReassignCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "reassign", map[string]any{"user": c.User}, "given to another author")
}

type airlockResolveCmd struct {
	onRequest
	Comment string `arg:"" help:"The comment's identifier, as ark airlock show --json has it."`
	Open    bool   `help:"Open it again."`
}

// Run marks a comment as dealt with.
func (c airlockResolveCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "resolve", map[string]any{"comment": c.Comment, "open": c.Open}, "the comment is marked")
}

type airlockRejectCmd struct {
	onRequest
	Reason string `arg:"" help:"Why it must never leave."`
}

// Run refuses a request for good.
func (c airlockRejectCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "reject", map[string]string{"reason": c.Reason}, "refused for good")
}

// deciding is a yes or no with a reason.
type deciding struct {
	onRequest
	Decision string `arg:"" enum:"yes,no" help:"yes or no."`
	Reason   string `arg:"" optional:"" help:"Why."`
}

func (c deciding) decide(ctx context.Context, what, says string) error {
	return c.change(ctx, c.Request, what, map[string]any{"yes": c.Decision == "yes", "reason": c.Reason}, says)
}

type airlockOverrideCmd struct{ deciding }

// Run says, as an output checker, whether a contested check does not apply.
func (c airlockOverrideCmd) Run(ctx context.Context) error {
	return c.decide(ctx, "override", "your opinion is kept")
}

type airlockWaiveCmd struct{ deciding }

// Run says, as a custodian, whether a rule of the contract is waived.
func (c airlockWaiveCmd) Run(ctx context.Context) error {
	return c.decide(ctx, "waive", "your decision is kept")
}

type airlockArbitrateCmd struct{ deciding }

// Run decides on an appeal.
func (c airlockArbitrateCmd) Run(ctx context.Context) error {
	return c.decide(ctx, "arbitrate", "the appeal is decided")
}

type airlockSignOffCmd struct{ deciding }

// Run signs a release off, or objects.
func (c airlockSignOffCmd) Run(ctx context.Context) error {
	return c.decide(ctx, "sign-off", "your sign-off is kept")
}

// settling is what an incident turned out to be.
type settling struct {
	Outcome string `arg:"" enum:"near-miss,breach" help:"near-miss or breach."`
	Lesson  string `arg:"" help:"What was found out, and what was done."`
}

func (s settling) body() map[string]string {
	return map[string]string{"outcome": s.Outcome, "lesson": s.Lesson}
}

type airlockDamageCmd struct {
	onRequest
	settling
}

// Run settles an incident about damaged files of a request.
func (c airlockDamageCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "settle", c.body(), "the incident is settled")
}

type airlockIncidentCmd struct {
	onRelease
	Reason string `arg:"" help:"Why it should not have left."`
}

// Run says that a release should not have left.
func (c airlockIncidentCmd) Run(ctx context.Context) error {
	return c.act(ctx, "release", c.Release, "freeze", map[string]string{"reason": c.Reason}, "frozen; the 72 hours run")
}

type airlockSettleCmd struct {
	onRelease
	settling
}

// Run settles the incident about a release.
func (c airlockSettleCmd) Run(ctx context.Context) error {
	return c.act(ctx, "release", c.Release, "settle", c.body(), "the incident is settled")
}

type airlockCalibrateCmd struct{ onRelease }

// Run puts what should not have left before the checkers once more.
func (c airlockCalibrateCmd) Run(ctx context.Context) error {
	return c.act(ctx, "release", c.Release, "calibrate", nil, "goes before the checkers once more; it can never leave")
}

type airlockRecordCmd struct {
	onRelease
	Out string `arg:"" help:"The file to write; it must not exist." type:"path"`
}

// Run downloads the internal record.
func (c airlockRecordCmd) Run(ctx context.Context) error {
	return c.fetch(ctx, "/releases/"+c.Release+"/record", c.Out, "%d bytes: the internal record, signed; it does not leave")
}

type airlockCasesCmd struct {
	onRelease
	Out string `arg:"" help:"The file to write; it must not exist." type:"path"`
}

// Run downloads the files of an incident as samples of the rules.
func (c airlockCasesCmd) Run(ctx context.Context) error {
	return c.fetch(ctx, "/releases/"+c.Release+"/sample", c.Out, "%d bytes; judge them with: ark disclose cases FILE")
}

type airlockReleasedCmd struct{ onRelease }

// Run shows a release.
func (c airlockReleasedCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var v map[string]any
	if err := k.Get(ctx, "/releases/"+c.Release, &v); err != nil {
		return err
	}
	return printResult(v, false)
}

// fetch writes what the portal hands out at path to a new file. What arrived in
// part is not kept.
func (o online) fetch(ctx context.Context, path, file, says string) error {
	k, err := o.client()
	if err != nil {
		return err
	}
	k.HTTP.Timeout = 0
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return ark.Faultf(ark.Conflict, "the file to write can't be made").At(file, 0, "").Do("give a new file in a folder that you may write to").Because(err)
	}
	n, err := k.Download(ctx, path, io.Writer(out))
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(file)
		return err
	}
	return o.print(map[string]any{"file": file, "bytes": n}, says, n)
}
