package runtime

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Usage is what a running sandbox has used.
type Usage struct {
	CPU         time.Duration `json:"cpu_ns"`
	MemoryBytes uint64        `json:"memory_bytes"`
	MemoryPeak  uint64        `json:"memory_peak_bytes"`
	Processes   uint64        `json:"processes"`
}

// Usage reads the sandbox's control group through the runtime, which knows
// where it lies on cgroup v1, v2 and hybrid hosts.
func (r Runc) Usage(ctx context.Context, id string) (Usage, error) {
	out, err := r.run(ctx, "events", "--stats", id)
	if err != nil {
		return Usage{}, ark.Faultf(ark.Conflict, "there is nothing running to measure").Because(err)
	}
	var event struct {
		Data struct {
			CPU struct {
				Usage struct {
					Total uint64 `json:"total"`
				} `json:"usage"`
			} `json:"cpu"`
			Memory struct {
				Usage struct {
					Usage uint64 `json:"usage"`
					Max   uint64 `json:"max"`
				} `json:"usage"`
			} `json:"memory"`
			Pids struct {
				Current uint64 `json:"current"`
			} `json:"pids"`
		} `json:"data"`
	}
	if err := json.Unmarshal(out, &event); err != nil {
		return Usage{}, ark.Faultf(ark.Unavailable, "the runtime's figures are unreadable").Because(err)
	}
	d := event.Data
	return Usage{CPU: time.Duration(d.CPU.Usage.Total), MemoryBytes: d.Memory.Usage.Usage, MemoryPeak: d.Memory.Usage.Max, Processes: d.Pids.Current}, nil
}
