// Command ark-inspect looks at files that want to leave or enter, behind walls.
//
//	ark-inspect look       frames of package wire on standard input and output;
//	                       known values, if any, as a set on descriptor 3
//	ark-inspect pages      draws pages of one PDF, in frames of package wire
//	ark-inspect escape     tries to get out, and reports what did
//
// A worker or `ark inspect` starts it, never a person. It drops its powers
// before it reads a byte. Exit status: 0 its input ended, 2 misuse, 3 the walls
// do not stand.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"

	"github.com/ark-tre/ark/airlock/inspect/box"
	"github.com/ark-tre/ark/airlock/inspect/kinds"
	"github.com/ark-tre/ark/airlock/inspect/known"
	"github.com/ark-tre/ark/airlock/inspect/pages"
	"github.com/ark-tre/ark/airlock/inspect/wire"
)

func main() {
	if len(os.Args) < 2 {
		os.Exit(usage())
	}
	switch os.Args[1] {
	case "look":
		os.Exit(lookAt())
	case "pages":
		os.Exit(draw())
	case "escape":
		os.Exit(escape())
	}
	os.Exit(usage())
}

func usage() int {
	fmt.Fprintln(os.Stderr, "usage: ark-inspect look | pages | escape (it is started by ark)")
	return 2
}

func limits() box.Limits {
	n, _ := strconv.ParseUint(os.Getenv("ARK_INSPECT_MEMORY"), 10, 64) // absent: the default
	return box.Limits{Weak: os.Getenv("ARK_INSPECT_WEAK") == "1", Memory: n}
}

// enter raises the walls; false when they do not stand, which it has said.
func enter(out *bufio.Writer) (wire.Hello, bool) {
	hello, err := box.Enter(limits())
	if err != nil {
		hello.Fault = err.Error()
		_ = wire.Write(out, hello) // there is nobody else to tell
	}
	return hello, err == nil
}

func draw() int {
	out := bufio.NewWriter(os.Stdout)
	hello, stands := enter(out)
	if !stands {
		return 3
	}
	if wire.Write(out, hello) != nil || pages.Serve(os.Stdin, os.Stdout) != nil {
		return 2
	}
	return 0
}

func lookAt() int {
	out := bufio.NewWriter(os.Stdout)
	hello, stands := enter(out)
	if !stands {
		return 3
	}
	var has func([]byte) bool
	if os.Getenv("ARK_INSPECT_KNOWN") == "1" {
		set, err := known.Open(os.NewFile(3, "known"))
		if err != nil {
			hello.Fault = "the set of known values can't be read"
			_ = wire.Write(out, hello)
			return 3
		}
		has, hello.Known = set.Has, set.Len()
	}
	if err := wire.Write(out, hello); err != nil {
		return 2
	}
	if err := kinds.Serve(os.Stdin, os.Stdout, has); err != nil {
		return 2
	}
	return 0
}
