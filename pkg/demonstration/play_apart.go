package demonstration

import (
	"context"
	"os"
	"strings"

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
