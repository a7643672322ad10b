package rederive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/differencing"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Output is one table with what is known of how it was made.
type Output struct {
	Name        string
	Data        []byte                // nil: the table as the specification gives it
	Micro       *disclosure.Microdata // nil: no specification
	Pseudonym   func(string) bool
	Populations map[string]int64    // published, by area in lower case
	Attacker    disclosure.Attacker // nil: withheld counts are narrowed by bounds and elimination alone
	Spec        *Spec               // nil: no specification, or one of a table alone
	Linked      string              // the linkage that told the people of the microdata apart
}

func (o Output) file() *disclosure.File {
	if o.Data == nil {
		return nil
	}
	return &disclosure.File{Name: o.Name, Reader: bytes.NewReader(o.Data), Pseudonym: o.Pseudonym, Attacker: o.Attacker, Populations: o.Populations}
}

// spec is the specification, however it was given.
func (o Output) spec() Spec {
	if o.Spec != nil {
		return *o.Spec
	}
	return Spec{Spec: o.Micro.Spec}
}

// withUnit takes the profile's unit column where none was named.
func (o Output) withUnit(p policy.Profile) Output {
	if o.Micro.Unit == "" && o.Micro.Frame.Has(p.Counts.UnitColumn) {
		m := *o.Micro
		m.Unit, o.Micro = p.Counts.UnitColumn, &m
	}
	return o
}

// Judge judges an output alone.
func Judge(ctx context.Context, p policy.Profile, o Output) (disclosure.Verdict, []disclosure.Finding, error) {
	if o.Micro == nil {
		return disclosure.CheckTable(ctx, p, *o.file())
	}
	if o.Spec != nil && o.Spec.IsModel() {
		return judgeModel(ctx, p, o.withUnit(p))
	}
	return disclosure.CheckMicrodata(ctx, p, *o.Micro, o.file())
}

// Contents is an output as a history keeps it: figures with sets where there
// is a specification, else figures by their labels.
func Contents(p policy.Profile, o Output, numbers Numbers) (differencing.Release, bool, error) {
	r := differencing.Release{Linked: o.Linked}
	tied := false
	if o.Micro != nil {
		var err error
		if o.spec().Kind != disclosure.KindCrosstab {
			r.Figures, tied, err = whole(o.withUnit(p), numbers)
			return r, tied, err
		}
		if r.Figures, tied, err = Release(p, *o.Micro, o.file(), numbers, o.Name); err != nil {
			return r, false, err
		}
	}
	if f := o.file(); f != nil {
		ls, err := disclosure.ReadLabelled(p, *f)
		if err != nil {
			return r, false, err
		}
		for _, l := range ls {
			r.Plain = append(r.Plain, differencing.Plain{Labels: l.Labels, Withheld: l.Withheld, Value: l.Value, Half: l.Half, Whole: l.Whole})
		}
	}
	return r, tied, nil
}

// Beside judges an output beside a history; what it finds is for checkers.
func Beside(ctx context.Context, p policy.Profile, o Output, h *differencing.History, numbers Numbers) ([]disclosure.Finding, *differencing.Report, error) {
	c, tied, err := Contents(p, o, numbers)
	if err != nil {
		return nil, nil, err
	}
	return beside(ctx, p, o, c, tied, h)
}

// BesideBoth judges an output beside a history and beside the other files of
// its request, to which it adds it: Beside and BesideFiles, of contents that are
// computed once. Without microdata it is no file that others are held against.
func BesideBoth(ctx context.Context, p policy.Profile, o Output, past, files *differencing.History, numbers Numbers) (fromPast, fromFiles []disclosure.Finding, err error) {
	c, tied, err := Contents(p, o, numbers)
	if err != nil {
		return nil, nil, err
	}
	if fromPast, _, err = beside(ctx, p, o, c, tied, past); err != nil || o.Micro == nil {
		return fromPast, nil, err
	}
	fromFiles, err = besideFiles(ctx, p, o, c, files)
	return fromPast, fromFiles, err
}

func beside(ctx context.Context, p policy.Profile, o Output, c differencing.Release, tied bool, h *differencing.History) ([]disclosure.Finding, *differencing.Report, error) {
	stranger := h.Strangers(c)
	rep, err := h.Compare(ctx, c, Least(p), differencing.DefaultWork())
	if err != nil {
		return nil, nil, err
	}
	var out []disclosure.Finding
	for _, x := range rep.Conflicts {
		out = append(out, finding(o.Name, c, x))
	}
	if rep.Left > 0 || rep.Cut {
		out = append(out, disclosure.Finding{Rule: "release-unsearched", Severity: disclosure.SevReview, File: o.Name, Says: "more figures about these people have left than can be searched together",
			Evidence: map[string]string{"searched": strconv.Itoa(rep.Compared), "left out": strconv.Itoa(rep.Left)}, Repair: "none is needed: a checker looks at it"})
	}
	if why := unspecified(o, h, tied, stranger); why != "" {
		out = append(out, disclosure.Finding{Rule: "release-unspecified", Severity: disclosure.SevReview, File: o.Name, Says: why,
			Evidence: map[string]string{}, Repair: "write the table with ark table, or give its specification: then it is computed again, compared with every earlier release by the people behind it, and can pass by itself"})
	}
	disclosure.Sort(out)
	return out, rep, nil
}

// SameRequest is the release that the other files of a request are taken for.
const SameRequest = "of the same request"

// BesideFiles judges an output beside the other files of its request, which
// are in h already, and adds it to them. An author may know all of that.
func BesideFiles(ctx context.Context, p policy.Profile, o Output, h *differencing.History, numbers Numbers) ([]disclosure.Finding, error) {
	c, _, err := Contents(p, o, numbers)
	if err != nil {
		return nil, err
	}
	return besideFiles(ctx, p, o, c, h)
}

