package worker

import (
	"bytes"
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/protect"
	"github.com/ark-tre/ark/airlock/suppress/highs"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/policies/disclosure"
)

// looking looks at files under a profile: what hides in them in ark-inspect,
// and then what their tables disclose.
type looking struct {
	*inspect.Session
	profile  disclosure.Profile
	known    inspect.Known
	records  int // of the extract's longest table; 0: not known
	attacker *protect.Attacker
	among    func(ctx context.Context, numbers [][]float32) (int, error) // records of the extract
}

// attackWork bounds how far each set of linked tables is attacked: some
// seconds. What it is not enough for is for review.
const attackWork = 400_000_000

// attacker attacks withheld counts with a solver that starts when a table
// needs it; its compiled form is kept in the role's own folder.
func (b Bench) attacker() *protect.Attacker {
	return protect.NewAttacker(func(ctx context.Context) (*highs.Solver, error) {
		dir := filepath.Join(b.Tmp, "highs")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, ark.Faultf(ark.Internal, "the solver's folder could not be made").Because(err)
		}
		return highs.New(ctx, highs.Options{CacheDir: dir})
	}).Within(attackWork)
}

// asTable is a file as the disclosure rules take it.
func (l *looking) asTable(name string, data []byte) disclose.File {
	return disclose.File{Name: name, Reader: bytes.NewReader(data), Pseudonym: pseudonym.IsPseudonym, Attacker: l.attacker}
}

// look starts looking, with the pseudonyms of the pinned extract as known values.
func (b Bench) look(ctx context.Context, p disclosure.Profile, data airlock.Data) (*looking, error) {
	known, records, err := b.pseudonyms(ctx, data)
	if err != nil {
		return nil, err
	}
	s, err := b.Inspect.Start(ctx, known)
	if err != nil {
		if known != nil {
			_ = known.Close() // a nameless file: nothing to lose
		}
		return nil, err
	}
	return &looking{Session: s, profile: p, known: known, records: records, attacker: b.attacker(),
		among: func(ctx context.Context, numbers [][]float32) (int, error) { return b.recordsAmong(ctx, data, numbers) }}, nil
}

// Close ends the session and the solver and lets the known values go.
func (l *looking) Close() {
	l.attacker.Close()
	l.Session.Close()
	if l.known != nil {
		_ = l.known.Close() // a nameless file: nothing to lose
	}
}

// inspect has ark-inspect look at bytes.
func (l *looking) inspect(ctx context.Context, f airlock.CheckOf, data []byte) (inspect.Result, error) {
	may := l.profile.Files
	if f.Submitted.Name != "" && len(may) > 0 { // what was submitted may leave, so what was made of it may
		may = append(slices.Clone(may), strings.ToLower(strings.TrimPrefix(path.Ext(f.Name), ".")))
	}
	return l.Look(ctx, inspect.Item{Name: f.Name, Data: data, Allowed: may, MaxRows: l.profile.MaxRows, Records: l.records, Anyway: true, Tables: true})
}

// file looks at one file as it is.
func (l *looking) file(ctx context.Context, f airlock.CheckOf, data []byte) (inspect.Result, error) {
	r, err := l.inspect(ctx, f, data)
	if err != nil {
		return r, err
	}
	if f.Kind != airlock.KindSupporting && r.Rebuilt == nil && r.Verdict != disclose.Fail {
		r.Findings = append(r.Findings, inspect.NotRebuilt(f.Name))
	}
	return l.discloses(ctx, f, data, r)
}

// clean looks at a file that wants to leave and at the clean file made of it,
// which is what leaves: what is found of the clean bytes counts, and what was
// found of the submitted ones besides. The file comes back with its bytes;
// Submitted is set where they are not those submitted. beside are the files of
// the request, whose names it must not take.
func (l *looking) clean(ctx context.Context, f airlock.CheckOf, data []byte, beside []airlock.CheckOf) (inspect.Result, airlock.CheckOf, []byte, error) {
	r, err := l.inspect(ctx, f, data)
	if err != nil || r.Rebuilt == nil || r.Ending == "" && bytes.Equal(r.Rebuilt, data) {
		if err == nil && r.Rebuilt == nil && r.Verdict != disclose.Fail {
			r.Findings = append(r.Findings, inspect.NotRebuilt(f.Name))
		}
		if err == nil {
			r, err = l.discloses(ctx, f, data, r)
		}
		return r, f, data, err
	}
	f.Submitted = airlock.Submitted{Name: f.Name, Ref: f.Ref}
	if r.Ending != "" && !strings.EqualFold(path.Ext(f.Name), "."+r.Ending) {
		name := strings.TrimSuffix(f.Name, path.Ext(f.Name)) + "." + r.Ending
		if slices.ContainsFunc(beside, func(o airlock.CheckOf) bool { return o.Name == name }) {
			name = f.Name + "." + r.Ending
		}
		f.Name = name
	}
	data = r.Rebuilt
	again, err := l.inspect(ctx, f, data)
	if err != nil {
		return r, f, data, err
	}
	for _, x := range r.Findings {
		if !slices.ContainsFunc(again.Findings, func(y disclose.Finding) bool { return x.Rule == y.Rule && x.Severity == y.Severity }) {
			again.Findings = append(again.Findings, x)
		}
	}
	again, err = l.discloses(ctx, f, data, again)
	return again, f, data, err
}

// discloses adds what the tables of an inspected file disclose. They are
// judged unless the file is too large for that: then it has failed already.
func (l *looking) discloses(ctx context.Context, f airlock.CheckOf, data []byte, r inspect.Result) (inspect.Result, error) {
	var err error
	var more []disclose.Finding
	if !slices.ContainsFunc(r.Findings, func(f disclose.Finding) bool {
		return slices.Contains([]string{"table-too-long", "table-unreadable", "file-type-mismatch", "file-too-large"}, f.Rule) && f.Severity == disclose.SevFail
	}) {
		file := l.asTable(f.Name, data)
		switch {
		case strings.HasPrefix(r.Type, "text/csv") || strings.HasPrefix(r.Type, "text/tab-separated"):
			_, more, err = disclose.CheckTable(ctx, l.profile, file)
		case r.Sheets != nil:
			var sheets []disclose.Sheet
			if sheets, err = disclose.ReadSheets(bytes.NewReader(r.Sheets)); err == nil {
				_, more, err = disclose.CheckSheets(ctx, l.profile, file, sheets)
			}
		}
	}
	if err == nil && len(r.Numbers) > 0 {
		var n int
		if n, err = l.among(ctx, r.Numbers); n > 0 {
			more = append(more, inspect.HoldsRecords(f.Name, n))
		}
	}
	if err != nil {
		return r, err
	}
	r.Findings = append(r.Findings, more...)
	disclose.Sort(r.Findings)
	r.Verdict = disclose.Judge(r.Findings)
	return r, nil
}

// together judges the tables that want to leave beside one another: what none
// gives away alone. The findings are given per file.
func (l *looking) together(ctx context.Context, all []leaving) ([][]disclose.Finding, error) {
	var files []disclose.File
	for _, f := range all {
		for _, t := range f.tables {
			files = append(files, l.asTable(t.name, t.data))
		}
	}
	joint, err := disclose.Together(ctx, l.profile, files)
	if err != nil {
		return nil, err
	}
	out := make([][]disclose.Finding, len(all))
	n := 0
	for i, f := range all {
		for _, t := range f.tables {
			out[i] = append(out[i], t.place(f.file, joint[n])...)
			n++
		}
	}
	return out, nil
}
