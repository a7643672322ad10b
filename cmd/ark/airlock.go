package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/client"
)

type airlockCmd struct {
	Queue    airlockQueueCmd    `cmd:"" help:"List the requests that you may check."`
	Submit   airlockSubmitCmd   `cmd:"" help:"Submit files of your outbox for release; status 1 when the automatic checks block them."`
	Show     airlockShowCmd     `cmd:"" help:"Show a request as you may see it."`
	Vote     airlockVoteCmd     `cmd:"" help:"Vote on a file of a request."`
	Comment  airlockCommentCmd  `cmd:"" help:"Comment on a request or a file of it."`
	Finish   airlockFinishCmd   `cmd:"" help:"Finish your review of this round."`
	Return   airlockReturnCmd   `cmd:"" help:"Return a request for changes."`
	Release  airlockReleaseCmd  `cmd:"" help:"Release the approved files; needs your second factor, shown for it (ark sign-in --for)."`
	Download airlockDownloadCmd `cmd:"" help:"Download the signed bundle of a release."`

	Withdraw airlockWithdrawCmd `cmd:"" help:"Withdraw your request."`
	Hold     airlockHoldCmd     `cmd:"" help:"Hold your request; its reviews are kept."`
	Resume   airlockResumeCmd   `cmd:"" help:"Give a held request back as it is."`
	Contest  airlockContestCmd  `cmd:"" help:"Say that a failed check does not apply."`
	Appeal   airlockAppealCmd   `cmd:"" help:"Appeal against a return."`

	Claim     airlockClaimCmd     `cmd:"" help:"Take a request in hand."`
	Assign    airlockAssignCmd    `cmd:"" help:"Give a request to an output checker, or take it from them."`
	Reassign  airlockReassignCmd  `cmd:"" help:"Give a request to another author, as the lead or an operator."`
	Resolve   airlockResolveCmd   `cmd:"" help:"Mark a comment as dealt with."`
	Reject    airlockRejectCmd    `cmd:"" help:"Refuse a request for good."`
	Override  airlockOverrideCmd  `cmd:"" help:"Say, as an output checker, that a contested check does not apply (yes), or that it does (no)."`
	Waive     airlockWaiveCmd     `cmd:"" help:"Waive a rule of your contract, as its custodian, or not."`
	Arbitrate airlockArbitrateCmd `cmd:"" help:"Decide on an appeal that was drawn for you."`
	SignOff   airlockSignOffCmd   `cmd:"" help:"Sign a release off, as lay reviewer or custodian, or object to it."`

	Published publishedCmd `cmd:"" help:"Tables published elsewhere, with which outputs are compared."`

	Released  airlockReleasedCmd  `cmd:"" help:"Show a release."`
	Record    airlockRecordCmd    `cmd:"" help:"Download the internal record of a release."`
	Incident  airlockIncidentCmd  `cmd:"" help:"Say that a release should not have left: downloads stop at once."`
	Settle    airlockSettleCmd    `cmd:"" help:"Record what an incident turned out to be."`
	Damage    airlockDamageCmd    `cmd:"" help:"Record what damaged files of a request turned out to be."`
	Calibrate airlockCalibrateCmd `cmd:"" help:"Put what should not have left before the checkers once more."`
	Cases     airlockCasesCmd     `cmd:"" help:"Download the files of an incident as samples of the rules."`
}

type airlockQueueCmd struct{ online }

// Run lists the requests under review.
func (c airlockQueueCmd) Run(ctx context.Context) error {
	return list(ctx, c.online, "/queue", "nothing waits for you", func(l airlock.QueueLine) string {
		return fmt.Sprintf("%s\tround %d\t%d outputs\t%d findings\tworst %s\tyours %s", l.ID, l.Round, l.Outputs, l.Findings, orText(l.Worst, "none"), orText(l.Yours, "not started"))
	})
}

type airlockShowCmd struct{ onRequest }

// Run shows a request.
func (c airlockShowCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var v airlock.View
	if err := k.Get(ctx, "/requests/"+c.Request, &v); err != nil {
		return err
	}
	if c.JSON {
		return printResult(v, false)
	}
	printRequest(v)
	return nil
}

