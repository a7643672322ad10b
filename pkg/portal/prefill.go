package portal

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/acro"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace/volume"
)

// requestFile is the file of an outbox that says how its files are to be
// submitted: the groups with their context, as the API takes them.
const requestFile = "request.json"

// maxRequestFile bounds it, in bytes.
const maxRequestFile = 256 << 10

// mostSubmitted is how many files a request may hold.
const mostSubmitted = 25

// prepared is what an outbox says of itself: its own request file, or else the
// results of ACRO, or else the specifications beside its outputs. from names
// where it comes from; nil groups: nothing says anything. It is the user's own
// text, shown to nobody else, and nothing is submitted that the user has not
// pressed for.
func (p *Portal) prepared(c *Call, ws string, files []volume.Entry) (groups []GroupIn, from string, err error) {
	if p.cfg.Rooms.Outputs == nil {
		return nil, "", nil
	}
	read := func(name string, most int64) ([]byte, error) {
		at := slices.IndexFunc(files, func(f volume.Entry) bool { return f.Name == name && f.Refused == "" })
		if at < 0 {
			return nil, nil
		}
		bad := ark.Faultf(ark.Invalid, "the file %s in the outbox cannot be read", path.Base(name)).Do("mend it, or take it away and fill in the form")
		if files[at].Size > most {
			return nil, bad
		}
		return p.cfg.Rooms.Outputs.Look(c.Ctx(), ws, name, most)
	}
	data, err := read(requestFile, maxRequestFile)
	if err != nil {
		return nil, requestFile, err
	}
	if data != nil {
		groups, err = requestGroups(data)
		return groups, requestFile, err
	}
	for _, f := range files {
		if path.Base(f.Name) != acro.ResultsName {
			continue
		}
		if data, err = read(f.Name, acro.MaxBytes); err != nil || data == nil {
			return nil, acro.ResultsName, err
		}
		if r, err := acro.Parse(data); err == nil {
			return acroGroups(r, path.Dir(f.Name), files), "ACRO’s " + acro.ResultsName, nil
		}
	}
	for _, f := range files {
		output, ok := strings.CutSuffix(f.Name, airlock.SpecSuffix)
		if !ok || len(groups) == maxGroups || !there(files, output) {
			continue
		}
		if data, err = read(f.Name, maxRequestFile); err != nil {
			return nil, "the specifications", err
		}
		if g, ok := specGroup(data, output, f.Name); ok {
			groups = append(groups, g)
		}
	}
	return groups, "the specifications", nil
}

// given are the groups of a submission through the API: those that it holds, or
// those that the outbox itself says.
func (p *Portal) given(c *Call, ws string, in *SubmissionIn) ([]GroupIn, error) {
	if !in.Body.Prepared {
		return in.groups(), nil
	}
	if err := p.cfg.Store.Check(c.Ctx(), c.Actor, "request.submit", store.Resource{Type: "Workspace", ID: ws}); err != nil {
		return nil, err // before bytes are moved
	}
	files, err := p.outbox(c, ws)
	if err != nil {
		return nil, err
	}
	groups, _, err := p.prepared(c, ws, files)
	if err == nil && len(groups) == 0 {
		err = ark.Faultf(ark.Invalid, "the outbox does not say how its files are to be submitted").Do("put a file request.json into it, or give groups and files")
	}
	return groups, err
}

func there(files []volume.Entry, name string) bool {
	return slices.ContainsFunc(files, func(f volume.Entry) bool { return f.Name == name && f.Refused == "" })
}

func requestGroups(data []byte) ([]GroupIn, error) {
	var body struct {
		Groups []GroupIn `json:"groups"`
	}
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil || len(body.Groups) == 0 || len(body.Groups) > maxGroups {
		return nil, ark.Faultf(ark.Invalid, "the file %s in the outbox cannot be read", requestFile).Do("mend it, or take it away and fill in the form").Because(err)
	}
	return body.Groups, nil
}

