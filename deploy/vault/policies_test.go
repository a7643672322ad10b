package vault

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/keys"
	keyvault "github.com/ark-tre/ark/pkg/keys/vault"
	"github.com/ark-tre/ark/policies"
)

var update = flag.Bool("update", false, "write the policies anew")

// operator is the one role that is no process: people who make, rotate and
// destroy keys and can use none of them.
func operator() keys.Rights {
	rights := make(keys.Rights)
	for _, c := range keys.Classes {
		rights[c] = []keys.Right{keys.MayCreate, keys.MayDestroy, keys.MayList}
	}
	return rights
}

func TestPoliciesSayWhatTheGrantsSay(t *testing.T) {
	grants, err := policies.LoadGrants()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"operator.hcl": keyvault.Policy("ark", "operator", operator())}
	for role, grant := range grants {
		want[role+".hcl"] = keyvault.Policy("ark", role, grant.Keys)
	}
	if *update {
		for name, text := range want {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	names, err := filepath.Glob("*.hcl")
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = string(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the policies differ from policies/grants.yaml; go test ./deploy/vault -update (-want +got)\n%s", diff)
	}
}
