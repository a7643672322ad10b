package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/instance"
)

type foundCmd struct {
	Dir     string `help:"Where the Ark will be; it must not be there, or be empty." required:"" type:"path"`
	Region  string `help:"Whose Ark it is, as the pages say it." required:""`
	Trial   string `help:"Why it takes no real records, in one sentence; stands on every page." required:""`
	Origin  string `help:"Its address as browsers see it." default:"http://localhost:8080"`
	Listen  string `help:"Where to listen." default:"127.0.0.1:8080"`
	Tree    string `help:"The checkout, for the root file system and runtime that make builds." default:"." type:"path"`
	Parts   string `help:"Use the services of this folder (parts.yaml and credentials) in place of the one-box defaults; see docs/production.md." type:"path"`
	Org     string `help:"Short name of the organisation that runs it: lower-case letters, digits, hyphens." required:""`
	OrgName string `help:"Its name." required:""`
	User    string `help:"User name of the first operator." required:""`
	Name    string `help:"Their name." required:""`
	Email   string `help:"Their e-mail address." required:""`
	Subject string `help:"The name by which an outside provider knows them."`
}

// Run makes an empty Ark with its first operator.
func (c foundCmd) Run(ctx context.Context) error {
	cfg := instance.Config{Region: c.Region, Trial: c.Trial, Listen: c.Listen, Origin: strings.TrimSuffix(c.Origin, "/"), Store: "sqlite:"}
	if err := cfg.Built(c.Tree); err != nil {
		return err
	}
	if c.Parts != "" {
		if err := cfg.Parts(c.Parts); err != nil {
			return err
		}
	}
	s, err := instance.FoundNew(ctx, c.Dir, cfg, c.Parts, instance.First{Org: governance.Organisation{Slug: c.Org, Name: c.OrgName, Kind: "operator"},
		UserName: c.User, Name: c.Name, Email: c.Email, Subject: c.Subject}, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	fmt.Printf("an empty Ark is in %s; start it with: ark serve --dir %s\n", c.Dir, c.Dir)
	if s.Password != "" {
		tell(s)
	}
	return nil
}

// tell prints a new account once; nothing keeps the password.
func tell(s instance.SignIn) {
	fmt.Printf("  user name      %s\n  password       %s\n  authenticator  %s\n", s.UserName, s.Password, s.Authenticator)
	fmt.Println("Hand them over in private: they are shown this once. Who holds them can add a passkey after signing in.")
}

type accountCmd struct {
	Add accountAddCmd `cmd:"" help:"Make an account at the embedded issuer; the Ark must stand still."`
}

type accountAddCmd struct {
	Dir   string `help:"The Ark's folder." required:"" type:"path"`
	User  string `arg:"" help:"User name."`
	Name  string `help:"The holder's name." required:""`
	Email string `help:"Their e-mail address." required:""`
}

// Run makes an account and prints how its holder signs in.
func (c accountAddCmd) Run(ctx context.Context) error {
	cfg, err := instance.Load(c.Dir)
	if err != nil {
		return err
	}
	s, err := cfg.NewAccount(ctx, c.User, c.Name, c.Email)
	if err != nil {
		return err
	}
	tell(s)
	fmt.Printf("An operator adds it on the page People, Add an account, with this subject: %s\n", s.Subject)
	return nil
}
