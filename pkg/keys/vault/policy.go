package vault

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/keys"
)

// rule is one path of a Vault policy, below the mount of a class.
type rule struct {
	path         string
	capabilities []string
}

// rules says what Vault must allow for a right. Whoever has any right may also
// read descriptions of keys: versions and public halves.
func rules(right keys.Right) []rule {
	switch right {
	case keys.MaySeal:
		return []rule{{"datakey/plaintext/+", []string{"update"}}, {"hmac/" + finger + "*", []string{"update"}}}
	case keys.MayOpen:
		return []rule{{"decrypt/+", []string{"update"}}}
	case keys.MayHash:
		return []rule{{"hmac/+", []string{"update"}}}
	case keys.MaySign:
		return []rule{{"sign/+", []string{"update"}}}
	case keys.MayVerify:
		return nil // checked outside Vault, with the public half
	case keys.MayCreate:
		return []rule{{"keys/+", []string{"create", "update"}}, {"keys/+/rotate", []string{"create", "update"}}}
	case keys.MayDestroy:
		return []rule{{"keys/+", []string{"delete"}}, {"keys/+/config", []string{"create", "update"}}, {"keys/" + gone + "*", []string{"create", "update", "read"}}}
	case keys.MayList:
		return []rule{{"keys", []string{"list"}}}
	}
	return nil
}

// Policy writes the Vault policy of a role: what rights say, below prefix, and
// nothing else.
func Policy(prefix, role string, rights keys.Rights) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Vault policy of the role %q. Made from policies/grants.yaml; a test\n# holds it to that file. Do not edit.\n", role)
	for _, class := range slices.Sorted(maps.Keys(rights)) {
		if len(rights[class]) == 0 {
			continue
		}
		paths := map[string][]string{"keys/+": {"read"}}
		for _, right := range rights[class] {
			for _, r := range rules(right) {
				paths[r.path] = append(paths[r.path], r.capabilities...)
			}
		}
		for _, path := range slices.Sorted(maps.Keys(paths)) {
			slices.Sort(paths[path])
			fmt.Fprintf(&b, "\npath \"%s/%s/%s\" {\n  capabilities = [\"%s\"]\n}\n",
				strings.Trim(prefix, "/"), class, path, strings.Join(slices.Compact(paths[path]), `", "`))
		}
	}
	return b.String()
}
