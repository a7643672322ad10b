package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"

	"github.com/ark-tre/ark/airlock/bundle"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/instance"
	"github.com/ark-tre/ark/pkg/worker"
)

type releaseCmd struct {
	Verify releaseVerifyCmd `cmd:"" help:"Verify a released bundle, offline."`
	Key    releaseKeyCmd    `cmd:"" help:"Print the public key that releases of an Ark are verified with, on the Ark's own machine."`
}

type releaseVerifyCmd struct {
	Bundle string `arg:"" help:"The bundle." type:"existingfile"`
	Key    string `help:"The Ark's public release key (PEM); from another source than the bundle." required:"" type:"existingfile" placeholder:"FILE"`
	JSON   bool   `name:"json" help:"Print the statement as JSON."`
}

// Run prints what the Ark signed; a finding makes the exit status 1.
func (c releaseVerifyCmd) Run(ctx context.Context) error {
	text, err := readText(c.Key)
	if err != nil {
		return err
	}
	key, err := readPublicKey(c.Key, text)
	if err != nil {
		return err
	}
	data, err := readText(c.Bundle)
	if err != nil {
		return err
	}
	s, err := bundle.Verify(ctx, data, key)
	if ark.Is(err, ark.Invalid) {
		fmt.Println(err)
		fmt.Println("NOT VERIFIED")
		return errFound
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return printResult(s, false)
	}
	fmt.Printf("verified: release %s of project %s, %d files, approved by %d checkers under %s\n", s.Release, s.Project, len(s.Files), s.Checkers, s.Checked.Profile)
	for _, f := range s.Files {
		fmt.Printf("%s  %d bytes  %q\n", f.SHA256, f.Size, f.Name)
	}
	return nil
}

// readPublicKey reads an Ed25519 key: PEM, or its 32 bytes in base64.
func readPublicKey(name string, text []byte) (ed25519.PublicKey, error) {
	if block, _ := pem.Decode(text); block != nil && block.Type == "PUBLIC KEY" {
		if k, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			if key, ok := k.(ed25519.PublicKey); ok {
				return key, nil
			}
		}
	} else if raw, err := base64.StdEncoding.Strict().DecodeString(string(bytes.TrimSpace(text))); err == nil && len(raw) == ed25519.PublicKeySize {
		return raw, nil
	}
	return nil, ark.Faultf(ark.Invalid, "the file holds no Ed25519 public key").At(name, 0, "").Do("ask the Ark's operator, who prints it with: ark release key")
}

type releaseKeyCmd struct {
	Dir string `help:"The Ark's folder." required:"" type:"existingdir"`
}

// Run prints the key as PEM, for the operator to publish.
func (c releaseKeyCmd) Run(ctx context.Context) error {
	cfg, err := instance.Load(c.Dir)
	if err != nil {
		return err
	}
	role, err := instance.OpenRole(ctx, cfg, "control")
	if err != nil {
		return err
	}
	key, err := role.Keys.Public(ctx, worker.ReleaseKey)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return err
	}
	return pem.Encode(os.Stdout, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
