package ark

// Role is what a user may be. A user may hold several; separation of duty is
// by human being, not by role.
type Role string

// The roles of the design's glossary.
const (
	Researcher   Role = "researcher"
	Custodian    Role = "custodian"
	Checker      Role = "checker" // output checker
	DataEngineer Role = "data-engineer"
	Operator     Role = "operator"
	LayReviewer  Role = "lay-reviewer"
	Auditor      Role = "auditor"
)

// Roles lists every role, in the order pages show them.
var Roles = [...]Role{Researcher, Custodian, Checker, DataEngineer, Operator, LayReviewer, Auditor}

// ParseRole returns the role named s, or an Invalid fault.
func ParseRole(s string) (Role, error) {
	for _, r := range Roles {
		if string(r) == s {
			return r, nil
		}
	}
	return "", Faultf(Invalid, "there is no role of that name").Do("use one of researcher, custodian, checker, data-engineer, operator, lay-reviewer, auditor")
}
