package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/portal"
)

type standingCmd struct {
	List    standingListCmd    `cmd:"" help:"List the standing outputs that you may see."`
	Show    standingShowCmd    `cmd:"" help:"Show a standing output, its runs and their data-action latency."`
	Propose standingProposeCmd `cmd:"" help:"Ask that a released table be made again on each new version."`
	Approve standingApproveCmd `cmd:"" help:"Approve a standing output; needs your second factor, shown for it (ark sign-in --for)."`
	Decline standingDeclineCmd `cmd:"" help:"Decline a standing output."`
	End     standingEndCmd     `cmd:"" help:"End a standing output for good."`
	Answer  standingAnswerCmd  `cmd:"" help:"Say whether you acted on a run of a standing output."`
}

type standingListCmd struct{ online }

// Run lists standing outputs.
func (c standingListCmd) Run(ctx context.Context) error {
	return list(ctx, c.online, "/standing", "there is no standing output that you may see", func(s portal.StandingOut) string {
		return fmt.Sprintf("%s\t%s\t%d runs\t%q", s.ID, s.State, len(s.Runs), s.Title)
	})
}

type standingShowCmd struct {
	online
	Standing string `arg:"" help:"The standing output's identifier."`
}

// Run shows a standing output.
func (c standingShowCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var s portal.StandingOut
	if err := k.Get(ctx, "/standing/"+c.Standing, &s); err != nil {
		return err
	}
	if c.JSON {
		return printResult(s, false)
	}
	printStanding(s)
	return nil
}

func printStanding(s portal.StandingOut) {
	fmt.Printf("standing output %s: %s, %q\n", s.ID, s.State, s.Title)
	for _, w := range s.Waits {
		fmt.Println("waits for:", w)
	}
	after := func(from, to time.Time) string {
		if from.IsZero() || to.IsZero() {
			return "-"
		}
		return to.Sub(from).Round(100 * time.Millisecond).String()
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range s.Runs {
		fmt.Fprintf(w, "%s\tversion %d\t%s\tmade %s\tconfirmed %s\tacted on %s\tin all %s\n", r.ID, r.Number, r.State, after(r.Published, r.Made), after(r.Made, r.Confirmed), after(r.Confirmed, r.Acted()), after(r.Received, r.Acted()))
	}
	_ = w.Flush() // to the terminal, like fmt.Println
}

type standingProposeCmd struct {
	online
	Release string   `arg:"" help:"The release's identifier."`
	File    int      `help:"The number of the table in the release." default:"1"`
	Title   string   `required:"" help:"What it shall be called."`
	Use     string   `required:"" help:"Who acts on it, and how."`
	To      []string `required:"" sep:"none" help:"A user who receives it, by identifier. May be repeated." placeholder:"USER"`
}

// Run asks for a standing output.
func (c standingProposeCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var s portal.StandingOut
	if err := k.Post(ctx, "/releases/"+c.Release+"/standing", airlock.Proposal{File: c.File, Title: c.Title, Use: c.Use, Recipients: c.To}, &s); err != nil {
		return err
	}
	return c.print(s, "standing output %s: it is being tried; then it waits to be approved", s.ID)
}

type standingApproveCmd struct {
	online
	Standing string `arg:"" help:"The standing output's identifier."`
}

// Run approves a standing output.
func (c standingApproveCmd) Run(ctx context.Context) error {
	return c.standing(ctx, c.Standing, "approve", nil, "your approval is recorded")
}

type standingDeclineCmd struct {
	online
	Standing string `arg:"" help:"The standing output's identifier."`
	Reason   string `required:"" help:"Why."`
}

// Run declines a standing output.
func (c standingDeclineCmd) Run(ctx context.Context) error {
	return c.standing(ctx, c.Standing, "decline", map[string]string{"reason": c.Reason}, "declined")
}

type standingEndCmd struct {
	online
	Standing string `arg:"" help:"The standing output's identifier."`
	Reason   string `required:"" help:"Why."`
}

// Run ends a standing output.
func (c standingEndCmd) Run(ctx context.Context) error {
	return c.standing(ctx, c.Standing, "end", map[string]string{"reason": c.Reason}, "ended")
}

type standingAnswerCmd struct {
	online
	Standing string `arg:"" help:"The standing output's identifier."`
	Of       string `arg:"" name:"run" help:"The run's identifier."`
	Acted    bool   `help:"You acted on it."`
	Says     string `required:"" help:"What you did, or why nothing."`
	Benefit  string `help:"Who gained from it, and how."`
}

// Run records what came of a run.
func (c standingAnswerCmd) Run(ctx context.Context) error {
	return c.standing(ctx, c.Standing, "answer", map[string]any{"run": c.Of, "acted": c.Acted, "says": c.Says, "benefit": c.Benefit}, "your answer is recorded")
}

// standing asks for one change of a standing output.
func (o online) standing(ctx context.Context, id, what string, in any, says string) error {
	k, err := o.client()
	if err != nil {
		return err
	}
	if err := k.Post(ctx, "/standing/"+id+"/"+what, in, nil); err != nil {
		return err
	}
	return o.print(map[string]string{"id": id, "did": says}, "%s: %s", id, says)
}
