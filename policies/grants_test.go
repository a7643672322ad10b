package policies

import (
	"testing"

	"github.com/ark-tre/ark/pkg/objects"
)

// TestNoRoleReadsIdentityAndPayload is invariant 3. Intake parts the two; it
// writes both and can read back neither.
func TestNoRoleReadsIdentityAndPayload(t *testing.T) {
	g, err := LoadGrants()
	if err != nil {
		t.Fatal(err)
	}
	readers := 0
	for role, x := range g {
		identity := x.Reads(objects.Identifiers)
		facts := x.Reads(objects.Payload) || x.Reads(objects.Versions) || x.Reads(objects.Extracts) || x.Reads(objects.Outputs)
		if identity && facts {
			t.Errorf("%s reads identifiers and facts", role)
		}
		if x.Reads(objects.Landing) && role != "intake" {
			t.Errorf("%s reads deliveries as they came, which are identifiers and facts", role)
		}
		if identity || facts {
			readers++
		}
	}
	if readers < 3 {
		t.Errorf("only %d roles read anything: the test looks at nothing", readers)
	}
}

// TestThePortalOpensNothing: the process that meets browsers holds no key that
// opens a record, an extract or an output.
func TestThePortalOpensNothing(t *testing.T) {
	g, err := LoadGrants()
	if err != nil {
		t.Fatal(err)
	}
	for _, z := range []objects.Zone{objects.Landing, objects.Identifiers, objects.Payload, objects.Index, objects.Versions, objects.Extracts, objects.Outputs, objects.Releases} {
		if g["control"].Reads(z) {
			t.Errorf("control reads the zone %s", z)
		}
	}
}
