package governance

import (
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// User is an account. Human is equal over all accounts of one proven human
// being: separation of duty counts humans.
type User struct {
	ID            string     `json:"id"`
	Name          string     `json:"name"`
	Email         string     `json:"email"`
	Human         string     `json:"human"`
	Org           string     `json:"org"`
	Roles         []ark.Role `json:"roles"`
	Issuer        string     `json:"issuer"`
	Subject       string     `json:"subject"`
	Accreditation string     `json:"accreditation,omitempty"`
	TrainingUntil time.Time  `json:"training_until"`
	TermsUntil    time.Time  `json:"terms_until"`
	Suspended     bool       `json:"suspended"`
}

// Has reports whether the user holds the role.
func (u User) Has(r ark.Role) bool {
	for _, x := range u.Roles {
		if x == r {
			return true
		}
	}
	return false
}

// Organisation is a GP practice, trust, council, laboratory, university, or a
// committee that decides for others.
type Organisation struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// Delegation lets a committee decide for an organisation. It is revocable and
// runs out; silence of the committee is never consent.
type Delegation struct {
	ID        string    `json:"id"`
	Org       string    `json:"org"`
	Committee string    `json:"committee"` // the organisation whose custodians decide
	Scope     string    `json:"scope"`
	Until     time.Time `json:"until"`
	Revoked   time.Time `json:"revoked,omitzero"`
	By        string    `json:"by"`
}

// InForce reports whether the delegation holds at that time.
func (d Delegation) InForce(at time.Time) bool { return d.Revoked.IsZero() && at.Before(d.Until) }

// Project is a piece of research and the people on it.
type Project struct {
	ID          string    `json:"id"`
	Title       string    `json:"title"`
	State       string    `json:"state"`
	Lead        string    `json:"lead"`
	Members     []string  `json:"members"` // user ids, the lead among them
	Orgs        []string  `json:"orgs"`    // custodian organisations concerned, since the first submission
	Application string    `json:"application"`
	Permit      string    `json:"permit,omitempty"`
	Extract     string    `json:"extract,omitempty"`
	Created     time.Time `json:"created"`
	StateSince  time.Time `json:"state_since"`
	Reason      string    `json:"reason,omitempty"` // why it is suspended, rejected or withdrawn
}

// Ask is what an application asks of one dataset.
type Ask struct {
	Dataset   string              `json:"dataset"`   // dst_…
	Version   string              `json:"version"`   // ver_…, the version pinned
	Variables map[string][]string `json:"variables"` // table → exact variables
	Filters   map[string]string   `json:"filters"`   // table → rows, in the filter language; one on "person" bounds every table
	Why       map[string]string   `json:"why"`       // table.variable → why a sensitive variable is needed
}

// Application is what a researcher asks for, by the Five Safes.
type Application struct {
	ID      string `json:"id"`
	Project string `json:"project"`
	Number  int    `json:"number"` // 1 for the first submission

	// Safe project
	Title         string   `json:"title"`
	LaySummary    string   `json:"lay_summary"`
	PublicBenefit string   `json:"public_benefit"`
	Method        string   `json:"method"`
	Purposes      []string `json:"purposes"`
	LegalBasis    string   `json:"legal_basis"`
	Ethics        string   `json:"ethics"`
	Funder        string   `json:"funder"`
	// Safe people
	Members []string `json:"members"` // user ids
	// Safe data
	Asks         []Ask  `json:"asks"`
	OptOut       string `json:"opt_out"`        // "applied", or "exempt" with its evidence
	OptOutReason string `json:"opt_out_reason"` // evidence of the exemption
	AllOrNothing bool   `json:"all_or_nothing"`
	// Restricted names the legal basis of each restricted group of codes asked
	// for; rows with codes of the others are left out.
	Restricted map[string]string `json:"restricted,omitempty"`
	// Refresh is how often the extract may be cut again from newer versions; see
	// Schedules. Empty is never.
	Refresh string `json:"refresh,omitempty"`
	// Safe setting
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Safe outputs
	ExpectedOutputs []string `json:"expected_outputs"`
	Destination     string   `json:"destination"`

	Submitted   time.Time   `json:"submitted,omitzero"`
	SubmittedBy string      `json:"submitted_by,omitempty"`
	Assessment  *Assessment `json:"assessment,omitempty"`
}

// Assessment is how identifiable the cut would be. Every count in it is a text
// that has passed its dataset's disclosure profile: "1,240", "fewer than 10".
type Assessment struct {
	Datasets     []DatasetAssessment `json:"datasets"`
	Quasi        []string            `json:"quasi"`         // quasi-identifiers asked for, as table.variable
	Sensitive    []string            `json:"sensitive"`     // sensitive variables asked for
	Variables    int                 `json:"variables"`     // how many variables are asked for
	AlreadyHeld  []string            `json:"already_held"`  // other datasets the applicants hold under current permits
	ComputedFrom []string            `json:"computed_from"` // version ids
}

// DatasetAssessment is the part of one dataset.
type DatasetAssessment struct {
	Dataset  string `json:"dataset"`
	Title    string `json:"title"`
	People   string `json:"people"`
	Coverage string `json:"coverage"` // share of the people in the version
	Unique   string `json:"unique"`   // share of them alone in their combination of quasi-identifiers
}

// Review is one organisation's decision on one application.
type Review struct {
	ID          string   `json:"id"`
	Project     string   `json:"project"`
	Application string   `json:"application"`
	Org         string   `json:"org"`      // whose data it is
	Deciders    []string `json:"deciders"` // organisations whose custodians may decide: Org, or its committee
	Delegation  string   `json:"delegation,omitempty"`
	State       string   `json:"state"`
	Reason      string   `json:"reason,omitempty"`
	Conditions  []string `json:"conditions,omitempty"`

	Airlock VerdictTerms `json:"airlock,omitzero"`

	By      string    `json:"by,omitempty"`
	Asked   time.Time `json:"asked"`
	Decided time.Time `json:"decided,omitzero"`
}

var (
	users = store.Docs[User]{Table: "users", Noun: "user", Keys: []string{"issuer", "subject", "human", "org"},
		Of: func(u *User) (string, []any) { return u.ID, []any{u.Issuer, u.Subject, u.Human, u.Org} }}
	organisations = store.Docs[Organisation]{Table: "organisations", Noun: "organisation", Keys: []string{"slug"},
		Of: func(o *Organisation) (string, []any) { return o.ID, []any{o.Slug} }}
	delegations = store.Docs[Delegation]{Table: "delegations", Noun: "delegation", Keys: []string{"org", "committee"},
		Of: func(d *Delegation) (string, []any) { return d.ID, []any{d.Org, d.Committee} }}
	projects = store.Docs[Project]{Table: "projects", Noun: "project", Keys: []string{"state"},
		Of: func(p *Project) (string, []any) { return p.ID, []any{p.State} }}
	applications = store.Docs[Application]{Table: "applications", Noun: "application", Keys: []string{"project", "number"},
		Of: func(a *Application) (string, []any) { return a.ID, []any{a.Project, a.Number} }}
	reviews = store.Docs[Review]{Table: "reviews", Noun: "review", Keys: []string{"project", "application", "org", "state"},
		Of: func(r *Review) (string, []any) { return r.ID, []any{r.Project, r.Application, r.Org, r.State} }}
	permits = store.Docs[Permit]{Table: "permits", Noun: "permit", Keys: []string{"project", "until"},
		Of: func(p *Permit) (string, []any) { return p.ID, []any{p.Project, p.Until.Unix()} }}
)
