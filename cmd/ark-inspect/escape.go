package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/ark-tre/ark/airlock/inspect/box"
	"github.com/ark-tre/ark/airlock/inspect/box/escapes"
)

// escape raises the same walls as look and then tries to get out. It prints
// the attempts and whether each was stopped; status 1 when one was not.
func escape() int {
	hello, err := box.Enter(limits())
	if err != nil {
		fmt.Fprintln(os.Stderr, "ark-inspect:", err)
		return 3
	}
	all := escapes.Try()
	out := struct {
		Hello    any               `json:"hello"`
		Attempts []escapes.Outcome `json:"attempts"`
	}{hello, all}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		return 2
	}
	for _, a := range all {
		if !a.Stopped {
			return 1
		}
	}
	return 0
}
