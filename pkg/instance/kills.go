package instance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Kills kills n processes of the Ark that this process supervises, each a role
// or the enclave daemon picked at random, at random moments between which any
// of them has time to come back. It ends after the nth, or with ctx, and
// returns how often each was killed.
func Kills(ctx context.Context, c Config, n int, seed uint64) map[string]int {
	r := rand.New(rand.NewPCG(seed, 17))
	out := map[string]int{}
	for done := 0; done < n; {
		select {
		case <-ctx.Done():
			return out
		case <-time.After(time.Duration(100+r.IntN(1400)) * time.Millisecond):
		}
		alive := c.processes()
		if len(alive) == 0 {
			continue
		}
		roles := make([]string, 0, len(alive))
		for role := range alive {
			roles = append(roles, role)
		}
		slices.Sort(roles)
		role := roles[r.IntN(len(roles))]
		if syscall.Kill(alive[role], syscall.SIGKILL) == nil {
			out[role]++
			done++
		}
	}
	return out
}

// processes finds this process's children that run this Ark: role → pid.
func (c Config) processes() map[string]int {
	out := map[string]int{}
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		return nil
	}
	for _, path := range tasks {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for _, f := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(f)
			if err != nil {
				continue
			}
			line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if err != nil {
				continue
			}
			args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
			if i := slices.Index(args, "--role"); i > 0 && i+1 < len(args) && slices.Contains(args, c.dir) {
				out[args[i+1]] = pid
			} else if len(args) > 0 && filepath.Base(args[0]) == "ark-enclaved" && slices.Contains(args, c.socket("enclaved")) {
				out["enclaved"] = pid
			}
		}
	}
	return out
}
