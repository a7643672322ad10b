package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/ark-tre/ark/pkg/instance"
)

type reachCmd struct {
	Dir  string `help:"The Ark's folder." required:"" type:"path"`
	Role string `help:"Be the process of one role; what to try comes by standard input." hidden:""`
}

// Run prints what the credential of each role really reaches, and what of that
// is not as the grants say: status 1 then.
func (c reachCmd) Run(ctx context.Context) error {
	cfg, err := instance.Load(c.Dir)
	if err != nil {
		return err
	}
	if c.Role != "" {
		return instance.TryReach(ctx, cfg, c.Role, os.Stdin, os.Stdout)
	}
	all, err := instance.Reach(ctx, cfg)
	if err != nil {
		return err
	}
	or := func(s []string) string {
		if len(s) == 0 {
			return "nothing"
		}
		return strings.Join(s, ", ")
	}
	var wrong []string
	for _, r := range all {
		fmt.Printf("%s\n  fetches sealed bytes of  %s\n  reads plaintext of       %s\n  opens keys of            %s\n  hashes with              %s\n  signs with               %s\n",
			r.Role, or(r.Fetches), or(r.Reads), or(r.Opens), or(r.Hashes), or(r.Signs))
		wrong = append(wrong, r.Wrong()...)
	}
	if len(wrong) > 0 {
		fmt.Println("\nnot as policies/grants.yaml says:\n  " + strings.Join(wrong, "\n  "))
		return errFound
	}
	fmt.Println("\neach credential reaches what its grant names and nothing else; none reads identifiers and payload")
	return nil
}
