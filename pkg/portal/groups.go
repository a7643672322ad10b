package portal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/volume"
)

// GroupIn is one group of a submission: names in the outbox, and the context
// that a checker needs.
type GroupIn struct {
	airlock.Group
	Output     []string `json:"output" maxItems:"25" doc:"Names in the outbox that are to leave"`
	Supporting []string `json:"supporting,omitempty" maxItems:"25" doc:"Names that only checkers see"`
}

// maxGroups is how many groups a page offers.
const maxGroups = 9

// suffix tells the fields of one group from those of another. The first has none.
func suffix(k int) string {
	if k == 0 {
		return ""
	}
	return fmt.Sprintf("-%d", k+1)
}

// groupCount is how many groups a posted form has.
func groupCount(form url.Values) int {
	n := int(atoi(form.Get("groups")))
	return min(max(n, 1), maxGroups)
}

// contextFields are the questions a checker needs answered.
func contextFields(k int) []ui.Field {
	s := suffix(k)
	kinds := ui.Field{Kind: "select", Name: "kind" + s, Label: "What kind of result is it?"}
	for _, x := range airlock.GroupKinds() {
		kinds.Options = append(kinds.Options, ui.Option{Value: x, Text: capital(x)})
	}
	return []ui.Field{
		{Kind: "text", Name: "group" + s, Label: "A name for these files", Hint: "For example: rates by age and sex"},
		kinds,
		{Kind: "area", Name: "context" + s, Label: "What is it, and what is it for?", Hint: "Two or three sentences for somebody who has not seen your project.", Rows: 4},
		{Kind: "area", Name: "population" + s, Label: "Who is in it?", Hint: "The people, the period, who was left out.", Rows: 3},
		{Kind: "text", Name: "counts" + s, Label: "How many people stand behind the smallest number?", Hint: "For example: 12, or not a count of people"},
		{Kind: "number", Name: "freedom" + s, Label: "Residual degrees of freedom, if it is a model", Narrow: true},
		{Kind: "area", Name: "controls" + s, Label: "What did you do so that nobody can be recognised?", Hint: "Rounding, suppression, grouping; which thresholds.", Rows: 3},
		{Kind: "area", Name: "relation" + s, Label: "Has anything like it been released before?", Hint: "The same table for another period or subgroup can reveal people by subtraction.", Rows: 3},
		{Kind: "text", Name: "code" + s, Label: "Code that made it (optional)", Hint: "A repository or a file of your workspace"},
		{Kind: "text", Name: "commit" + s, Label: "Commit of that code (optional)", Narrow: true},
	}
}

// groupFields are the fields of n groups: the files of each, then its context.
func groupFields(files []volume.Entry, n int, hint string) []ui.Field {
	var out []ui.Field
	for k := range n {
		which := ""
		if n > 1 {
			which = fmt.Sprintf(" in group %d", k+1)
		}
		pick := ui.Field{Kind: "checks", Big: true, Name: "output" + suffix(k), Label: "Files" + which + " that are to leave", Hint: hint}
		support := ui.Field{Kind: "checks", Name: "supporting" + suffix(k), Label: "Files" + which + " that only the checkers should see", Hint: "Counts behind a figure, for example. They never leave."}
		for _, f := range files {
			o := ui.Option{Value: f.Name, Text: f.Name, Hint: bytesText(f.Size) + ", " + when(f.ModTime)}
			if f.Refused != "" {
				o.Off = sentence(f.Refused)
			}
			pick.Options, support.Options = append(pick.Options, o), append(support.Options, o)
		}
		out = append(append(out, pick, support), contextFields(k)...)
	}
	return out
}

// groupForm puts the fields of n groups into a form with a way to add one more.
func groupForm(action string, fields []ui.Field, n int, class, send, back string) ui.Form {
	f := ui.Form{Action: action, Guard: true, Fields: fields, Hidden: []ui.Pair{{Name: "groups", Value: fmt.Sprint(n)}, {Name: "class", Value: class}}, Submit: ui.Button{Text: send}, Cancel: &ui.Link{Text: "Not now", Href: back}}
	if n < maxGroups {
		f.More = []ui.Button{{Text: "Add another group", Fields: []ui.Pair{{Name: "then", Value: "add"}}}}
	}
	return f
}

