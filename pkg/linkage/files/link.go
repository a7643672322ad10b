package files

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"

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
	Options linkage.Options
}

// Done is a finished linkage.
type Done struct {
	Report Report
	Frame  *frame.Frame
	IDs    []string
	Result *linkage.Result
}

// Link runs a request and writes pairs.parquet, clusters.parquet, report.json
// and report.html to its folder. Each file gets its name when it is whole: a
// run that was cut short leaves nothing under these names that it wrote half,
// and run again gives the same files.
func Link(ctx context.Context, q Request) (*Done, error) {
	raw, err := load(ctx, q.Inputs)
	if err != nil {
		return nil, err
	}
	f, m, err := q.model(raw)
	if err != nil {
		return nil, err
	}
	ids, err := names(raw, q.ID, m)
	if err != nil {
		return nil, err
	}
	r, err := linkage.Run(ctx, f, m, q.Options)
	if err != nil {
		return nil, err
	}
	d := &Done{Frame: raw, IDs: ids, Result: r}
	d.Report = report(d)
	if err := durable.MkdirAll(q.Out, 0o755); err != nil {
		return nil, ark.Faultf(ark.Invalid, "the output folder can't be made").Do("check --out").Because(err)
	}
	order := newOrder(ids)
	steps := []struct {
		name  string
		write func(io.Writer) error
	}{
		{"pairs.parquet", func(w io.Writer) error { return writePairs(w, ids, order, r) }},
		{"clusters.parquet", func(w io.Writer) error { return writeClusters(w, ids, order, r.Clusters) }},
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
		if err := put(q.Export, r.Scored.Model().WriteSplink); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// model reads or infers the model and prepares the frame for it.
func (q *Request) model(raw *frame.Frame) (*frame.Frame, *model.Model, error) {
	mode := q.Mode
	if mode == "" && len(q.Inputs) > 1 {
		mode = model.Link
	}
	if q.Spec != "" && q.Splink != "" {
		return nil, nil, ark.Faultf(ark.Invalid, "both a spec and a Splink model are given").Do("give one of them")
	}
	if q.Spec == "" && q.Splink == "" {
		if mode == "" {
			mode = model.Dedupe
		}
		return linkage.Infer(raw, mode)
	}
	path, read := q.Spec, model.ReadSpec
	if path == "" {
		path, read = q.Splink, model.ReadSplink
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, nil, ark.Faultf(ark.Invalid, "the model file can't be opened").Do("check its path").Because(err)
	}
	defer in.Close()
	m, err := read(filepath.Base(path), in)
	if err != nil {
		return nil, nil, err
	}
	if q.Mode != "" || m.Mode == "" {
		m.Mode = mode
	}
	if m.Mode == "" {
		m.Mode = model.Dedupe
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
