package bundle

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// Record is the public, machine-readable record of a release: by which rules,
// thresholds and versions it was judged and who had to agree. It holds nothing
// that narrows what a table protects: no finding, no verdict, no number of
// rounds, no word of anybody.
type Record struct {
	Schema    string          `json:"schema"` // RecordSchema
	Program   string          `json:"program"`
	Profile   json.RawMessage `json:"profile"` // every threshold that held
	Rules     []RuleRef       `json:"rules"`   // every rule that was applied
	Class     string          `json:"class"`   // "output", "code" or "standing"
	Apart     bool            `json:"different_organisations"`
	SignOffs  []string        `json:"sign_offs"` // "lay", "custodian"
	Decisions []Decision      `json:"decisions"`
	Released  string          `json:"released"` // RFC 3339, the day
}

// RecordSchema names the form of a Record.
const RecordSchema = "ark-release-record/1"

// RuleRef names a rule, the text it comes from and since when it holds.
type RuleRef struct {
	ID        string `json:"id"`
	Clause    string `json:"clause"`
	Effective string `json:"effective"`
}

// Decision is what was decided on one file.
type Decision struct {
	Ordinal   int    `json:"ordinal"`
	Decision  string `json:"decision"` // "approved"
	Approvals int    `json:"approvals"`
}

// crateName is the name of the RO-Crate metadata inside a bundle.
const crateName = "ro-crate-metadata.json"

// The profile of Five Safes crates, and the terms it borrows.
const (
	crateContext = "https://w3id.org/ro/crate/1.2/context"
	crateSpec    = "https://w3id.org/ro/crate/1.2"
	fiveSafes    = "https://w3id.org/5s-crate/0.4"
	shp          = "https://w3id.org/shp#"
	programHome  = "https://github.com/ark-tre/ark"
)

// media are the types that a crate names; fixed, so that the same statement
// gives the same bytes on every machine.
var media = map[string]string{".csv": "text/csv", ".tsv": "text/tab-separated-values", ".txt": "text/plain", ".md": "text/markdown", ".png": "image/png",
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".json": "application/json", ".pdf": "application/pdf", ".html": "text/html"}

type node = map[string]any

func ref(id string) node { return node{"@id": id} }

// crate describes the bundle as a Five Safes RO-Crate. It is made from the
// statement alone, so the statement's hash of it can be checked by making it
// again.
func crate(s Statement) ([]byte, error) {
	done := "http://schema.org/CompletedActionStatus"
	parts, results := []node{}, []node{}
	graph := []node{{"@id": crateName, "@type": "CreativeWork", "about": ref("./"), "conformsTo": ref(crateSpec)}}
	var files []node
	for _, f := range s.Files {
		id := "./" + pathEscape(f.Name)
		parts, results = append(parts, ref(id)), append(results, ref(id))
		n := node{"@id": id, "@type": "File", "name": f.Name, "contentSize": fmt.Sprint(f.Size), "sha256": f.SHA256, "identifier": fmt.Sprintf("%s/%d", s.Request, f.Ordinal)}
		if m := media[strings.ToLower(filepath.Ext(f.Name))]; m != "" {
			n["encodingFormat"] = m
		}
		files = append(files, n)
	}
	parts = append(parts, ref(statementName))
	root := node{"@id": "./", "@type": "Dataset", "name": "Release " + s.Release, "description": "Files released from a trusted research environment to " + s.Destination,
		"datePublished": s.Record.Released, "license": "see the permit", "conformsTo": ref(fiveSafes), "identifier": s.Release,
		"hasPart": parts, "mainEntity": ref("#permit"), "mentions": []node{ref("#validation"), ref("#sign-off"), ref("#disclosure")}, "sourceOrganization": ref("#project")}
	graph = append(graph, root)
	graph = append(graph, files...)
	graph = append(graph,
		node{"@id": statementName, "@type": "File", "name": "Signed statement", "encodingFormat": "application/vnd.dsse+json"},
		node{"@id": "#project", "@type": "Project", "name": s.Project, "identifier": s.Project},
		node{"@id": "#permit", "@type": "CreativeWork", "name": "Permit " + s.Permit, "identifier": s.Permit, "sha256": s.PermitHash},
		node{"@id": "#validation", "@type": "AssessAction", "additionalType": ref(shp + "ValidationCheck"), "name": "Automatic checks, again on the bundle's own bytes", "actionStatus": done, "instrument": ref("#rules"), "object": ref("./")},
		node{"@id": "#sign-off", "@type": "AssessAction", "additionalType": ref(shp + "SignOff"), "name": fmt.Sprintf("Reviewed independently by %d output checkers", s.Checkers), "actionStatus": done, "object": ref("./"), "agent": ref("#checkers")},
		node{"@id": "#disclosure", "@type": "AssessAction", "additionalType": ref(shp + "DisclosureCheck"), "name": "Disclosure control under the profile " + s.Checked.Profile, "actionStatus": done, "object": results, "instrument": ref("#rules"), "agent": ref("#checkers")},
		node{"@id": "#checkers", "@type": "Organization", "name": "Output checkers of this research environment"},
		node{"@id": "#rules", "@type": "SoftwareApplication", "name": "Ark disclosure rules", "softwareVersion": s.Record.Program, "version": s.Record.Program, "url": programHome},
		node{"@id": fiveSafes, "@type": []string{"CreativeWork", "Profile"}, "name": "Five Safes RO-Crate profile", "version": "0.4"},
	)
	return json.MarshalIndent(node{"@context": crateContext, "@graph": graph}, "", "  ")
}

func pathEscape(name string) string {
	return strings.NewReplacer("%", "%25", " ", "%20", "?", "%3F", "#", "%23").Replace(name)
}

// Day is the day of t as a Record says it.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
