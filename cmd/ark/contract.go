package main

import (
	"context"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

// contractCmd gathers what a data engineer does with contracts.
type contractCmd struct {
	Check contractCheckCmd `cmd:"" help:"Read contracts and say what is wrong with them."`
	Diff  contractDiffCmd  `cmd:"" help:"Compare two versions of a contract; status 1 where the version does not rise enough."`
	Draft contractDraftCmd `cmd:"" help:"Draft a contract from a sample CSV file, or from a Frictionless Table Schema (.json)."`
	Try   contractTryCmd   `cmd:"" help:"Take a delivery in against a contract, into a folder of your own, under a key that is thrown away."`
}

type contractCheckCmd struct {
	Files []string `arg:"" type:"existingfile" help:"Contract files."`
}

// Run checks contracts.
func (c contractCheckCmd) Run() error {
	for _, path := range c.Files {
		k, err := readContract(path)
		if err != nil {
			return err
		}
		fields := 0
		for _, t := range k.Tables {
			fields += len(t.Fields)
		}
		fmt.Printf("%s: %s %s, declared %s, %d tables, %d fields\n", filepath.Base(path), k.Name, k.Version, k.Declared, len(k.Tables), fields)
	}
	return nil
}

func readContract(path string) (*intake.Contract, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, ark.Faultf(ark.Unknown, "the contract cannot be read").Because(err)
	}
	return intake.ParseContract(text)
}

type contractTryCmd struct {
	Contract string `arg:"" type:"existingfile" help:"The contract."`
	Delivery string `arg:"" type:"existingdir" help:"A folder with manifest.json and the files it names."`
	Out      string `help:"The folder to write, new or empty." required:"" type:"path"`
	Changes  bool   `help:"Print, as CSV, each value that cleansing changed: where it stands, the rule, the value sent and the clean one."`
}

// Run takes the delivery in and prints its report.
func (c contractTryCmd) Run(ctx context.Context) error {
	k, err := readContract(c.Contract)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(c.Delivery, "manifest.json"))
	if err != nil {
		return ark.Faultf(ark.Invalid, "the delivery has no manifest").At("manifest.json", 0, "").Because(err)
	}
	m, err := intake.ParseManifest(text)
	if err != nil {
		return err
	}
	key := make([]byte, pseudonym.KeyLen)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o700); err != nil {
		return err
	}
	job := intake.Job{Contract: k, Source: m.Source, Delivery: m.Delivery, Received: time.Now(), Manifest: m, Key: key,
		Sink: intake.Folder(c.Out), Scratch: c.Out, Demonstration: true}
	for _, f := range m.Files {
		path := filepath.Join(c.Delivery, f.Name)
		job.Files = append(job.Files, fileInput(f.Name, path))
	}
	began := time.Now()
	report, err := intake.Process(ctx, job)
	if report != nil && !c.Changes {
		printReport(report, time.Since(began))
	}
	if err == nil && c.Changes {
		return printChanges(ctx, c.Out, os.Stdout)
	}
	return err
}

// printChanges prints what cleansing changed of a delivery that was taken in
// into a folder. Its values are for who sent them.
func printChanges(ctx context.Context, dir string, out io.Writer) error {
	w := csv.NewWriter(out)
	if err := w.Write([]string{"file", "row", "table", "field", "rule", "sent", "clean"}); err != nil {
		return err
	}
	for _, zone := range []intake.Zone{intake.ZoneIdentifiers, intake.ZonePayload} {
		in := fileInput(intake.ChangesName, filepath.Join(dir, string(zone), intake.ChangesName))
		at, size, closer, err := in.At()
		if errors.Is(err, fs.ErrNotExist) {
			continue // nothing of the zone was changed
		}
		if err != nil {
			return err
		}
		defer closer.Close()
		r, err := columnar.Open(at, size, columnar.Limits{Foreign: true})
		if err != nil {
			return err
		}
		for row, err := range r.Rows(ctx) {
			if err != nil {
				return err
			}
			line := make([]string, len(row))
			for i, v := range row {
				if !v.IsNull() {
					line[i] = v.Text()
				}
			}
			if err := w.Write(line); err != nil {
				return err
			}
		}
	}
	w.Flush()
	return w.Error()
}

