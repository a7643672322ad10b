package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/intake/arrive"
)

type dropCmd struct {
	online
	Source  string        `arg:"" help:"The source's short name or identifier."`
	Dir     string        `arg:"" help:"The drop folder: each folder in it is a delivery with its manifest.json." type:"existingdir"`
	Every   time.Duration `help:"How often to look." default:"15s"`
	Settled time.Duration `help:"How long nothing of a delivery may have changed." default:"30s"`
	Once    bool          `help:"Look once and end; status 1 when something was refused."`
	MLLP    string        `name:"mllp" help:"Also take HL7 v2 messages over MLLP on this address and gather them into the folder." placeholder:"HOST:PORT"`
	Tables  []string      `help:"Tables of the contract that read the messages." default:"messages"`
	Most    int           `help:"Messages of one delivery." default:"10000"`
	Gather  time.Duration `help:"How long messages are gathered at most." default:"5m"`
}

// Run delivers what arrives in the folder until it is told to stop.
func (c dropCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	s, err := named(ctx, k, "/sources", "source", c.Source, func(s catalogue.Source) (string, string) { return s.ID, s.Slug })
	if err != nil {
		return err
	}
	k.HTTP.Timeout = 0
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	drop := arrive.Drop{Dir: c.Dir, Settled: c.Settled, Now: time.Now, Log: log, Deliver: func(ctx context.Context, dir string) error { return c.deliver(ctx, k, s.ID, dir) }}
	if c.Once {
		n, wrong, err := drop.Sweep(ctx)
		if err == nil {
			err = c.print(map[string]int{"delivered": n, "refused": wrong}, "%d delivered, %d refused", n, wrong)
		}
		if err == nil && wrong > 0 {
			err = errFound
		}
		return err
	}
	if c.MLLP != "" {
		at, err := net.Listen("tcp", c.MLLP)
		if err != nil {
			return ark.Faultf(ark.Unavailable, "the address for MLLP cannot be listened on").Do("give one that is free").Because(err)
		}
		l := &arrive.Listener{Dir: c.Dir, Source: s.Slug, Tables: c.Tables, Most: c.Most, Largest: 4 << 20, Every: c.Gather, Idle: 5 * time.Minute, Now: time.Now, Log: log}
		go func() {
			if err := l.Serve(ctx, at); err != nil && ctx.Err() == nil {
				log.Error("MLLP ended", "error", err)
			}
		}()
	}
	for {
		if n, wrong, err := drop.Sweep(ctx); err != nil {
			return err
		} else if n+wrong > 0 {
			log.Info("swept the drop folder", "delivered", n, "refused", wrong)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.Every):
		}
	}
}

// deliver uploads one folder. That it is recorded is enough: what is wrong with
// its rows is said on its page.
func (c dropCmd) deliver(ctx context.Context, k *client.Client, source, dir string) error {
	var d catalogue.Delivery
	err := k.Upload(ctx, "/sources/"+source+"/deliveries", "", dir, &d)
	if errors.Is(err, context.Canceled) {
		return ark.Faultf(ark.Unavailable, "stopped").Because(err)
	}
	return err
}