func besideFiles(ctx context.Context, p policy.Profile, o Output, c differencing.Release, h *differencing.History) ([]disclosure.Finding, error) {
	rep, err := h.Compare(ctx, c, Least(p), differencing.DefaultWork())
	if err != nil {
		return nil, err
	}
	var out []disclosure.Finding
	for _, x := range rep.Conflicts {
		f := finding(o.Name, c, x)
		f.Says, f.Evidence["within"] = saysSame, "this request"
		if f.Rule == "release-difference" || f.Rule == "release-nested" {
			out = append(out, f)
		}
	}
	c.ID, c.Plain = SameRequest, nil
	if len(c.Figures) == 0 {
		return out, nil
	}
	b, err := c.Marshal()
	if err != nil {
		return nil, err
	}
	return out, h.Load(b)
}

// Least is the smallest number of people that two releases may differ by.
func Least(p policy.Profile) int64 {
	if p.Counts.Differencing > 0 {
		return p.Counts.Differencing
	}
	return p.Counts.Least()
}

func unspecified(o Output, h *differencing.History, tied, stranger bool) string {
	switch {
	case o.Micro == nil:
		return "there is no specification of how this was made, so that it could be judged only by what it shows"
	case !tied && stranger && h.Figures() > 0:
		return "the microdata does not tell people apart, and none of its records is known from earlier releases"
	}
	return ""
}

// The repairs of conflicts. An author is told nothing else.
const (
	repairDifference = "round the counts, combine categories until groups differ by more people, or use the earlier cohort unchanged"
	repairNested     = "use the earlier cohort unchanged, or one that differs by more people"
	repairNoise      = "show the figure as it was shown before"
	repairSimilar    = "give a specification, or say how it relates to the earlier table"
)

// says is all that an author may be told, but of files of one request.
const (
	says     = "conflicts with an earlier release"
	saysSame = "with another file of this request, figures add up and subtract to a few people"
)

func finding(file string, c differencing.Release, x differencing.Conflict) disclosure.Finding {
	f := disclosure.Finding{Severity: disclosure.SevFail, File: file, Says: says, Evidence: map[string]string{"combination": combination(x)}}
	if x.People > 0 {
		f.Evidence["people"] = strconv.Itoa(x.People)
	}
	if x.Figure < len(c.Figures) && x.Kind != differencing.Similar {
		g := c.Figures[x.Figure]
		f.Where.Cell = &disclosure.CellRef{Row: append([]string{}, g.Row...), Col: append([]string{}, g.Col...)}
	}
	switch x.Kind {
	case differencing.Difference:
		f.Rule, f.Repair = "release-difference", repairDifference
		if x.Hi > x.Lo {
			f.Evidence["between"] = number(x.Lo) + " and " + number(x.Hi)
		}
	case differencing.Nested:
		f.Rule, f.Repair = "release-nested", repairNested
		if s := x.Terms[0].Statistic; s == "median" || s == "mode" || s == "quantile" {
			f.Severity = disclosure.SevReview
		}
	case differencing.Relinked:
		f.Rule, f.Repair, f.Severity = "release-unsearched", "none is needed: a checker looks at it", disclosure.SevReview
		f.Says = "an earlier figure is of nearly the same people, and linkage has joined or parted people since: how many tell them apart can't be said"
	case differencing.Noise:
		f.Rule, f.Repair = "release-noise", repairNoise
	default:
		f.Rule, f.Repair, f.Severity = "release-similar", repairSimilar, disclosure.SevReview
	}
	return f
}

func number(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return strconv.FormatInt(int64(x), 10)
	}
	return strconv.FormatFloat(x, 'g', 8, 64)
}

// maxTerms bounds how many figures of a combination are written out.
const maxTerms = 12

// combination writes a conflict as a sum that a checker can do by hand.
func combination(x differencing.Conflict) string {
	var parts []string
	for i, t := range x.Terms {
		if i == maxTerms {
			parts = append(parts, fmt.Sprintf("and %d more", len(x.Terms)-maxTerms))
			break
		}
		sign := "+"
		if t.Times < 0 {
			sign = "−"
		}
		times := ""
		if n := math.Abs(t.Times); math.Abs(n-1) > 1e-6 {
			times = strconv.FormatFloat(n, 'g', 4, 64) + " × "
		}
		from := "this table"
		if t.Release != "" {
			from = "release " + t.Release
			switch {
			case t.Release == SameRequest:
				from = "another file of this request"
			case strings.HasPrefix(t.Release, string(ark.PrefixPublished)+"_"):
				from = "published table " + t.Release
			}
		}
		what := t.Statistic
		if t.Of != "" {
			what += " of " + t.Of
		}
		if labels := strings.Join(append(append([]string{}, t.Row...), t.Col...), " / "); labels != "" {
			what += " at " + labels
		}
		parts = append(parts, fmt.Sprintf("%s %s%s (%s, %s)", sign, times, number(t.Printed), what, from))
	}
	return strings.Join(parts, " ")
}

// ReadMicrodata reads microdata for a specification.
func ReadMicrodata(ctx context.Context, r io.ReaderAt, size int64, spec disclosure.Spec, unit string) (*disclosure.Microdata, error) {
	f, err := disclosure.ReadFrame(ctx, r, size)
	if err != nil {
		return nil, err
	}
	if unit != "" && !f.Has(unit) {
		return nil, ark.Faultf(ark.Invalid, "the microdata has no column %q to tell units apart", unit)
	}
	return &disclosure.Microdata{Frame: f, Spec: spec, Unit: unit}, nil
}
