package instance

import (
	"os"
	"slices"
	"testing"

	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/policies"
)

// TestManagersHaveAGroup: whoever makes or destroys keys of a class does so by
// a group of its own. A class that has none would give them root's.
func TestManagersHaveAGroup(t *testing.T) {
	g, err := policies.LoadGrants()
	if err != nil {
		t.Fatal(err)
	}
	classes := classGroups()
	for role, grant := range g {
		for c, rights := range grant.Keys {
			manages := slices.Contains(rights, keys.MayCreate) || slices.Contains(rights, keys.MayDestroy)
			if manages && classes[c].Manager == 0 {
				t.Errorf("%s makes or destroys keys of %s, which has no group for that", role, c)
			}
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	for role, id := range identities(g) {
		if slices.Contains(id.groups, 0) {
			t.Errorf("%s is in root's group", role)
		}
	}
}
