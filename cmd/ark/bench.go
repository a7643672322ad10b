package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime/pprof"

	"github.com/ark-tre/ark/pkg/linkage/bench"
	"github.com/ark-tre/ark/pkg/worker/measure"
)

type benchCmd struct {
	Linkage benchLinkageCmd `cmd:"" help:"Compare linkage with Splink on the same data in the same run."`
	Data    benchDataCmd    `cmd:"" help:"Measure intake, publishing and cutting, each in a fresh process, beside DuckDB."`
	City    benchCityCmd    `cmd:"" help:"Take a whole city region from deliveries to published versions, and say what each stage used."`
}

type benchLinkageCmd struct {
	Dir    string `help:"Folder for data, Splink's environment and results." default:".cache/bench-linkage" type:"path"`
	People []int  `help:"Sizes of generated populations." default:"1000000"`
	Rounds int    `help:"Runs of each program up to a million records; one above." default:"5"`
	Python string `help:"Python to make Splink's environment with." default:"python3"`
	Splink string `help:"What to install, as for pip." default:"splink"`
	Best   bool   `help:"On generated people, run Splink once with the blocking rules and levels of Ark's default too, as exported: minutes and 5 GB at a million."`
}

// Run runs the benchmark and prints its table.
func (c benchLinkageCmd) Run(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	return bench.Run(ctx, bench.Options{Ark: self, Dir: dir, People: c.People, Rounds: c.Rounds, Python: c.Python, Splink: c.Splink, Best: c.Best, Out: os.Stdout})
}

type benchDataCmd struct {
	Dir    string `help:"An empty or absent folder; it is removed at the end." required:"" type:"path"`
	Rows   int    `help:"Rows of CSV; a quarter as many FHIR resources." default:"1000000"`
	Big    int    `help:"Rows of the table that is published and cut." default:"2000000"`
	Rounds int    `help:"How often each side is run, by turns; the fastest counts." default:"3"`
	Rival  string `help:"The compiled tests of pkg/engine/duck, to run DuckDB by; without it Ark's side alone is measured." type:"path"`
	Engine string `help:"ark-engine." default:"bin/ark-engine" type:"path"`
	Stage  string `help:"Do one stage in this process." hidden:""`
	Busy   int    `hidden:"" default:"1"`
	Pprof  string `help:"Write the stage's processor profile to this file." hidden:"" type:"path"`
}

// Run prints the table, or does one stage of it.
func (c benchDataCmd) Run(ctx context.Context) error {
	if c.Stage != "" {
		if c.Pprof != "" {
			f, err := os.Create(c.Pprof)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := pprof.StartCPUProfile(f); err != nil {
				return err
			}
			defer pprof.StopCPUProfile()
		}
		return measure.Stage(ctx, c.Stage, c.Dir, c.Engine, c.Rows, c.Busy, os.Stdout)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return measure.Run(ctx, measure.Options{Ark: self, Engine: c.Engine, Rival: c.Rival, Dir: c.Dir, Rows: c.Rows, Big: c.Big, Rounds: c.Rounds, Out: os.Stdout})
}

type benchCityCmd struct {
	Dir    string `help:"An empty or absent folder, or one in which a run was interrupted; it is removed at the end." required:"" type:"path"`
	Busy   int    `help:"How many times the ordinary number of contacts and tests people have: 2 makes a hundred million rows of 2,800,000 people." default:"2"`
	People int    `help:"How many people live in the region." default:"2800000"`
	One    bool   `help:"End after one stage; called again, the next one is done."`
	Engine string `help:"ark-engine." default:"bin/ark-engine" type:"path"`
	Tree   string `help:"The checkout, for the demonstration's contracts and datasets." default:"." type:"path"`
}

// Run prints what each stage used.
func (c benchCityCmd) Run(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return measure.City(ctx, measure.Options{Ark: self, Engine: c.Engine, Dir: c.Dir, Busy: c.Busy, One: c.One, Out: os.Stdout}, c.People, c.Tree)
}
