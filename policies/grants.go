package policies

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/objects"
)

//go:embed grants.yaml
var grantsText []byte

// Grant is what one role of the system may touch.
type Grant struct {
	Says  string         `yaml:"says"`
	Zones []objects.Zone `yaml:"zones"`
	Keys  keys.Rights    `yaml:"keys"`
}

// Grants are the roles of the system by name.
type Grants map[string]Grant

// LoadGrants reads the embedded grants; an unknown key, zone, class or right
// is an error.
func LoadGrants() (Grants, error) {
	dec := yaml.NewDecoder(bytes.NewReader(grantsText))
	dec.KnownFields(true)
	var g Grants
	if err := dec.Decode(&g); err != nil {
		return nil, fmt.Errorf("read grants.yaml: %w", err)
	}
	rules := objects.DefaultRules()
	rights := []keys.Right{keys.MaySeal, keys.MayOpen, keys.MayHash, keys.MaySign, keys.MayVerify, keys.MayCreate, keys.MayDestroy, keys.MayList}
	for role, x := range g {
		for _, z := range x.Zones {
			if _, ok := rules[z]; !ok {
				return nil, fmt.Errorf("grants.yaml: %s: there is no zone %q", role, z)
			}
		}
		for c, rs := range x.Keys {
			if !slices.Contains(keys.Classes[:], c) {
				return nil, fmt.Errorf("grants.yaml: %s: there is no class %q", role, c)
			}
			for _, r := range rs {
				if !slices.Contains(rights, r) {
					return nil, fmt.Errorf("grants.yaml: %s: there is no right %q", role, r)
				}
			}
		}
	}
	return g, nil
}

// Reads reports whether the role can read the plaintext of a zone: it reaches
// the zone and may open what is sealed there.
func (g Grant) Reads(z objects.Zone) bool {
	if !slices.Contains(g.Zones, z) {
		return false
	}
	rule := objects.DefaultRules()[z]
	if rule.Plain {
		return true
	}
	for _, c := range rule.Classes {
		if slices.Contains(g.Keys[c], keys.MayOpen) {
			return true
		}
	}
	return false
}
