package demonstration

import (
	"context"
	"os"
	"strings"
	"time"

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
		r, err := instance.Fsck(ctx, p.u.config, p.Patience > 0) // a crash may leave what nobody names
		if err != nil {
			return err
		}
		if (r.Busy > 0 || !r.OK()) && try < 5 { // what is under way is no disagreement a moment later
			if err := sleep(ctx, 2*time.Second); err != nil {
				return err
			}
			continue
		}
		p.Say("    %d rows, %d objects, %d recorded acts; %d leftovers removed", r.Rows, r.Objects, r.Acts, r.Mended)
		return must(r.OK() && r.Objects > 50 && r.Acts > 50, "parts of the Ark disagree: %v", r.Findings)
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
