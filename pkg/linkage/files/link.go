package files

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// Request is one linkage of files.
type Request struct {
	Inputs  []Input
	Spec    string // path of Ark's spec; empty: none
	Splink  string // path of a Splink model; empty: none
	Mode    model.Mode
	ID      string
	Out     string
	Export  string // path to write the model to as Splink JSON; empty: don't
	Truth   string // column that is kept to evaluate against; empty: none
	Options linkage.Options
}

// Done is a finished linkage.
type Done struct {
	Report Report
	Frame  *frame.Frame
	IDs    *Names
	Result *linkage.Result
}

// Link runs a request and writes pairs.parquet, clusters.parquet, report.json
// and report.html to its folder. Each file gets its name when it is whole: a
// run that was cut short leaves nothing under these names that it wrote half,
// and run again gives the same files.
func Link(ctx context.Context, q Request) (*Done, error) {
	m, err := q.readModel()
	if err != nil {
		return nil, err
	}
	want, err := q.wants(m)
	if err != nil {
		return nil, err
	}
	rows, err := q.rows(m)
	if err != nil {
		return nil, err
	}
	raw, err := load(ctx, q.Inputs, q.Options.Threads, want, rows)
	if err != nil {
		return nil, err
	}
	ids, err := names(raw, q.ID, m)
	if err != nil {
		return nil, err
	}
	slim := *raw // of which later only the truth is asked for
	slim.Cols = nil
	if c := raw.Col(q.Truth); c != nil {
		slim.Cols = []*frame.Column{{Name: c.Name, IDs: slices.Clone(c.IDs), Dict: c.Dict}}
	}
	ids.own(model.RoleOf)
	f, m, err := q.prepare(raw, m)
	if err != nil {
		return nil, err
	}
	raw = &slim
	r, err := linkage.Run(ctx, f, m, q.Options)
	if err != nil {
		return nil, err
	}
	d := &Done{Frame: raw, IDs: ids, Result: r}
	d.Report = report(d)
	if err := durable.MkdirAll(q.Out, 0o755); err != nil {
		return nil, ark.Faultf(ark.Invalid, "the output folder can't be made").Do("check --out").Because(err)
	}
	steps := []struct {
		name  string
		write func(io.Writer) error
	}{
		{"pairs.parquet", func(w io.Writer) error { return writePairs(w, ids, r) }},
		{"clusters.parquet", func(w io.Writer) error { return writeClusters(w, ids, r.Clusters) }},
		{"report.json", func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(d.Report)
		}},
		{"report.html", func(w io.Writer) error { return writePage(w, d.Report) }},
	}
	for _, s := range steps {
		if err := put(filepath.Join(q.Out, s.name), s.write); err != nil {
			return nil, err
		}
	}
	if q.Export != "" {
		m := *r.Scored.Model()
		m.UniqueID = cmp.Or(m.UniqueID, q.ID)
		if err := put(q.Export, m.WriteSplink); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// readModel reads the model that the request names; nil when it names none.
func (q *Request) readModel() (*model.Model, error) {
	if q.Spec != "" && q.Splink != "" {
		return nil, ark.Faultf(ark.Invalid, "both a spec and a Splink model are given").Do("give one of them")
	}
	path, read := q.Spec, model.ReadSpec
	if path == "" {
		path, read = q.Splink, model.ReadSplink
	}
	if path == "" {
		return nil, nil
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the model file can't be opened").Do("check its path").Because(err)
	}
	defer in.Close()
	return read(filepath.Base(path), in)
}

// wants tells which columns need to be read: those that name rows or the
// truth, and those that the model looks at or that say who a person is.
func (q *Request) wants(m *model.Model) (func(string) bool, error) {
	named := map[string]bool{q.Truth: true}
	switch {
	case q.ID != "":
		named[q.ID] = true
	case m != nil && m.UniqueID != "":
		named[m.UniqueID] = true
		fallthrough
	default:
		for _, n := range idColumns() {
			named[n] = true
		}
	}
	if m != nil && m.Raw {
		need, err := m.Columns()
		if err != nil {
			return nil, err
		}
		return func(c string) bool { return named[c] || need[c] || linkage.PartOf(c, need) }, nil
	}
	return func(c string) bool { return named[c] || model.RoleOf(c) != model.Ignored || model.IsEncoded(c) }, nil
}

// rows tells which columns do nothing but name rows.
func (q *Request) rows(m *model.Model) (func(string) bool, error) {
	need := map[string]bool{}
	if m != nil {
		var err error
		if need, err = m.Columns(); err != nil {
			return nil, err
		}
	}
	return func(c string) bool {
		if c == q.Truth || need[c] || model.RoleOf(c) != model.Ignored || model.IsEncoded(c) || linkage.PartOf(c, need) {
			return false
		}
		return c == q.ID || m != nil && c == m.UniqueID || slices.Contains(idColumns(), c)
	}, nil
}

// prepare makes the frame that the model looks at, and the model when the
// request names none.
func (q *Request) prepare(raw *frame.Frame, m *model.Model) (*frame.Frame, *model.Model, error) {
	mode := q.Mode
	if mode == "" && (m == nil || m.Mode == "") {
		mode = model.Dedupe
		if len(q.Inputs) > 1 {
			mode = model.Link
		}
	}
	if m == nil {
		return linkage.Infer(raw, mode)
	}
	if mode != "" {
		m.Mode = mode
	}
	f, err := linkage.Prepare(raw, m)
	return f, m, err
}

// put writes a file whole or not at all.
func put(path string, write func(io.Writer) error) error {
	p, err := durable.Begin(filepath.Dir(path), 0o644)
	if err != nil {
		return ark.Faultf(ark.Invalid, "the output can't be written").Do("check the folder").Because(err)
	}
	defer p.Abort()
	if err := write(p); err != nil {
		return err
	}
	return p.Replace(path)
}
