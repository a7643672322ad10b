// Command ark-engine is DuckDB behind walls.
//
//	ark-engine job     one engine.Job on standard input, its answer on standard output
//	ark-engine serve   SQL over a Unix socket, inside a workspace
//
// It is started by a worker or by a workspace, never by a person. It drops its
// powers before it reads a byte of data, and ends when its work does. Exit
// status: 0 an answer was written (also a refusing one), 2 misuse, 3 the walls
// do not stand.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/pkg/engine/duck"
	"github.com/ark-tre/ark/pkg/engine/walls"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 2 {
		os.Exit(usage())
	}
	switch os.Args[1] {
	case "job":
		os.Exit(job(ctx))
	case "serve":
		os.Exit(serve(ctx, os.Args[2:]))
	case "serve-walled":
		os.Exit(serveWalled(ctx, os.Args[2:]))
	}
	os.Exit(usage())
}

func usage() int {
	fmt.Fprintln(os.Stderr, "usage: ark-engine job < job.json\n       ark-engine serve --db FILE --socket FILE [flags]")
	return 2
}

// maxJob bounds the job on standard input.
const maxJob = 8 << 20

func job(ctx context.Context) int {
	var j engine.Job
	in, err := io.ReadAll(io.LimitReader(os.Stdin, maxJob))
	if err == nil {
		err = json.Unmarshal(in, &j)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ark-engine: the job can't be read")
		return 2
	}
	j.Limits = j.Limits.OrDefault()
	stand, err := walls.Raise(duck.JobPlan(j))
	if err != nil {
		return answer(engine.Answer{Walls: stand, Fault: &engine.Refusal{
			Kind: int(ark.Unavailable), Says: "the query engine can't wall itself in on this machine, so it does not start",
			Remedy: "use a kernel with Landlock (5.19 or later) and seccomp", Class: err.Error(),
		}}, 3)
	}
	return answer(duck.RunJob(ctx, j, stand), 0)
}

func answer(a engine.Answer, status int) int {
	if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
		return 2
	}
	return status
}
