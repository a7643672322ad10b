package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/ark-tre/ark/pkg/linkage/bench"
)

type benchCmd struct {
	Linkage benchLinkageCmd `cmd:"" help:"Compare linkage with Splink on the same data in the same run."`
}

type benchLinkageCmd struct {
	Dir    string `help:"Folder for data, Splink's environment and results." default:".cache/bench-linkage" type:"path"`
	People []int  `help:"Sizes of generated populations." default:"1000000"`
	Rounds int    `help:"Runs of each program up to a million records; one above." default:"5"`
	Python string `help:"Python to make Splink's environment with." default:"python3"`
	Splink string `help:"What to install, as for pip." default:"splink"`
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
	return bench.Run(ctx, bench.Options{Ark: self, Dir: dir, People: c.People, Rounds: c.Rounds, Python: c.Python, Splink: c.Splink, Out: os.Stdout})
}