// fileInput is a file of this machine as an input.
func fileInput(name, path string) intake.Input {
	return intake.Input{Name: name, Open: func() (io.ReadCloser, error) { return os.Open(path) },
		At: func() (io.ReaderAt, int64, io.Closer, error) {
			f, err := os.Open(path)
			if err != nil {
				return nil, 0, nil, err
			}
			info, err := f.Stat()
			if err != nil {
				f.Close()
				return nil, 0, nil, err
			}
			return f, info.Size(), f, nil
		}}
}

func printReport(r *intake.Report, took time.Duration) {
	for _, t := range r.Tables {
		fmt.Printf("%-16s %8d rows %8d accepted %6d quarantined %6d duplicates %6d withdrawn  conformance %.3f completeness %.3f plausibility %.3f\n",
			t.Table, t.Rows, t.Accepted, t.Quarantined, t.Duplicates, t.Withdrawn, t.Scores.Conformance, t.Scores.Completeness, t.Scores.Plausibility)
		for _, f := range t.Fields {
			for _, x := range f.Rules {
				fmt.Printf("    %-20s %-12s %-13s %-10s %6d\n", f.Field, x.Rule, x.Kind, x.Action, x.Failed)
			}
		}
		for _, f := range t.Fields {
			for _, x := range f.Changes {
				fmt.Printf("    %-20s %-12s changed %6d, of these left empty %6d\n", f.Field, x.Rule, x.Changed, x.Emptied)
			}
		}
		for _, x := range t.Rules {
			fmt.Printf("    %-33s %-13s %-10s %6d\n", x.Rule, x.Kind, x.Action, x.Failed)
		}
	}
	for _, o := range r.Outputs {
		fmt.Printf("%-12s %-24s %8d rows %10d bytes\n", o.Zone, o.Name, o.Rows, o.Bytes)
	}
	fmt.Printf("%.2f s\n", took.Seconds())
}

type contractDraftCmd struct {
	File string `arg:"" type:"existingfile" help:"A sample, or a schema."`
	Name string `help:"The contract's name; the file's by default."`
}

// Run prints the draft.
func (c contractDraftCmd) Run(ctx context.Context) error {
	name := c.Name
	if name == "" {
		name, _, _ = strings.Cut(filepath.Base(c.File), ".")
	}
	var text string
	var err error
	if strings.HasSuffix(c.File, ".json") {
		var b []byte
		if b, err = os.ReadFile(c.File); err == nil {
			text, err = intake.FromFrictionless(b, name)
		}
	} else {
		text, err = intake.Draft(ctx, intake.Input{Name: filepath.Base(c.File), Open: func() (io.ReadCloser, error) { return os.Open(c.File) }}, name, intake.Limits{})
	}
	if err != nil {
		return err
	}
	fmt.Print(text)
	return nil
}

type contractDiffCmd struct {
	Old string `arg:"" type:"existingfile" help:"The contract in force."`
	New string `arg:"" type:"existingfile" help:"The one proposed."`
}

// Run prints the differences.
func (c contractDiffCmd) Run() error {
	old, err := readContract(c.Old)
	if err != nil {
		return err
	}
	now, err := readContract(c.New)
	if err != nil {
		return err
	}
	differences, refused := intake.Diff(old, now)
	for _, d := range differences {
		kind := "compatible"
		if d.Breaking {
			kind = "breaking"
		}
		fmt.Printf("%-10s %s %s: %s\n", kind, d.Table, d.Column, d.What)
	}
	if refused != nil {
		fmt.Fprintln(os.Stderr, "ark:", refused)
		return errFound
	}
	return nil
}
