package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/linkage/files"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

type linkCmd struct {
	Run      linkRunCmd      `cmd:"" default:"withargs" help:"Find which records are of one person."`
	Evaluate linkEvaluateCmd `cmd:"" help:"Link, and measure the answer against a column that holds the truth."`
	Encode   linkEncodeCmd   `cmd:"" help:"Replace identifiers by keyed encodings, for an organisation that won't send names."`
	Schema   linkSchemaCmd   `cmd:"" help:"Print the JSON Schema of a spec."`
}

// linkFlags are what link and link evaluate share.
type linkFlags struct {
	In          []string `help:"CSV or Parquet file, as [NAME=]FILE." required:"" sep:"none" placeholder:"[NAME=]FILE"`
	Out         string   `help:"Folder to write pairs.parquet, clusters.parquet, report.json and report.html to." required:"" type:"path"`
	Spec        string   `help:"Ark's linkage spec (YAML)." type:"path" xor:"model"`
	Model       string   `help:"A model that Splink saved (JSON)." type:"path" xor:"model"`
	Mode        string   `help:"dedupe, link or both; link when there are several inputs." enum:",dedupe,link,both" default:""`
	ID          string   `name:"id" help:"Column that names a row." placeholder:"COLUMN"`
	Threads     int      `help:"Threads to use; the answer is the same at any number. 0: all." default:"0"`
	ExportModel string   `help:"Write the model with its probabilities as Splink JSON." type:"path" placeholder:"FILE"`
	Threshold   float64  `help:"Probability from which a pair is a link." default:"0.5"`
	Keep        float64  `help:"Probability from which a pair is written." default:"0.01"`
	Connected   bool     `help:"Clusters are connected components of links."`
	CPUProfile  string   `help:"Write a CPU profile." hidden:"" type:"path"`
}

func (f *linkFlags) request() (files.Request, error) {
	q := files.Request{Spec: f.Spec, Splink: f.Model, Mode: model.Mode(f.Mode), ID: f.ID, Out: f.Out, Export: f.ExportModel,
		Options: linkage.Options{Threads: f.Threads, Keep: f.Keep, Accept: f.Threshold, Connected: f.Connected}}
	if q.Options.Threads <= 0 {
		q.Options.Threads = runtime.NumCPU()
	}
	for _, s := range f.In {
		in, err := files.ParseInput(s)
		if err != nil {
			return q, err
		}
		q.Inputs = append(q.Inputs, in)
	}
	return q, nil
}

// profile starts a CPU profile when one is asked for.
func (f *linkFlags) profile() (stop func(), err error) {
	if f.CPUProfile == "" {
		return func() {}, nil
	}
	out, err := os.Create(f.CPUProfile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); out.Close() }, nil
}

type linkRunCmd struct{ linkFlags }

// Run links files.
func (c linkRunCmd) Run(ctx context.Context) error {
	debug.SetGCPercent(75)                // what is kept holds few pointers, so looking for garbage is cheap
	debug.SetMemoryLimit(6<<30 + 512<<20) // 15 million people fit in 8 GB
	q, err := c.request()
	if err != nil {
		return err
	}
	stop, err := c.profile()
	if err != nil {
		return err
	}
	defer stop()
	began := time.Now()
	d, err := files.Link(ctx, q)
	if err != nil {
		return err
	}
	r := d.Report
	fmt.Printf("%d rows, %d pairs compared, %d written, %d links, %d clusters, %.2f s; see %s/report.html\n",
		r.Rows, r.Candidates, r.Pairs, r.Links, r.Clusters, time.Since(began).Seconds(), c.Out)
	for _, w := range r.Warnings {
		fmt.Fprintln(os.Stderr, "ark: warning:", w)
	}
	return nil
}

type linkEvaluateCmd struct {
	linkFlags
	Truth string `help:"Column that names the true person." required:"" placeholder:"COLUMN"`
}

// Run links files and prints how good the answer is.
func (c linkEvaluateCmd) Run(ctx context.Context) error {
	q, err := c.request()
	if err != nil {
		return err
	}
	e, _, err := files.Evaluate(ctx, q, c.Truth)
	if err != nil {
		return err
	}
	return e.Print(os.Stdout)
}

type linkEncodeCmd struct {
	In     string `help:"CSV or Parquet file." required:"" placeholder:"FILE" type:"path"`
	Out    string `help:"Parquet file to write." required:"" placeholder:"FILE" type:"path"`
	ID     string `help:"Column that names a row; it goes through as it is." name:"id" placeholder:"COLUMN"`
	Beside bool   `help:"Keep all columns and put the encodings beside them: for an organisation that sends both."`
	Key    string `help:"File that holds the key: at least 32 random bytes, shared among the organisations and not with who links." required:"" placeholder:"FILE" type:"path"`
}

// Run writes the encodings.
func (c linkEncodeCmd) Run(ctx context.Context) error {
	key, err := os.ReadFile(c.Key)
	if err != nil {
		return ark.Faultf(ark.Invalid, "the key file can't be read").Do("check its path and the permission to read it").Because(err)
	}
	defer clear(key)
	return files.Encode(ctx, files.Input{Name: "in", Path: c.In}, c.Out, c.ID, key, c.Beside)
}

type linkSchemaCmd struct{}

// Run prints the schema of a spec.
func (linkSchemaCmd) Run() error {
	fmt.Print(model.SpecSchema())
	return nil
}
