package vault

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"errors"

	"github.com/hashicorp/vault/api"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
)

// Renew brings what an older version set up to what today's wants: it mounts the
// engines that came since, and writes the policies of roles (Vault's name
// ark-ROLE) that are missing or are not today's. Nothing is unmounted, no key is
// touched and no policy of another name. It returns what it did, or would do
// when apply is false, one line each: of a policy, what it gives more and what
// it takes away. It may be repeated.
func Renew(ctx context.Context, client *api.Client, prefix string, roles map[string]keys.Rights, apply bool) ([]string, error) {
	var did []string
	mounts, err := client.Sys().ListMountsWithContext(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	for _, c := range keys.Classes {
		path := strings.Trim(prefix, "/") + "/" + string(c)
		if m := mounts[path+"/"]; m != nil {
			if m.Type != "transit" {
				return did, ark.Faultf(ark.Conflict, "Vault has something else than a transit engine mounted at %q", path).Do("find out what it is; nothing was changed there")
			}
			continue
		}
		if apply {
			if err := client.Sys().MountWithContext(ctx, path, &api.MountInput{Type: "transit", Description: "Ark keys of the class " + string(c)}); err != nil {
				return did, unavailable(err)
			}
		}
		did = append(did, "vault: mount a transit engine at "+path)
	}
	for _, role := range slices.Sorted(maps.Keys(roles)) {
		name, want := "ark-"+role, Policy(prefix, role, roles[role])
		has, err := client.Sys().GetPolicyWithContext(ctx, name)
		var r *api.ResponseError
		if err != nil && !(errors.As(err, &r) && r.StatusCode == http.StatusNotFound) {
			return did, unavailable(err)
		}
		if strings.TrimSpace(has) == strings.TrimSpace(want) {
			continue
		}
		more, less, known := grown(has, want)
		line := fmt.Sprintf("vault: policy %s: gives more: %s; takes away: %s", name, more, less)
		switch {
		case has == "":
			line = fmt.Sprintf("vault: policy %s is missing: gives %s", name, more)
		case !known:
			line = fmt.Sprintf("vault: policy %s is not as an Ark writes it: it is replaced by deploy/vault/%s.hcl", name, role)
		}
		if apply {
			if err := client.Sys().PutPolicyWithContext(ctx, name, want); err != nil {
				return did, unavailable(err)
			}
		}
		did = append(did, line)
	}
	return did, nil
}

var (
	policyPath = regexp.MustCompile(`^path "([^"]+)" \{$`)
	policyCaps = regexp.MustCompile(`^capabilities = \["([a-z", ]+)"\]$`)
)

// grown says what want gives that has does not, and the other way round; known
// is false when has is not as Policy writes one.
func grown(has, want string) (more, less string, known bool) {
	was, known := given(has)
	is, _ := given(want)
	return without(is, was), without(was, is), known
}

// given is the paths of a policy with what may be done there.
func given(policy string) (map[string]bool, bool) {
	out, at := map[string]bool{}, ""
	for line := range strings.Lines(policy) {
		line = strings.TrimSpace(line)
		if m := policyPath.FindStringSubmatch(line); m != nil && at == "" {
			at = m[1]
		} else if m := policyCaps.FindStringSubmatch(line); m != nil && at != "" {
			for _, c := range strings.Split(m[1], `", "`) {
				out[c+" "+at] = true
			}
		} else if line == "}" && at != "" {
			at = ""
		} else if line != "" && !strings.HasPrefix(line, "#") {
			return out, false
		}
	}
	return out, at == ""
}

// without lists what is in a and not in b.
func without(a, b map[string]bool) string {
	var out []string
	for _, x := range slices.Sorted(maps.Keys(a)) {
		if !b[x] {
			out = append(out, x)
		}
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}