// acroGroups makes a group of each of ACRO's outputs, or one of all where there
// are too many. Who is in them only the author knows.
func acroGroups(r *acro.Results, dir string, files []volume.Entry) []GroupIn {
	at := func(name string) string { return strings.TrimPrefix(path.Join(dir, name), "./") }
	var out []GroupIn
	supporting := []string{at(acro.ResultsName)}
	for _, o := range r.Outputs {
		var names, sums []string
		for _, f := range o.Files {
			if there(files, at(f)) {
				names = append(names, at(f))
			}
			if sum := at("checksums/" + f + ".txt"); there(files, sum) {
				sums = append(sums, sum)
			}
		}
		if len(names) == 0 {
			continue
		}
		if strings.Contains(o.Name, "DONT_RELEASE") {
			supporting = append(supporting, names...)
			continue
		}
		c := o.Claim
		g := GroupIn{Output: names, Supporting: sums, Group: airlock.Group{Name: o.Name, Kind: acroKind(c.Type),
			Context:  strings.TrimSpace(strings.Join(c.Comments, "\n") + "\nMade with ACRO " + c.Version + ": " + c.Command),
			Controls: strings.TrimSpace("ACRO says " + c.Status + ". " + c.Summary)}}
		if c.Exception != "" {
			g.Controls += "\nException asked for: " + c.Exception
		}
		out = append(out, g)
	}
	if len(out) > maxGroups {
		all := GroupIn{Group: airlock.Group{Name: "outputs of ACRO", Kind: "table", Context: "Made with ACRO " + r.Version + "; what each is stands in its results.", Controls: "What ACRO says of each stands in its results."}}
		for _, g := range out {
			all.Output, all.Supporting = append(all.Output, g.Output...), append(all.Supporting, g.Supporting...)
		}
		out = []GroupIn{all}
	}
	n := len(supporting)
	for _, g := range out {
		n += len(g.Output) + len(g.Supporting)
	}
	for i := range out {
		if n > mostSubmitted {
			out[i].Supporting = nil // checksums are worth less than outputs
		}
	}
	if len(out) > 0 {
		out[0].Supporting = append(supporting, out[0].Supporting...)
	}
	return out
}

func acroKind(t string) string {
	switch t {
	case "regression":
		return "model"
	case "histogram", "pie chart", "survival plot":
		return "figure"
	case "table":
		return "table"
	}
	return "text"
}

// specGroup makes a group of an output and its specification: what it is, of
// whom and what was rounded stand in the specification.
func specGroup(data []byte, output, spec string) (GroupIn, bool) {
	var s struct {
		Data  string `json:"data"`
		Query string `json:"query"`
		Of    string `json:"of"`
		disclosure.Spec
	}
	if json.Unmarshal(data, &s) != nil || s.Kind == "" {
		return GroupIn{}, false
	}
	g := GroupIn{Output: []string{output}, Supporting: []string{spec}, Group: airlock.Group{Name: strings.TrimSuffix(path.Base(output), path.Ext(output)), Kind: "table"}}
	from := ""
	switch {
	case s.Data != "":
		from = " from " + s.Data
	case s.Query != "":
		from = " from a query over the extract"
	}
	switch s.Kind {
	case "linear", "logistic", "poisson", "cox", "regression":
		outcome := s.Outcome
		if outcome == "" {
			outcome = s.Event
		}
		g.Kind = "model"
		g.Context = fmt.Sprintf("A %s model of %s on %s%s.", s.Kind, outcome, strings.Join(s.Predictors, ", "), from)
	case "histogram", "survival", "figure":
		g.Kind = "figure"
		g.Context = fmt.Sprintf("A %s%s.", s.Kind, from)
		if s.Of != "" {
			g.Context = "A figure of the table " + s.Of + "."
		}
	default:
		by := append(slices.Clone(s.Rows), s.Cols...)
		what := "Counts"
		if s.Values != nil && *s.Values != "" {
			what = "Figures of " + *s.Values
			if s.AggFunc != nil && *s.AggFunc != "" {
				what = capital(*s.AggFunc) + " of " + *s.Values
			}
		}
		g.Context = fmt.Sprintf("%s by %s%s.", what, strings.Join(by, ", "), from)
	}
	g.Population = "Everybody in the extract"
	if s.Filter != "" {
		g.Population = "Those in the extract with " + s.Filter
	}
	if s.Rounding != nil {
		g.Controls = fmt.Sprintf("Counts are rounded to %d.", s.Rounding.Base)
	}
	return g, true
}