// groupsOf reads the groups of a posted form.
func groupsOf(form url.Values) ([]GroupIn, error) {
	var out []GroupIn
	for k := range groupCount(form) {
		s := suffix(k)
		get := func(name string) string { return strings.TrimSpace(form.Get(name + s)) }
		g := GroupIn{Output: form["output"+s], Supporting: form["supporting"+s], Group: airlock.Group{Name: get("group"), Kind: get("kind"), Context: get("context"), Population: get("population"),
			Counts: get("counts"), Freedom: get("freedom"), Controls: get("controls"), Relation: get("relation"), Code: get("code"), Commit: strings.ToLower(get("commit"))}}
		if k > 0 && len(g.Output)+len(g.Supporting) == 0 && g.Name == "" && g.Context == "" {
			continue // added and left empty
		}
		for _, q := range []struct{ name, label string }{{"group", "the name"}, {"context", "what it is"}, {"population", "who is in it"}, {"controls", "what was done so that nobody can be recognised"}} {
			if get(q.name) == "" {
				return nil, ark.Faultf(ark.Invalid, "%s is missing", q.label).At("", 0, q.name+s).Do("The checkers need it.")
			}
		}
		out = append(out, g)
	}
	return out, nil
}

// submission pins the chosen files and puts them together with their context.
func (p *Portal) submission(c *Call, ws, class string, groups []GroupIn) (airlock.Submission, error) {
	s := airlock.Submission{Class: class}
	if p.cfg.Rooms.Outputs == nil {
		return s, ark.Faultf(ark.Unavailable, "this host has no airlock worker").Do("ask the operator")
	}
	var names []string
	seen, outputs := map[string]bool{}, 0
	for k, g := range groups {
		s.Groups = append(s.Groups, g.Group)
		add := func(list []string, kind, field string) error {
			for _, n := range list {
				if seen[n] {
					return ark.Faultf(ark.Invalid, "a file is chosen twice, or both to leave and to stay").At("", 0, field+suffix(k)).Do("Choose one of the two.")
				}
				seen[n] = true
				names = append(names, n)
				s.Files = append(s.Files, airlock.SubmittedFile{Name: n[strings.LastIndexByte(n, '/')+1:], Kind: kind, Group: k})
			}
			return nil
		}
		if err := add(g.Output, airlock.KindOutput, "output"); err != nil {
			return s, err
		}
		if err := add(g.Supporting, airlock.KindSupporting, "supporting"); err != nil {
			return s, err
		}
		outputs += len(g.Output)
	}
	if outputs == 0 {
		return s, ark.Faultf(ark.Invalid, "no file is chosen").At("", 0, "output").Do("Choose at least one file that is to leave.")
	}
	var w *workspace.Workspace
	if err := c.view(func(q store.Querier) error {
		var err error
		w, err = workspace.Get(c.Ctx(), q, ws)
		return err
	}); err != nil {
		return s, err
	}
	if err := p.cfg.Store.Check(c.Ctx(), c.Actor, "request.submit", store.Resource{Type: "Workspace", ID: ws}); err != nil {
		return s, err // before bytes are moved; Submit decides again
	}
	refs, err := p.cfg.Rooms.Outputs.Pin(c.Ctx(), w.Project, ws, names)
	if err != nil {
		return s, err
	}
	for i := range s.Files {
		s.Files[i].Ref = refs[i]
		if s.Files[i].Rows, err = p.rowsOf(c.Ctx(), w.Project, s.Files[i].Name, refs[i]); err != nil {
			return s, err
		}
	}
	return s, nil
}

// rowsOf counts the rows under the heading of a delimited table, 0 for anything
// else. Line breaks within a field count too: a limit may be met early, never late.
func (p *Portal) rowsOf(ctx context.Context, project, name string, ref objects.Ref) (int, error) {
	lower := strings.ToLower(name)
	if !strings.HasSuffix(lower, ".csv") && !strings.HasSuffix(lower, ".tsv") {
		return 0, nil
	}
	in, err := p.cfg.Rooms.Outputs.Open(ctx, project, ref)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	r := bufio.NewReaderSize(in, 64<<10)
	n, last := 0, byte('\n')
	for {
		b, err := r.ReadByte()
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
		if b == '\n' && last != '\n' {
			n++
		}
		last = b
	}
	if last != '\n' {
		n++
	}
	return max(n-1, 0), nil
}

// filledFrom puts prepared groups into the form as if they had been typed.
func filledFrom(groups []GroupIn) url.Values {
	v := url.Values{"groups": {fmt.Sprint(len(groups))}}
	for k, g := range groups {
		s := suffix(k)
		v["output"+s], v["supporting"+s] = g.Output, g.Supporting
		for name, text := range map[string]string{"group": g.Name, "kind": g.Kind, "context": g.Context, "population": g.Population, "counts": g.Counts, "freedom": g.Freedom, "controls": g.Controls, "relation": g.Relation, "code": g.Code, "commit": g.Commit} {
			v.Set(name+s, text)
		}
	}
	return v
}
