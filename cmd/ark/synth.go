package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/ark-tre/ark/pkg/synthetic"
)

type synthCmd struct {
	People int    `help:"How many people live in the region." default:"20000"`
	Seed   uint64 `help:"The same seed gives the same bytes." default:"1"`
	Out    string `help:"The folder to write, new or empty." required:"" type:"path"`
}

// Run makes a synthetic city region and prints what it holds.
func (c synthCmd) Run(ctx context.Context) error {
	began, shown := time.Now(), time.Now()
	s, err := synthetic.Generate(ctx, synthetic.Options{People: c.People, Seed: c.Seed, Dir: c.Out, Progress: func(done, all int) {
		if time.Since(shown) > 2*time.Second {
			shown = time.Now()
			fmt.Fprintf(os.Stderr, "synth: %d of %d people\n", done, all)
		}
	}})
	if err != nil {
		return err
	}
	fmt.Printf("%d people in %d households, seen by %d sources in %d files: %d rows, %.1f MB, %.1f s\n",
		s.People, s.Households, s.Sources, s.Files, s.Rows, float64(s.Bytes)/1e6, time.Since(began).Seconds())
	return nil
}
