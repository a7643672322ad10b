package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/ark-tre/ark/pkg/instance"
)

type serveCmd struct {
	Dir  string `help:"The Ark's folder." required:"" type:"path"`
	Role string `help:"Run one role only: control, intake, linkage, publish, enclave or airlock. Without it, all of them are started and supervised."`
}

// Run serves an Ark until it is told to stop.
func (c serveCmd) Run(ctx context.Context) error {
	cfg, err := instance.Load(c.Dir)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	switch c.Role {
	case "":
		return instance.Supervise(ctx, cfg, log, func() { log.Info("ready", "address", cfg.Origin) })
	case "control":
		return instance.RunControl(ctx, cfg, version, log)
	default:
		if err := instance.RunWorker(ctx, cfg, c.Role, log); ctx.Err() == nil {
			return err
		}
		return nil
	}
}
