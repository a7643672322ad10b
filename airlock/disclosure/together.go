package disclosure

import (
	"context"
	"strconv"

	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Together finds what the tables of one request give away only together: counts
// withheld in one that follow from all of them, and shares whose base another
// states. Each table has been judged by itself; files that are no tables are
// passed over. The findings are given per file.
func Together(ctx context.Context, p policy.Profile, files []File) ([][]Finding, error) {
	if err := p.Check(); err != nil && len(p.Parts()) == 1 {
		return nil, err
	}
	out := make([][]Finding, len(files))
	var views []*view
	var attack Attacker
	for i, f := range files {
		b, err := readAll(f.Reader)
		if err != nil {
			return nil, err
		}
		if _, t := readBytes(p, f, b); t != nil {
			t.file = strconv.Itoa(i)
			views = append(views, understand(t, p))
		}
		if f.Attacker != nil {
			attack = f.Attacker
		}
	}
	if len(views) < 2 {
		return out, nil
	}
	alone := map[string]bool{}
	name := func(x Finding) string { return x.Rule + x.File + x.Where.Ref + string(x.Severity) }
	for _, v := range views {
		got, err := recoverable(ctx, []*view{v}, nil, attack)
		if err != nil {
			return nil, err
		}
		for _, x := range got {
			alone[name(x)] = true
		}
	}
	found, err := recoverable(ctx, views, linker(views), attack)
	if err != nil {
		return nil, err
	}
	derived := countDerivedSmall()
	for i, v := range views {
		for _, x := range derived.check(v) {
			x.Rule = derived.ID
			alone[name(x)] = true
		}
		v.bases = basesOf(views, i)
		for _, x := range derived.check(v) {
			x.Rule = derived.ID
			found = append(found, x)
		}
	}
	for _, x := range found {
		if alone[name(x)] {
			continue
		}
		i, err := strconv.Atoi(x.File)
		if err != nil || i < 0 || i >= len(files) {
			return nil, ark.Faultf(ark.Invalid, "a finding names no file of the request")
		}
		x.File, x.Evidence["tables"] = files[i].Name, "together"
		out[i] = append(out[i], x)
	}
	for i := range out {
		attribute(p, out[i])
		Sort(out[i])
	}
	return out, nil
}
