package main

import (
	"context"
	"fmt"

	"github.com/ark-tre/ark/pkg/instance"
)

type renewCmd struct {
	Dir         string `help:"The Ark's folder." required:"" type:"path"`
	Credentials string `help:"Folder with the founder's credential (founder.json), and those of roles that came since." required:"" type:"existingdir"`
	Policies    bool   `help:"Bring the policies of roles in Vault and of buckets to today's, too. Where they were written by hand, as on AWS, compare what is printed first."`
	Apply       bool   `help:"Do it; without this it is only printed."`
}

// Run brings what an older version set up on Vault and S3 to today's: status 1
// when something is to be done and was only printed.
func (c renewCmd) Run(ctx context.Context) error {
	cfg, err := instance.Load(c.Dir)
	if err != nil {
		return err
	}
	did, err := instance.RenewOutside(ctx, cfg, instance.Renewal{Credentials: c.Credentials, Policies: c.Policies, Apply: c.Apply})
	for _, line := range did {
		fmt.Println(line)
	}
	switch {
	case err != nil:
		return err
	case len(did) == 0:
		fmt.Println("everything is as this version wants it")
	case !c.Apply:
		fmt.Println("nothing was done yet: run it again with --apply")
		return errFound
	default:
		fmt.Println("done; start the Ark")
	}
	return nil
}
