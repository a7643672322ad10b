package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/demonstration"
	"github.com/ark-tre/ark/pkg/instance"
)

type demoCmd struct {
	Dir        string `help:"Where the demonstration is kept." default:".ark" type:"path"`
	Tree       string `help:"The checkout, for the demonstration's contracts and datasets." default:"." type:"path"`
	Listen     string `help:"Where to listen." default:"127.0.0.1:8080"`
	People     int    `help:"How many invented people live in the region." default:"20000"`
	Seed       uint64 `help:"The same seed makes the same region." default:"7"`
	Reset      bool   `help:"Remove the demonstration and everything in it, and stop."`
	Unattended bool   `help:"Play the whole main job as the demonstration's users in an Ark of its own, check every step, and stop."`
	Studies    bool   `help:"With --unattended: do the studies of docs/studies in place of the main job, in a region of 20,000."`
	Crash      string `help:"With --unattended: break it while the job is played. points: kill each worker once at every declared point; words, writes: break every word to the queue, every write of an object twice, not stored and stored but unanswered; commits, asks: break every kind of commit of the database, every kind of question to keys and enclave, the first not done, the second done but unanswered; kills: kill processes at random." enum:"none,points,words,writes,commits,asks,kills" default:"none"`
	Kills      int    `help:"With --crash kills: how many." default:"17"`
	KillSeed   uint64 `help:"With --crash kills: the same seed kills alike." default:"1"`
	Projection string `help:"With --unattended: write the end state to this file, without what differs between two Arks." type:"path"`
	Parts      string `help:"Use the services of this folder (parts.yaml and credentials) in place of the one-box defaults; see docs/production.md." type:"path"`
	Keep       bool   `help:"With --unattended: keep the Ark afterwards."`

	broken  string // where a crash test keeps what it has broken
	postbox *demonstration.Postbox
}

// Run makes, fills and serves a demonstration Ark.
func (c demoCmd) Run(ctx context.Context) error {
	if c.Reset {
		return demonstration.Remove(ctx, c.Dir)
	}
	if c.Unattended {
		return c.unattended(ctx)
	}
	return c.serve(ctx, func(ctx context.Context, o demonstration.Options, users *demonstration.Users) error {
		fmt.Println(demonstration.Welcome(o))
		return nil
	}, true)
}

