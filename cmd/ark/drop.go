package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

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

	MLLPCert string `name:"mllp-cert" help:"Take MLLP over TLS with this certificate (PEM)." type:"existingfile"`
	MLLPKey  string `name:"mllp-key" help:"Its key (PEM)." type:"existingfile"`
	MLLPCA   string `name:"mllp-senders-ca" help:"Take messages of senders alone whose certificate one of these signed (PEM)." type:"existingfile"`

	Bucket   string `help:"Also watch an S3 bucket, or what lies below a prefix of it; the folder is then where its deliveries are fetched to. Credentials are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY." placeholder:"BUCKET[/PREFIX]"`
	Endpoint string `help:"The bucket's server." placeholder:"HOST:PORT"`
	Region   string `help:"The bucket's region." default:"us-east-1"`
	Insecure bool   `help:"Speak HTTP to the bucket's server: for a server on this machine."`
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
	sweep := drop.Sweep
	if c.Bucket != "" {
		b, err := c.bucket(drop)
		if err != nil {
			return err
		}
		sweep = func(ctx context.Context) (int, int, error) {
			n, wrong, err := drop.Sweep(ctx)
			if err != nil {
				return n, wrong, err
			}
			more, worse, err := b.Sweep(ctx)
			if ark.Is(err, ark.Unavailable) && !c.Once { // its server comes back
				log.Warn("the drop bucket does not answer")
				err = nil
			}
			return n + more, wrong + worse, err
		}
	}
	if c.Once {
		n, wrong, err := sweep(ctx)
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
		if c.MLLPCert != "" || c.MLLPCA != "" {
			config, err := arrive.TLS(c.MLLPCert, c.MLLPKey, c.MLLPCA)
			if err != nil {
				return err
			}
			at = tls.NewListener(at, config)
		}
		l := &arrive.Listener{Dir: c.Dir, Source: s.Slug, Tables: c.Tables, Most: c.Most, Largest: 4 << 20, Every: c.Gather, Idle: 5 * time.Minute, Now: time.Now, Log: log}
		go func() {
			if err := l.Serve(ctx, at); err != nil && ctx.Err() == nil {
				log.Error("MLLP ended", "error", err)
			}
		}()
	}
	for {
		if n, wrong, err := sweep(ctx); err != nil {
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

// bucket is the watched bucket, which delivers as the folder does.
func (c dropCmd) bucket(d arrive.Drop) (arrive.Bucket, error) {
	name, prefix, _ := strings.Cut(c.Bucket, "/")
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	client, err := minio.New(c.Endpoint, &minio.Options{Creds: credentials.NewEnvAWS(), Region: c.Region, Secure: !c.Insecure, BucketLookup: minio.BucketLookupPath})
	if err != nil {
		return arrive.Bucket{}, ark.Faultf(ark.Invalid, "the bucket's server cannot be named so").At("", 0, "--endpoint").Do("give its host and port").Because(err)
	}
	scratch := filepath.Join(c.Dir, ".bucket")
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return arrive.Bucket{}, err
	}
	return arrive.Bucket{Client: client, Name: name, Prefix: prefix, Scratch: scratch, Settled: c.Settled, Now: time.Now, Log: d.Log, Largest: 64 << 30, Deliver: d.Deliver}, nil
}

// deliver uploads one folder, in parts. That it is recorded is enough: what is wrong with
// its rows is said on its page.
func (c dropCmd) deliver(ctx context.Context, k *client.Client, source, dir string) error {
	var d catalogue.Delivery
	err := inParts{client: k, source: source, dir: dir, patience: time.Minute, pause: 2 * time.Second, progress: io.Discard}.send(ctx, &d)
	if errors.Is(err, context.Canceled) {
		return ark.Faultf(ark.Unavailable, "stopped").Because(err)
	}
	return err
}
