package portal

import (
	"slices"

	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/policies"
)

// The machines are the states of things as data; words and owners come from them.
type machines struct{ project, review, delivery, linkage, version, extract, workspace, request, standing, input, trace, subscription, published policies.Machine }

func loadMachines() machines {
	return machines{policies.MustMachine("project"), policies.MustMachine("review"), policies.MustMachine("delivery"), policies.MustMachine("linkage"),
		policies.MustMachine("version"), policies.MustMachine("extract"), policies.MustMachine("workspace"), policies.MustMachine("request"), policies.MustMachine("standing"), policies.MustMachine("input"), policies.MustMachine("trace"), policies.MustMachine("subscription"), policies.MustMachine("published")}
}

var (
	good = []string{"active", "approved", "accepted", "done", "published", "ready", "running", "released", "closed", "answered", "delivered", "sealed", "following", "kept"}
	bad  = []string{"rejected", "refused", "blocked", "failed", "frozen", "suspended", "recalled", "declined"}
	idle = []string{"draft", "withdrawn", "superseded", "destroyed", "stopped", "queued", "cancelled", "ended"}
)

// tag is a state in words. yours says that the viewer has to act next.
func tag(state string, yours bool) *ui.Tag {
	t := &ui.Tag{Text: title(state), Colour: ui.Blue}
	switch {
	case yours:
		t.Colour = ui.Yellow
	case slices.Contains(good, state):
		t.Colour = ui.Green
	case slices.Contains(bad, state):
		t.Colour = ui.Red
	case slices.Contains(idle, state):
		t.Colour = ui.Grey
	}
	return t
}

// jobTag is tag for jobs, whose running is no end.
func jobTag(state string) *ui.Tag {
	t := tag(state, false)
	if state == "running" || state == "building" {
		t.Colour = ui.Blue
	}
	return t
}

// tone is the look of "what happens next" for a state.
func tone(state string, yours bool) string {
	switch {
	case yours:
		return "you"
	case slices.Contains(bad, state):
		return "stopped"
	case slices.Contains(good, state):
		return "done"
	default:
		return "wait"
	}
}
