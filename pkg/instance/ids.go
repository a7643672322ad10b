package instance

import (
	"os"
	"slices"
	"sort"

	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/policies"
)

// The numbers of OS users and groups that an Ark takes on its box when it is
// started as root. They need no entry in /etc/passwd.
const (
	firstUser  = 64000
	firstZone  = 64200
	firstClass = 64300
	// whoever makes or destroys the keys of a class, which is not who reads them
	firstManager = 64400
)

// identityOf is the OS identity of one role: its user, and a group for every
// zone and class of keys that its grant names.
type identityOf struct {
	uid    uint32
	groups []uint32
}

// identities gives every role its identity. On a box where we are not root
// there is one user, and nil is returned: the walls inside the processes stand
// alone, and workspaces are refused.
func identities(g policies.Grants) map[string]identityOf {
	if os.Geteuid() != 0 {
		return nil
	}
	roles := roleNames(g)
	zones, classes := zoneGroups(), classGroups()
	out := map[string]identityOf{}
	for i, r := range roles {
		id := identityOf{uid: uint32(firstUser + i)}
		for _, z := range g[r].Zones {
			id.groups = append(id.groups, uint32(zones[z]))
		}
		for c, rights := range g[r].Keys {
			// Sealing and verifying need public files only; destroying reads nothing.
			if slices.ContainsFunc(rights, func(x keys.Right) bool { return x == keys.MayOpen || x == keys.MayHash || x == keys.MaySign }) {
				id.groups = append(id.groups, uint32(classes[c].GID))
			}
			if slices.ContainsFunc(rights, func(x keys.Right) bool { return x == keys.MayCreate || x == keys.MayDestroy }) {
				id.groups = append(id.groups, uint32(classes[c].Manager))
			}
		}
		slices.Sort(id.groups)
		out[r] = id
	}
	return out
}

func roleNames(g policies.Grants) []string {
	var out []string
	for r := range g {
		out = append(out, r)
	}
	sort.Strings(out)
	return out
}

func zoneGroups() map[objects.Zone]int {
	var zones []string
	for z := range objects.DefaultRules() {
		zones = append(zones, string(z))
	}
	sort.Strings(zones)
	out := map[objects.Zone]int{}
	for i, z := range zones {
		out[objects.Zone(z)] = firstZone + i
	}
	return out
}

// classGroups says who reads which class; keys of projects and of versions are
// made and destroyed while the Ark runs, and keys of names made.
func classGroups() map[keys.Class]local.Access {
	out := map[keys.Class]local.Access{}
	for i, c := range keys.Classes {
		out[c] = local.Access{GID: firstClass + i}
		if c == keys.Project || c == keys.Versions || c == keys.Pseudonym {
			out[c] = local.Access{GID: firstClass + i, Manager: firstManager + i}
		}
	}
	return out
}