func (c demoCmd) options() demonstration.Options {
	start := time.Now()
	patience := time.Duration(0)
	if c.Unattended && c.Crash != "none" {
		patience = 2 * time.Minute
	}
	return demonstration.Options{Postbox: c.postbox, Patience: patience, Brief: c.Projection != "" || patience > 0, Dir: c.Dir, Tree: c.Tree, Listen: c.Listen, Parts: c.Parts, People: c.People, Seed: c.Seed, Say: func(format string, args ...any) {
		fmt.Printf("%6.1f s  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}}
}

// serve makes the Ark if there is none, runs it, fills it once, and hands it
// to do. With stay it then serves until it is told to stop.
func (c demoCmd) serve(ctx context.Context, do func(context.Context, demonstration.Options, *demonstration.Users) error, stay bool) error {
	o := c.options()
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if _, err := instance.Load(c.Dir); ark.Is(err, ark.Unknown) {
		if err := demonstration.Make(ctx, o, quiet); err != nil {
			return err
		}
	}
	cfg, err := instance.Load(c.Dir)
	if err != nil {
		return err
	}
	fired := func() error { return nil }
	if c.Crash == "commits" || c.Crash == "asks" {
		if fired, err = c.breakEach(); err != nil {
			return err
		}
	}
	// The roles outlive the signal that ends us, until the workspaces are down.
	roles, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ready := make(chan struct{})
	ended := make(chan error, 1)
	o.Say("starting the roles")
	go func() { ended <- instance.Supervise(roles, cfg, quiet, func() { close(ready) }) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	case <-ready:
		err = c.fill(ctx, o, cfg, do)
	}
	if err == nil && stay {
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		err = nil
		fmt.Println("\nstopping; everything is kept")
	}
	demonstration.StopWorkspaces(context.WithoutCancel(ctx), cfg)
	stop()
	return errors.Join(err, <-ended, demonstration.Unmount(c.Dir), fired())
}

// fill loads what is not loaded yet and hands the Ark to do.
func (c demoCmd) fill(ctx context.Context, o demonstration.Options, cfg instance.Config, do func(context.Context, demonstration.Options, *demonstration.Users) error) error {
	users, err := demonstration.NewUsers(ctx, cfg, o)
	if err != nil {
		return err
	}
	if c.Unattended && c.Crash == "kills" {
		o.Calm = c.kill(ctx, cfg)
	}
	if err := demonstration.LoadOnce(ctx, o, users); err != nil {
		return err
	}
	return do(ctx, o, users)
}

// points are the declared points of the kind of crash asked for.
func (c demoCmd) points() ([]string, error) {
	switch c.Crash {
	case "points":
		return instance.CrashPoints(), nil
	case "words":
		return instance.BrokenWords(), nil
	case "writes":
		return instance.BrokenWrites(), nil
	case "none":
		return nil, nil
	}
	return nil, instance.ShortLeases()
}

// breakEach breaks each kind of commit or question as it comes, and says at the
// end what was broken.
func (c demoCmd) breakEach() (fired func() error, err error) {
	list, err := instance.BreakEach(c.Crash, c.broken)
	return func() error {
		both, once, err := list()
		if err != nil {
			return err
		}
		for _, x := range both {
			fmt.Printf("broken twice: %s\n", x)
		}
		fmt.Printf("each of %d kinds of %s that came fired once in both ways, and the job was done all the same\n", len(both), c.Crash)
		if len(once) > 0 { // what was not done for somebody may be nobody's wish a moment later
			fmt.Printf("broken once, and not wanted again: %v\n", once)
		}
		if len(both) < 8 || len(once) > 3 {
			return fmt.Errorf("only %d kinds of %s were broken in both ways, %d once", len(both), c.Crash, len(once))
		}
		return nil
	}, err
}

// kill kills processes at random until the function that it returns is called.
func (c demoCmd) kill(ctx context.Context, cfg instance.Config) (calm func()) {
	kills, end := context.WithCancel(ctx)
	done := make(chan map[string]int, 1)
	go func() { done <- instance.Kills(kills, cfg, c.Kills, c.KillSeed) }()
	return func() {
		end()
		n, text := 0, ""
		of := <-done
		for _, role := range slices.Sorted(maps.Keys(of)) {
			n += of[role]
			text += fmt.Sprintf(" %s %d", role, of[role])
		}
		fmt.Printf("%d kills at random:%s\n", n, text)
	}
}

// play plays the main job and writes the projection of where it ends.
func (c demoCmd) play(ctx context.Context, o demonstration.Options, u *demonstration.Users) error {
	err := demonstration.Play(ctx, o, u)
	if err != nil || c.Projection == "" {
		return err
	}
	cfg, err := instance.Load(c.Dir)
	if err != nil {
		return err
	}
	text, err := instance.Projection(ctx, cfg)
	if err != nil {
		return err
	}
	return os.WriteFile(c.Projection, []byte(text), 0o644)
}

func (c demoCmd) unattended(ctx context.Context) error {
	if c.Dir == mustAbs(".ark") {
		dir, err := os.MkdirTemp("", "ark-unattended-")
		if err != nil {
			return err
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
		c.Dir = filepath.Join(dir, "ark")
	}
	if c.Listen == "127.0.0.1:8080" {
		c.Listen = "127.0.0.1:8093"
	}
	if c.People == 20000 && !c.Studies {
		c.People = 2000
	}
	points, err := c.points()
	if err != nil {
		return err
	}
	left := func() []string { return nil }
	if len(points) > 0 || c.Crash == "commits" || c.Crash == "asks" {
		dir, err := os.MkdirTemp("", "ark-crash-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
		if c.broken = dir; len(points) > 0 {
			left, err = instance.ArmCrashes(dir, points)
		}
		if err != nil {
			return err
		}
	}
	if c.Crash == "none" && c.Projection == "" {
		if c.postbox, err = demonstration.OpenPostbox(); err != nil {
			return err
		}
	}
	do := c.play
	if c.Studies {
		do = demonstration.Studies
	}
	err = c.serve(ctx, do, false)
	if len(points) > 0 && err == nil {
		if rest := left(); len(rest) > 0 {
			err = fmt.Errorf("the run passed, but %d of %d points did not fire: %v", len(rest), len(points), rest)
		} else {
			fmt.Printf("each of %d points of the kind %s fired once, and the job was done all the same\n", len(points), c.Crash)
		}
	}
	if !c.Keep && err == nil {
		err = demonstration.Remove(context.WithoutCancel(ctx), c.Dir)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "ark: the Ark of this run is kept in", c.Dir)
	}
	return err
}

func mustAbs(p string) string {
	abs, err := filepath.Abs(p)
	if err != nil {
		return p
	}
	return abs
}
