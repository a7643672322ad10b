package main

import (
	"errors"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/client"
)

// howToStepUp tells who is asked for the second factor how to show it for what
// they were about to do.
func howToStepUp(err error) error {
	var need client.NeedsStepUp
	var f *ark.Fault
	if errors.As(err, &need) && errors.As(err, &f) {
		out := *f
		out.Remedy = "run ark sign-in --for " + string(need) + ", then this again within five minutes"
		return &out
	}
	return err
}
