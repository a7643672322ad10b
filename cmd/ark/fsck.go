package main

import (
	"context"
	"fmt"

	"github.com/ark-tre/ark/pkg/instance"
)

type fsckCmd struct {
	Dir  string `help:"The Ark's folder." required:"" type:"path"`
	Mend bool   `help:"Remove what a crash left and no row knows: objects that are not retained, and half uploads."`
}

// Run reads the database, the objects, the ledger, the keys and the volumes
// independently and prints where they disagree: status 1 then.
func (c fsckCmd) Run(ctx context.Context) error {
	cfg, err := instance.Load(c.Dir)
	if err != nil {
		return err
	}
	r, err := instance.Fsck(ctx, cfg, c.Mend)
	if err != nil {
		return err
	}
	fmt.Printf("%d rows, %d objects read whole, %d recorded acts held against the ledger; %d jobs under way, %d leftovers removed\n", r.Rows, r.Objects, r.Acts, r.Busy, r.Mended)
	for _, f := range r.Findings {
		fmt.Println("  " + f.String())
	}
	if !r.OK() {
		return errFound
	}
	fmt.Println("nothing disagrees")
	return nil
}
