package intake

import (
	"context"
	"io"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

// Input is one file of a delivery. Open is called once for each table that the
// manifest reads from it, and gives the same bytes each time.
type Input struct {
	Name string
	Open func() (io.ReadCloser, error)
	// SHA256 is the hash of those bytes where reading them to their end fails
	// unless it is theirs; "" where it has to be taken.
	SHA256 string
	// At opens the file for reading in any order, with its size. Parquet needs
	// it; nil where it cannot be had.
	At func() (io.ReaderAt, int64, io.Closer, error)
}

// Job is one delivery to take in. The zero Job is refused.
type Job struct {
	Contract      *Contract
	Source        string // the source's id; part of every record key
	Delivery      string
	Received      time.Time // its day is today to the contract's rules
	Manifest      *Manifest
	Files         []Input
	Key           []byte // pseudonym/records: at least 32 bytes
	Sink          Sink
	Scratch       string // a folder for sealed spill files
	Demonstration bool   // refuse sources that are neither synthetic nor public
	Limits        Limits
}

func (j *Job) check() error {
	switch {
	case j.Contract == nil || len(j.Contract.Tables) == 0:
		return ark.Faultf(ark.Invalid, "the source has no contract").Do("register the source with its contract first")
	case j.Demonstration && j.Contract.Declared != Synthetic && j.Contract.Declared != Public:
		return ark.Faultf(ark.Forbidden, "this Ark runs as a demonstration and takes only sources declared synthetic or public").
			Do("set up a production install for data about people").By("demonstration")
	case j.Manifest == nil:
		return ark.Faultf(ark.Invalid, "the delivery has no manifest").Do("send manifest.json with the files")
	case j.Manifest.Source != j.Source || j.Manifest.Delivery != j.Delivery:
		return ark.Faultf(ark.Conflict, "the manifest is of another source or delivery").At("manifest.json", 0, "").Do("deliver it to the source it names")
	case j.Manifest.Contract != "" && j.Manifest.Contract != j.Contract.Name:
		return ark.Faultf(ark.Conflict, "the manifest is of another contract than the source's").At("manifest.json", 0, "").Do("agree the contract with the operator first")
	case j.Sink == nil || j.Scratch == "" || j.Received.IsZero():
		return ark.Faultf(ark.Internal, "the job has no sink, scratch folder or day")
	}
	return j.Manifest.sentBy(j.Received)
}

// process is one run. Everything it counts ends in report.
type process struct {
	job     Job
	limits  Limits
	hasher  *pseudonym.Hasher
	today   cell.Value
	report  *Report
	bad     *quarantine
	raws    changes
	encoded []Role // the keyed encodings that the contract declares, in order
	who     *identitySorts
	tables  []*tableRun
	late    map[int64]bool // rows refused after their identity was parted
	pool    *columnar.Pool
	between map[string]*betweenRun
	left    map[cell.Value]bool // person record keys of people whose own record is left out: nothing of them passes
}

// Process takes a delivery in. Files are read once, row by row; memory is
// bounded by the limits. Where it returns an error nothing of the delivery
// counts, and the report, if there is one, says how far it came.
func Process(ctx context.Context, j Job) (*Report, error) {
	if err := j.check(); err != nil {
		return nil, err
	}
	h, err := pseudonym.New(j.Key)
	if err != nil {
		return nil, err
	}
	p := &process{job: j, limits: j.Limits.orDefault(), hasher: h, today: cell.DayOf(j.Received.UTC()), late: map[int64]bool{}, left: map[cell.Value]bool{}, between: map[string]*betweenRun{}, report: &Report{
		Source: j.Source, Delivery: j.Delivery, Contract: j.Contract.Name, Version: j.Contract.Version, Hash: j.Contract.Hash(),
		Declared: j.Contract.Declared, Received: j.Received.UTC().Format("2006-01-02")}}
	p.encoded = j.Contract.encodings()
	p.raws = changes{p: p, zones: map[Zone]*columnar.Sorter{}}
	p.pool = columnar.NewPool(p.limits.Pool)
	defer p.close()
	if err := p.readAll(ctx); err != nil {
		return p.report, err
	}
	if err := p.writeAll(ctx); err != nil {
		return p.report, err
	}
	return p.report, nil
}

func (p *process) close() {
	for _, t := range p.tables {
		t.sort.Close()
	}
	if p.who != nil {
		p.who.close()
	}
	for _, b := range p.between {
		b.sort.Close()
	}
	p.raws.close()
	if p.bad != nil && p.bad.w != nil {
		p.bad.w.w.Close()
	}
}

// readAll reads every file of the manifest, in its order.
func (p *process) readAll(ctx context.Context) error {
	inputs, named := map[string]Input{}, map[string]bool{}
	for _, in := range p.job.Files {
		inputs[in.Name] = in
	}
	for _, m := range p.job.Manifest.Files { // one file may serve several tables
		named[m.Name] = true
	}
	if len(inputs) != len(p.job.Files) || len(inputs) != len(named) {
		return ark.Faultf(ark.Conflict, "the delivery has %d files and the manifest names %d", len(p.job.Files), len(named)).At("manifest.json", 0, "").
			Do("send every file the manifest names, and no other")
	}
	w, err := p.job.Sink.Create(ZoneLanding, "quarantine.ndjson")
	if err != nil {
		return err
	}
	p.bad = &quarantine{w: newCounted(w), limit: p.limits.Bad}
	for i, m := range p.job.Manifest.Files {
		in, ok := inputs[m.Name]
		if !ok {
			return ark.Faultf(ark.Conflict, "the manifest names this file and the delivery has it not").At(m.Name, 0, "").Do("send it")
		}
		t := p.job.Contract.Table(m.Table)
		if t == nil {
			return ark.Faultf(ark.Invalid, "the file is for the table %q, which the contract has not", m.Table).At(m.Name, 0, "").Do("mend the manifest, or agree a new version of the contract")
		}
		run, err := p.run(t)
		if err != nil {
			return err
		}
		if err := p.readFile(ctx, i, m, in, run); err != nil {
			return err
		}
	}
	return p.tooMuch()
}

// run returns the run of a table, beginning it at the table's first file.
func (p *process) run(t *Table) (*tableRun, error) {
	for _, r := range p.tables {
		if r.table == t {
			return r, nil
		}
	}
	r, err := newTableRun(p, t)
	if err != nil {
		return nil, err
	}
	p.tables = append(p.tables, r)
	p.report.Tables = append(p.report.Tables, r.report)
	return r, nil
}

func (p *process) readFile(ctx context.Context, n int, m ManifestFile, in Input, run *tableRun) error {
	o, err := openFile(ctx, in, m.Member, p.job.Contract.Format, p.limits)
	if err != nil {
		return err
	}
	defer o.Close()
	o.report.Table = run.table.Name
	p.report.Files = append(p.report.Files, o.report)
	var rows record
	ends := func() bool { return false }
	switch {
	case o.parquet:
		r, err := openParquet(ctx, in, o, run.table, p.limits)
		if err != nil {
			return err
		}
		defer r.stop()
		rows = r
	case p.job.Contract.Format.Kind == "csv":
		r, err := openCSV(o, run.table, p.job.Contract.Format, p.limits)
		if err != nil {
			return err
		}
		rows, ends = r, func() bool { return r.csv.crlf }
	case p.job.Contract.Format.Kind == "fhir-ndjson":
		rows, err = openFHIR(o, run.table, p.limits)
	case p.job.Contract.Format.Kind == "hl7v2":
		rows, err = openHL7(o, run.table, p.job.Contract.Tables, p.limits, &run.report.Skipped)
	}
	if err != nil {
		return err
	}
	defer run.settle()
	err = eachRow(rows, len(run.table.Fields), func(row int64, fields [][]byte) error {
		run.report.Rows++
		return run.take(in.Name, row, rowNumber(n, row), fields)
	}, func(row int64, bad *badRow) error {
		run.report.Rows++
		return run.refuse(in.Name, row, "", bad.rule, bad.kind, bad.reason)
	})
	if err != nil {
		return err
	}
	if err := run.settle(); err != nil {
		return err
	}
	o.report.Rows, o.report.LineEnds = rows.row(), "lf"
	if ends() {
		o.report.LineEnds = "crlf"
	}
	if o.parquet {
		err, o.report.LineEnds = o.hashWhole(ctx, in), ""
	} else {
		err = o.finish()
	}
	if err != nil {
		return err
	}
	return m.against(o.report)
}

// rowNumber orders the rows of a delivery: file after file.
func rowNumber(file int, row int64) int64 { return int64(file)<<44 | row }

// tooMuch refuses a delivery most of which would be quarantined: that is not
// bad rows, it is a wrong file.
func (p *process) tooMuch() error {
	limit := p.job.Contract.Limits.Quarantined
	for _, t := range p.report.Tables {
		if t.Rows >= 20 && float64(t.Quarantined) > limit*float64(t.Rows) {
			return ark.Faultf(ark.Invalid, "%d of the %d rows of the table %s break the contract, more than the share of %g that it allows", t.Quarantined, t.Rows, t.Table, limit).
				Do("look at the rules that failed in the report, mend the export and send the delivery again")
		}
	}
	return nil
}

// writeAll writes the outputs, each in a total order.
func (p *process) writeAll(ctx context.Context) error {
	for _, t := range p.tables {
		if err := p.output(ZonePayload, t.table.Name+".parquet", func(w io.Writer) (int64, error) { return t.write(ctx, w) }); err != nil {
			return err
		}
	}
	if err := p.writeQuarantine(); err != nil {
		return err
	}
	if err := p.raws.write(ctx); err != nil {
		return err
	}
	if p.who != nil {
		if err := p.who.write(ctx); err != nil {
			return err
		}
	}
	if err := p.judgeBetween(ctx); err != nil {
		return err
	}
	for _, t := range p.report.Tables {
		t.score()
	}
	return p.output(ZonePayload, "quality.json", func(w io.Writer) (int64, error) {
		b, err := p.report.JSON()
		if err == nil {
			_, err = w.Write(b)
		}
		return 1, err
	})
}

func (p *process) writeQuarantine() error {
	q := p.bad
	if err := q.flush(); err != nil {
		return err
	}
	w := q.w
	q.w = nil
	if err := w.w.Close(); err != nil {
		return err
	}
	p.report.Unlisted = q.excess
	p.report.Outputs = append(p.report.Outputs, Output{ZoneLanding, "quarantine.ndjson", q.rows, w.n, w.sum()})
	return nil
}

// parquet writes rows as one Parquet file.
func parquet(w io.Writer, s columnar.Schema, rows func(*columnar.Writer) error) (int64, error) {
	pw, err := columnar.NewWriter(w, s, columnar.Options{Behind: true})
	if err != nil {
		return 0, err
	}
	err = rows(pw)
	if e := pw.Close(); err == nil {
		err = e
	}
	return pw.Rows(), err
}
