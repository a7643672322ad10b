package worker

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/differencing"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/policies/disclosure"
)

// ContributorsKey seals the sets of who stands behind released figures.
const ContributorsKey = keys.Name("contributors/sets")

// again computes outputs again from the pinned extract and judges them beside
// everything that left.
type again struct {
	b        Bench
	profile  disclosure.Profile
	behind   airlock.Behind
	attacker disclose.Attacker
	frames   map[string]*disclose.Frame
	persons  map[string]uint64 // the extract's name of a person → the sidecar's number
	same     differencing.Same // nil: not read yet, or nobody goes by several numbers
	history  *differencing.History
	files    *differencing.History // of this request, judged so far
	dir      string
}

func (b Bench) again(profile disclosure.Profile, behind airlock.Behind) *again {
	return &again{b: b, profile: profile, behind: behind, frames: map[string]*disclose.Frame{}, persons: map[string]uint64{}, files: differencing.New()}
}

// close removes what was written for the engine.
func (a *again) close() {
	if a.dir != "" {
		_ = os.RemoveAll(a.dir)
	}
	a.files.Close()
	if a.history != nil {
		a.history.Close()
	}
}

// table reads one table of the extract and learns who stands behind its rows.
func (a *again) table(ctx context.Context, name string) (*disclose.Frame, error) {
	if f, ok := a.frames[name]; ok {
		return f, nil
	}
	at := slices.IndexFunc(a.behind.Data.Tables, func(t airlock.DataTable) bool { return t.Name == name })
	if at < 0 {
		return nil, ark.Faultf(ark.Invalid, "the extract has no table of that name").Do("name a table as it is called in the workspace")
	}
	data, err := a.b.Objects.Get(ctx, a.behind.Data.Tables[at].Ref)
	if err != nil {
		return nil, err
	}
	f, err := disclose.ReadFrame(ctx, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	if err := a.learn(ctx, behind(f), map[string][]byte{name: data}); err != nil {
		return nil, err
	}
	a.frames[name] = f
	return f, nil
}

// person is the column that tells people apart in every table of an extract.
const person = "person"

// records are the records that a specification is about.
func (a *again) records(ctx context.Context, s rederive.Spec) (*disclose.Frame, error) {
	if s.Query == "" {
		name := s.Data
		if name == "" && len(a.behind.Data.Tables) == 1 {
			name = a.behind.Data.Tables[0].Name
		}
		return a.table(ctx, name)
	}
	tables, held, err := a.asked(ctx, s.Query)
	if err != nil {
		return nil, err
	}
	got, err := a.b.Engine.Query(ctx, a.dir, tables, s.Query)
	if err != nil {
		return nil, err
	}
	if got.Truncated {
		return nil, ark.Faultf(ark.TooMuch, "the specification's query gives more records than the airlock computes with").Do("narrow the query, or use data and filter")
	}
	var names []string
	types := map[string]cell.Type{}
	for _, c := range got.Columns {
		names, types[c.Name] = append(names, c.Name), c.Type
	}
	if types[person] == "" {
		return nil, ark.Faultf(ark.Invalid, "the specification's query drops the column person").Do("keep it, so that people can be counted")
	}
	f := disclose.NewFrame(names, types, got.Rows)
	if err := a.learn(ctx, behind(f), held); err != nil {
		return nil, err
	}
	return f, nil
}

// asked writes for the engine the tables that a query reads: those whose name
// is in its text. A query that builds a name finds no table.
func (a *again) asked(ctx context.Context, query string) (tables engine.Tables, held map[string][]byte, err error) {
	if a.dir == "" {
		if a.dir, err = os.MkdirTemp(a.b.Tmp, "again-"); err != nil {
			return nil, nil, err
		}
	}
	tables, held = engine.Tables{}, map[string][]byte{}
	for _, t := range a.behind.Data.Tables {
		if !strings.Contains(strings.ToLower(query), strings.ToLower(t.Name)) {
			continue
		}
		file := t.Name + ".parquet"
		tables[t.Name] = file
		data, err := os.ReadFile(filepath.Join(a.dir, file))
		if errors.Is(err, fs.ErrNotExist) {
			if data, err = a.b.Objects.Get(ctx, t.Ref); err == nil {
				err = os.WriteFile(filepath.Join(a.dir, file), data, 0o600)
			}
		}
		if err != nil {
			return nil, nil, err
		}
		held[t.Name] = data
	}
	return tables, held, nil
}

// number gives the sidecar's number of a person of the extract. A person who
// is not in it gets none, and the caller an error afterwards.
func (a *again) number(lost *bool) rederive.Numbers {
	return func(name string) uint64 {
		n, ok := a.persons[strings.TrimPrefix(name, "unit\x1f")]
		if !ok {
			*lost = true
		}
		return n
	}
}

// output ties a table to its specification, if it has one. says tells
// an author what is wrong with it.
func (a *again) output(ctx context.Context, t table) (o rederive.Output, says *ark.Fault, err error) {
	o = rederive.Output{Name: t.name, Data: t.data, Attacker: a.attacker, Linked: a.behind.Data.Linked}
	at := slices.IndexFunc(a.behind.Specs, func(s airlock.CheckOf) bool { return s.Name == t.spec })
	if at < 0 || len(a.behind.Data.Tables) == 0 {
		return o, nil, nil
	}
	raw, err := a.b.Objects.Get(ctx, a.behind.Specs[at].Ref)
	if err != nil {
		return o, nil, err
	}
	spec, err := rederive.Read(bytes.NewReader(raw))
	if err != nil {
		return o, fault(err), nil
	}
	if spec.Kind == "figure" {
		return o, nil, nil // judged by the table behind it, and looked at
	}
	frame, err := a.records(ctx, spec)
	switch ark.KindOf(err) {
	case ark.Invalid, ark.TooMuch:
		return o, fault(err), nil
	}
	if err != nil {
		return o, nil, err
	}
	o.Spec, o.Micro = &spec, &disclose.Microdata{Frame: frame, Spec: spec.Table(), Unit: person}
	return o, nil, nil
}

// fault is what a user may know of an error.
func fault(err error) *ark.Fault {
	var f *ark.Fault
	if !errors.As(err, &f) {
		f = ark.Faultf(ark.Internal, "something went wrong")
	}
	return &ark.Fault{Kind: f.Kind, Says: f.Public()}
}

// given is the name under which a file was submitted.
func given(f airlock.CheckOf) string {
	if f.Submitted.Name != "" {
		return f.Submitted.Name
	}
	return f.Name
}

// judge judges a file's tables that inspection found worth more than a look.
func (a *again) judge(ctx context.Context, l leaving, found []disclose.Finding) ([]disclose.Finding, error) {
	for _, t := range l.tables {
		more, guessed, err := a.judgeTable(ctx, t)
		if err != nil {
			return nil, err
		}
		if !guessed {
			found = slices.DeleteFunc(found, func(x disclose.Finding) bool {
				return disclose.Guessed(x.Rule) && (t.at == nil || x.Where.Sheet == t.at.Sheet)
			})
		}
		for _, x := range t.place(l.file, more) {
			if !slices.ContainsFunc(found, func(y disclose.Finding) bool { return same(x, y) }) {
				found = append(found, x)
			}
		}
	}
	disclose.Sort(found)
	return found, nil
}

// same reports whether two findings say one thing of one place.
func same(x, y disclose.Finding) bool {
	return x.Rule == y.Rule && x.Where.Sheet == y.Where.Sheet && x.Where.Ref == y.Where.Ref && x.Where.Line == y.Where.Line && x.Where.Cell == nil && !airlock.BesideRule(x.Rule)
}

// judgeTable judges one table. guessed says that nothing but what it shows was
// there to judge it by.
func (a *again) judgeTable(ctx context.Context, t table) (found []disclose.Finding, guessed bool, err error) {
	o, wrong, err := a.output(ctx, t)
	if err != nil {
		return nil, true, err
	}
	if wrong != nil {
		return []disclose.Finding{{Rule: "release-unspecified", Severity: disclose.SevReview, File: t.name, Says: "its specification could not be used: " + wrong.Says,
			Evidence: map[string]string{}, Repair: "correct the specification"}}, true, nil
	}
	if o.Micro != nil {
		_, found, err = rederive.Judge(ctx, a.profile, o)
		if ark.KindOf(err) == ark.Invalid {
			return []disclose.Finding{{Rule: "table-not-reproducible", Severity: disclose.SevFail, File: t.name, Says: "the specification does not fit the extract: " + fault(err).Says,
				Evidence: map[string]string{}, Repair: "correct the specification"}}, false, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	if err := a.remember(ctx); err != nil {
		return nil, false, err
	}
	lost := false
	beside, within, err := rederive.BesideBoth(ctx, a.profile, o, a.history, a.files, a.number(&lost))
	if err != nil {
		return nil, false, err
	}
	if lost {
		return nil, false, ark.Faultf(ark.Internal, "a person of the extract is not in its sidecar")
	}
	return slices.Concat(found, beside, within), o.Micro == nil, nil
}

// remember reads what left before, once.
func (a *again) remember(ctx context.Context) error {
	if a.history != nil {
		return nil
	}
	same, err := a.aliases(ctx)
	if err != nil {
		return err
	}
	h, err := a.kept(ctx, same)
	if err != nil {
		return err
	}
	if more := h.Lacking(); len(more) > 0 { // another project's extract is newer
		if h, err = a.kept(ctx, same.With(more)); err != nil {
			return err
		}
	}
	h.Relinked = a.behind.Data.Relinked
	a.history = h
	return nil
}

// kept reads what left before, where people go by several numbers.
func (a *again) kept(ctx context.Context, same differencing.Same) (*differencing.History, error) {
	h := differencing.NewSame(same)
	for _, ref := range a.behind.History {
		sets, err := a.b.Objects.Get(ctx, ref)
		if err != nil {
			return nil, err
		}
		if err := h.Load(sets); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// sets are who stands behind the figures of a release, as a history keeps them.
func (a *again) sets(ctx context.Context, job airlock.ReleaseJob, left []leaving) ([]byte, error) {
	same, err := a.aliases(ctx)
	if err != nil {
		return nil, err
	}
	all := differencing.Release{ID: job.Release, Project: job.Project, Linked: a.behind.Data.Linked, Same: same}
	var tables []table
	for _, l := range left {
		tables = append(tables, l.tables...)
	}
	for _, t := range tables {
		o, wrong, err := a.output(ctx, t)
		if err != nil {
			return nil, err
		}
		if wrong != nil {
			o.Micro = nil
		}
		lost := false
		one, _, err := rederive.Contents(a.profile, o, a.number(&lost))
		if err != nil {
			return nil, err
		}
		if lost {
			return nil, ark.Faultf(ark.Internal, "a person of the extract is not in its sidecar")
		}
		if all.Figures = append(all.Figures, one.Figures...); len(one.Figures) == 0 {
			all.Plain = append(all.Plain, one.Plain...)
		}
	}
	return all.Marshal()
}
