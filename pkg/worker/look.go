package worker

import (
	"bytes"
	"context"
	"slices"
	"strings"

	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/policies/disclosure"
)

// looking looks at files under a profile: what hides in them in ark-inspect,
// and then what their tables disclose.
type looking struct {
	*inspect.Session
	profile disclosure.Profile
}

func (b Bench) look(ctx context.Context, p disclosure.Profile) (*looking, error) {
	s, err := b.Inspect.Start(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &looking{s, p}, nil
}

// file looks at one file. Its tables are judged by the disclosure rules unless
// it is too large for them: then it has failed already.
func (l *looking) file(ctx context.Context, name string, data []byte) (inspect.Result, error) {
	r, err := l.Look(ctx, inspect.Item{Name: name, Data: data, Allowed: l.profile.Files, MaxRows: l.profile.MaxRows, Tables: true})
	if err != nil || slices.ContainsFunc(r.Findings, func(f disclose.Finding) bool {
		return slices.Contains([]string{"table-too-long", "table-unreadable", "file-type-mismatch", "file-too-large"}, f.Rule) && f.Severity == disclose.SevFail
	}) {
		return r, err
	}
	file := disclose.File{Name: name, Reader: bytes.NewReader(data), Pseudonym: pseudonym.IsPseudonym}
	var more []disclose.Finding
	switch {
	case strings.HasPrefix(r.Type, "text/csv") || strings.HasPrefix(r.Type, "text/tab-separated"):
		_, more, err = disclose.CheckTable(ctx, l.profile, file)
	case r.Sheets != nil:
		var sheets []disclose.Sheet
		if sheets, err = disclose.ReadSheets(bytes.NewReader(r.Sheets)); err == nil {
			_, more, err = disclose.CheckSheets(ctx, l.profile, file, sheets)
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
func (l *looking) together(ctx context.Context, names []string, data [][]byte) ([][]disclose.Finding, error) {
	var files []disclose.File
	for i, n := range names {
		files = append(files, disclose.File{Name: n, Reader: bytes.NewReader(data[i]), Pseudonym: pseudonym.IsPseudonym})
	}
	return disclose.Together(ctx, l.profile, files)
}
