package worker

import (
	"context"
	"io"
	"sort"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/work"
)

// manifestName is the file of a delivery that says what it holds.
const manifestName = "manifest.json"

// maxManifest bounds a manifest, in bytes.
const maxManifest = 4 << 20

func (b Bench) intakeSteps() []work.Step {
	return []work.Step{step("take-in", func(ctx context.Context, job catalogue.IntakeJob, _ none) (any, error) {
		res, err := b.takeIn(ctx, job)
		if f := refusal(err); f != "" {
			return catalogue.IntakeResult{Blocked: f}, nil
		}
		return res, err
	})}
}

// refusal returns what a sender reads when the delivery itself is wrong, "" for
// any other error.
func refusal(err error) string {
	switch ark.KindOf(err) {
	case ark.Invalid, ark.TooMuch, ark.Forbidden, ark.Conflict:
		return ark.Public(err, "")
	}
	return ""
}

func (b Bench) takeIn(ctx context.Context, job catalogue.IntakeJob) (catalogue.IntakeResult, error) {
	var res catalogue.IntakeResult
	contract, err := intake.ParseContract([]byte(job.Contract))
	if err != nil {
		return res, err
	}
	manifest, inputs, err := b.delivered(ctx, job)
	if err != nil {
		return res, err
	}
	key, err := b.Keys.Derive(ctx, RecordsKey, "record keys")
	if err != nil {
		return res, err
	}
	defer key.Wipe()
	sink := &zoneSink{ctx: ctx, b: b, prefix: job.Source + "/" + job.Delivery + "/", refs: map[string]objects.Ref{}}
	report, err := intake.Process(ctx, intake.Job{Contract: contract, Source: job.Source, Delivery: job.DeliveryName, Received: job.Received,
		Manifest: manifest, Files: inputs, Key: key.Reveal(), Sink: sink, Scratch: b.Tmp, Demonstration: b.Trial})
	if err != nil {
		sink.discard()
		return res, err
	}
	res.Outputs = sink.refs
	if res.Sent, err = manifest.SentAt(); err != nil {
		return res, err
	}
	for _, t := range report.Tables {
		res.Counts.Read += t.Rows
		res.Counts.Accepted += t.Accepted
		res.Counts.Quarantined += t.Quarantined
		res.Counts.Duplicates += t.Duplicates
		res.Counts.Superseded += t.Superseded
	}
	quality, err := report.JSON()
	if err != nil {
		return res, err
	}
	res.Quality = quality
	return res, nil
}

// delivered reads the manifest and names the files.
func (b Bench) delivered(ctx context.Context, job catalogue.IntakeJob) (*intake.Manifest, []intake.Input, error) {
	var manifest *intake.Manifest
	var inputs []intake.Input
	for _, f := range job.Files {
		if f.Name == manifestName {
			if f.Ref.Size > maxManifest {
				return nil, nil, ark.Faultf(ark.TooMuch, "the manifest is larger than 4 MiB").At(manifestName, 0, "")
			}
			text, err := b.Objects.Get(ctx, f.Ref)
			if err != nil {
				return nil, nil, err
			}
			if manifest, err = intake.ParseManifest(text); err != nil {
				return nil, nil, err
			}
			continue
		}
		inputs = append(inputs, b.input(ctx, f))
	}
	if manifest == nil {
		return nil, nil, ark.Faultf(ark.Invalid, "the delivery has no %s", manifestName).Do("add one that names every file with its table, rows and SHA-256")
	}
	sort.Slice(inputs, func(i, j int) bool { return inputs[i].Name < inputs[j].Name })
	return manifest, inputs, nil
}

// input opens a delivered file, which may lie in parts.
func (b Bench) input(ctx context.Context, f catalogue.DeliveredFile) intake.Input {
	if len(f.Parts) == 0 { // each byte is authenticated under the seal that the reference pins
		return intake.Input{Name: f.Name, SHA256: f.Ref.SHA256, Open: func() (io.ReadCloser, error) { return b.Objects.OpenBulk(ctx, f.Ref) },
			At: func() (io.ReaderAt, int64, io.Closer, error) {
				at, err := b.Objects.OpenAt(ctx, f.Ref)
				if err != nil {
					return nil, 0, nil, err
				}
				return at, at.Size(), at, nil
			}}
	}
	return intake.Input{Name: f.Name, Open: func() (io.ReadCloser, error) { return &inParts{ctx: ctx, b: b, left: f.Parts}, nil },
		At: func() (io.ReaderAt, int64, io.Closer, error) {
			all := &partsAt{}
			for _, ref := range f.Parts {
				at, err := b.Objects.OpenAt(ctx, ref)
				if err != nil {
					all.Close()
					return nil, 0, nil, err
				}
				all.parts, all.ends = append(all.parts, at), append(all.ends, all.size()+at.Size())
			}
			return all, all.size(), all, nil
		}}
}

// zoneSink writes intake's outputs as sealed objects, each in its zone under
// its zone's key. The names depend on the delivery alone.
type zoneSink struct {
	ctx    context.Context
	b      Bench
	prefix string
	refs   map[string]objects.Ref
	open   []*zoneFile
}

var zoneKeys = map[intake.Zone]keys.Name{
	intake.ZoneIdentifiers: IdentifiersKey, intake.ZoneIndex: IndexKey, intake.ZonePayload: PayloadKey, intake.ZoneLanding: LandingKey,
}

type zoneFile struct {
	*objects.Writer
	s    *zoneSink
	name string
	sum  string
}

// Create implements intake.Sink.
func (s *zoneSink) Create(zone intake.Zone, name string) (io.WriteCloser, error) {
	key, ok := zoneKeys[zone]
	if !ok {
		return nil, ark.Faultf(ark.Internal, "intake writes to a zone that has no key")
	}
	f := &zoneFile{s.b.Objects.Writer(s.ctx, objects.Zone(zone), s.prefix+name, key), s, outputName(zone, name), ""}
	s.open = append(s.open, f)
	return f, nil
}

// outputName is how an output stands in a delivery's outputs.
func outputName(zone intake.Zone, name string) string {
	base := strings.TrimSuffix(strings.TrimSuffix(name, ".parquet"), ".ndjson")
	base = strings.TrimSuffix(base, ".json")
	if zone == intake.ZonePayload && strings.HasSuffix(name, ".parquet") {
		return "payload/" + base
	}
	return base
}

// Close ends the object.
func (f *zoneFile) Close() error {
	ref, err := f.Commit()
	if err == nil {
		f.s.refs[f.name], f.sum = ref, ref.SHA256
	}
	return err
}

// SHA256 implements intake.Summed.
func (f *zoneFile) SHA256() string { return f.sum }

// discard gives up everything that was written: nothing of it is referred to.
func (s *zoneSink) discard() {
	for _, f := range s.open {
		f.Abort()
	}
	for _, ref := range s.refs {
		_ = s.b.Objects.Delete(context.WithoutCancel(s.ctx), ref.Zone, ref.Name)
	}
}
