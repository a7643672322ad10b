package demonstration

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/fsck"
	"github.com/ark-tre/ark/pkg/instance"
)

// apart lets the credential and the OS user of each role try everything, and
// holds what they reached against the grants.
func (p *play) apart(ctx context.Context) error {
	if os.Geteuid() != 0 {
		p.Say("    not tried: without root every role is one user")
		return nil
	}
	all, err := instance.Reach(ctx, p.u.config)
	if err != nil {
		return err
	}
	for _, r := range all {
		p.Say("    %-8s reads %s", r.Role, strings.Join(r.Reads, ", "))
		if wrong := r.Wrong(); len(wrong) > 0 {
			return must(false, "%s", strings.Join(wrong, "; "))
		}
	}
	return must(len(all) == 6, "only %d roles were tried", len(all))
}

// agree reads the whole Ark independently, once nothing is under way.
func (p *play) agree(ctx context.Context) error {
	for try := 0; ; try++ {
		r, err := instance.Fsck(ctx, p.u.config, false)
		if err != nil {
			return err
		}
		unnamed := 0
		if p.Patience > 0 { // a crash may leave objects that nobody names, and nothing else
			kept := r.Findings[:0]
			for _, f := range r.Findings {
				if f.Kind == fsck.Leftover && f.Says == fsck.Unnamed {
					unnamed++
				} else {
					kept = append(kept, f)
				}
			}
			r.Findings = kept
		}
		if (r.Busy > 0 || !r.OK()) && try < 10 { // what is under way is no disagreement a moment later
			if err := sleep(ctx, 2*time.Second); err != nil {
				return err
			}
			continue
		}
		p.Say("    %d rows, %d objects, %d recorded acts; no stray sandbox, mount, volume, key or half upload", r.Rows, r.Objects, r.Acts)
		if err := must(r.OK() && r.Objects > 50 && r.Acts > 50, "parts of the Ark disagree: %v", r.Findings); err != nil || unnamed == 0 {
			return err
		}
		r, err = instance.Fsck(ctx, p.u.config, true)
		if err != nil {
			return err
		}
		p.Say("    %d leftovers removed: objects that were stored before a crash and that no row names", r.Mended)
		return must(r.OK(), "ark fsck --mend left %v", r.Findings)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