// printRequest names files by their ordinals, since a name is unreviewed text.
func printRequest(v airlock.View) {
	fmt.Printf("request %s: %s, round %d\n", v.ID, v.State, v.Round)
	if v.Says != "" {
		fmt.Println(v.Says)
	}
	for _, f := range v.Files {
		fmt.Printf("file %d, %s: %s\n", f.Ordinal, f.Kind, orText(f.Verdict, "not checked yet"))
		for _, x := range f.Findings {
			fmt.Printf("  %s: %q %s\n", x.Rule, x.Says, x.Repair)
		}
	}
	if v.Release != "" {
		fmt.Println("release", v.Release)
	}
}

type airlockVoteCmd struct {
	onRequest
	File string `arg:"" help:"The file's number, or its identifier."`
	Vote string `arg:"" enum:"approve,changes" help:"approve or changes."`
}

// Run votes on a file.
func (c airlockVoteCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	file, err := requestFile(ctx, k, c.Request, c.File)
	if err != nil {
		return err
	}
	if err := k.Post(ctx, "/requests/"+c.Request+"/vote", map[string]string{"file": file, "vote": c.Vote}, nil); err != nil {
		return err
	}
	return c.print(map[string]string{"request": c.Request, "file": file, "vote": c.Vote}, "file %s: %s", c.File, c.Vote)
}

// requestFile is the identifier of a file that is given by its number.
func requestFile(ctx context.Context, k *client.Client, request, file string) (string, error) {
	n, err := strconv.Atoi(file)
	if err != nil {
		return file, nil
	}
	var v airlock.View
	if err := k.Get(ctx, "/requests/"+request, &v); err != nil {
		return "", err
	}
	for _, f := range v.Files {
		if f.Ordinal == n {
			return f.ID, nil
		}
	}
	return "", ark.Faultf(ark.Unknown, "the request has no file %d", n).Do("ark airlock show lists them")
}

type airlockCommentCmd struct {
	onRequest
	Text   string `arg:"" help:"What you say."`
	File   string `help:"The number or identifier of the file that it is about."`
	Public bool   `help:"For the author too, after the round."`
}

// Run comments on a request.
func (c airlockCommentCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	in := map[string]any{"text": c.Text, "public": c.Public, "group": -1}
	if c.File != "" {
		if in["file"], err = requestFile(ctx, k, c.Request, c.File); err != nil {
			return err
		}
	}
	if err := k.Post(ctx, "/requests/"+c.Request+"/comment", in, nil); err != nil {
		return err
	}
	return c.print(map[string]string{"request": c.Request, "state": "commented"}, "request %s: your comment is kept", c.Request)
}

type airlockFinishCmd struct{ onRequest }

// Run finishes the user's review.
func (c airlockFinishCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "finish", nil, "your review of this round is finished")
}

type airlockReturnCmd struct{ onRequest }

// Run returns a request for changes.
func (c airlockReturnCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "return", nil, "returned for changes")
}

type airlockReleaseCmd struct {
	onRequest
	Partial bool `help:"Release only the files that are approved."`
}

// Run releases the approved files.
func (c airlockReleaseCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.Request, "release", map[string]bool{"partial": c.Partial}, "is being released")
}

// change asks for one change of a request.
func (o online) change(ctx context.Context, request, what string, in any, says string) error {
	return o.act(ctx, "request", request, what, in, says)
}

// act asks for one change of a thing that the API has under the plural of its noun.
func (o online) act(ctx context.Context, noun, id, what string, in any, says string) error {
	k, err := o.client()
	if err != nil {
		return err
	}
	if err := k.Post(ctx, "/"+noun+"s/"+id+"/"+what, in, nil); err != nil {
		return howToStepUp(err)
	}
	return o.print(map[string]string{noun: id, "did": what}, "%s %s: %s", noun, id, says)
}

type airlockDownloadCmd struct {
	onRelease
	Out string `arg:"" help:"The file to write; it must not exist." type:"path"`
}

// Run downloads a bundle. What arrived in part is not kept.
func (c airlockDownloadCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	if err := k.Get(ctx, "/releases/"+c.Release, nil); err != nil {
		return err
	}
	return c.fetch(ctx, "/releases/"+c.Release+"/download", c.Out, "%d bytes; check them with: ark release verify --key FILE BUNDLE")
}
