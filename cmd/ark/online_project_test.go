package main

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/notebook"
)

const applicationYAML = `title: Alcohol in emergency departments
lay_summary: We want to know how often alcohol plays a part in visits to emergency departments, so that help can be offered where it is needed.
public_benefit: Services can place support where people need it.
method: Counts of attendances by sex.
purposes: [public health research]
legal_basis: public task; research
ethics: not needed, invented people
funder: none
opt_out: applied
refresh: monthly
from: FROM
until: UNTIL
expected_outputs: [tables of rounded counts]
destination: University of Northfield, study folder
asks:
  - dataset: emergency-care
    variables: {person: [year_of_birth, sex], attendances: [acuity, alcohol_related]}
    filters: {person: year_of_birth <= 2006}
    why: {attendances.alcohol_related: The question is about this variable.}
`

// reads decodes what a command prints with --json.
func reads[T any](d *desk, user string, args ...string) T {
	d.t.Helper()
	var v T
	if err := json.Unmarshal([]byte(d.as(user, 0, "", append(args, "--json")...)), &v); err != nil {
		d.t.Fatal(err)
	}
	return v
}

// becomes waits until a command shows a state.
func (d *desk) becomes(user, state string, args ...string) {
	d.t.Helper()
	var v struct{ State string }
	d.quiet = true
	defer func() { d.quiet = false }()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if v = reads[struct{ State string }](d, user, args...); v.State == state {
			return
		}
	}
	d.quiet = false
	d.as(user, 0, "", args...)
	d.t.Fatalf("ark %s: %s, not %s, after a minute", strings.Join(args, " "), v.State, state)
}

// permitted applies, decides, and returns the active project.
func (d *desk) permitted() string {
	now := time.Now().UTC()
	text := strings.NewReplacer("FROM", now.Add(-time.Hour).Format(time.RFC3339), "UNTIL", now.AddDate(0, 6, 0).Format(time.RFC3339)).Replace(applicationYAML)
	file, odd := filepath.Join(d.tmp, "application.yaml"), filepath.Join(d.tmp, "odd.yaml")
	for name, text := range map[string]string{file: text, odd: text + "nonsense: 1\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
	d.as("amina", 2, "the application can't be read", "apply", odd)
	d.as("erin", 2, "ark: ", "apply", file)
	project := reads[struct{ Project string }](d, "amina", "apply", file).Project
	d.becomes("amina", "in-review", "project", project)
	d.signIn("carol")
	waiting := reads[[]governance.Review](d, "carol", "reviews")
	if len(waiting) != 1 || waiting[0].Project != project {
		d.t.Fatalf("the custodian's reviews are %+v", waiting)
	}
	review := waiting[0].ID
	d.as("amina", 2, "ark: ", "decide", review, "approved")
	d.as("carol", 2, "ark: ", "decide", review, "refused")
	d.as("carol", 0, "approved", "decide", review, "approved", "--condition", "Acknowledge the departments.")
	d.becomes("amina", "active", "project", project)
	d.as("amina", 0, "permit prm_", "project", project)
	d.as("erin", 2, "ark: ", "follow", project, "emergency-care")
	d.as("amina", 2, "does not follow", "follow", project, "emergency-care", "--pause")
	d.as("amina", 0, "takes newer versions", "follow", project, "emergency-care")
	d.as("amina", 0, "paused", "follow", project, "emergency-care", "--pause")
	d.as("carol", 0, "stopped", "follow", project, "emergency-care", "--stop")
	return project
}

// released works in a workspace and takes a table through the airlock.
func (d *desk) released(project string) {
	d.as("erin", 2, "ark: ", "workspace", "open", project)
	open := reads[struct {
		Workspace workspace.Workspace
		Address   string
	}](d, "amina", "workspace", "open", project)
	if !open.Workspace.SelfTest.Passed() {
		d.t.Fatal("the self-test did not pass")
	}
	d.write(open.Address)
	ws := open.Workspace.ID
	d.as("amina", 0, "running", "workspace", "list")
	say := []string{"--group", "Attendances by sex", "--context", "People with an attendance, by sex.", "--population", "Everybody in the extract.",
		"--controls", "Rounded to the nearest 5.", "--relation", "The first output."}
	blocked := d.as("amina", 1, "blocked", append([]string{"airlock", "submit", ws, "rows.csv"}, say...)...)
	request := strings.TrimSuffix(strings.Fields(blocked)[1], ":")
	d.as("amina", 0, "submitted", append([]string{"airlock", "submit", ws, "rounded.csv", "--resubmit", request, "--answer", "Only the rounded table."}, say...)...)

	d.as("amina", 2, "ark: ", "airlock", "vote", request, "1", "approve")
	for _, checker := range []string{"chloe", "dev"} {
		d.signIn(checker)
		d.as(checker, 0, request, "airlock", "queue")
		file := reads[airlock.View](d, checker, "airlock", "show", request).Files
		d.as(checker, 0, "approve", "airlock", "vote", request, file[len(file)-1].ID, "approve")
		d.as(checker, 0, "is kept", "airlock", "comment", request, "Fine.")
		d.as(checker, 0, "finished", "airlock", "finish", request)
	}
	act := "request.release/Request/" + request
	d.as("chloe", 2, "ark sign-in --for "+act, "airlock", "release", request)
	d.as("chloe", 0, "signed in", "sign-in", "chloe", "--for", act, "--password-file", d.password, "--code", d.code("chloe", 30*time.Second))
	d.as("chloe", 0, "is being released", "airlock", "release", request)
	d.becomes("amina", "released", "airlock", "show", request)
	d.verified(reads[airlock.View](d, "amina", "airlock", "show", request).Release)
	d.as("amina", 0, "stops", "workspace", "stop", ws)
}

// verified downloads a release and checks it with the published key.
func (d *desk) verified(release string) {
	key, zip := filepath.Join(d.tmp, "release.pub"), filepath.Join(d.tmp, "release.zip")
	pem := d.as("nobody", 0, "BEGIN PUBLIC KEY", "release", "key", "--dir", d.config.Path())
	if err := os.WriteFile(key, []byte(pem), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.as("carol", 2, "ark: ", "airlock", "download", release, filepath.Join(d.tmp, "not.zip"))
	d.as("amina", 0, " bytes; check them", "airlock", "download", release, zip)
	d.as("amina", 2, "can't be made", "airlock", "download", release, zip)
	d.as("nobody", 0, "verified: release "+release, "release", "verify", "--key", key, zip)
	if _, err := os.Stat(filepath.Join(d.tmp, "not.zip")); err == nil {
		d.t.Error("a refused download left a file")
	}
}

// write makes two files in the outbox, from a notebook inside the workspace.
func (d *desk) write(address string) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	h := &http.Client{Jar: jar, Transport: identity.Transport(), Timeout: time.Minute}
	resp, err := h.Get(address)
	if err != nil {
		d.t.Fatal(err)
	}
	resp.Body.Close()
	at, err := url.Parse(address)
	if err != nil {
		d.t.Fatal(err)
	}
	n := notebook.Client{Base: at.Scheme + "://" + at.Host + "/jupyter/", HTTP: h}
	if err := n.Ready(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	rs, err := n.Run(d.t.Context(), `import duckdb
people = duckdb.sql("SELECT * FROM read_parquet('/workspace/extract/emergency_care__person.parquet')").df()
people.head(40).to_csv("/workspace/outbox/rows.csv", index=False)
table = people.groupby("sex").person.nunique().rename("people").reset_index()
table = table[table.people >= 20]
table.assign(people=(5 * (table.people / 5).round()).astype(int)).to_csv("/workspace/outbox/rounded.csv", index=False)
print(len(table))`)
	if err != nil || len(rs) != 1 || rs[0].Error != "" || strings.TrimSpace(rs[0].Stdout) == "0" {
		d.t.Fatalf("the notebook: %+v %v", rs, err)
	}
}

// code is what the user's authenticator shows after that time.
func (d *desk) code(user string, after time.Duration) string {
	d.t.Helper()
	code, err := totp.GenerateCode(d.secret(user), time.Now().Add(after))
	if err != nil {
		d.t.Fatal(err)
	}
	return code
}

// TestOnlineProject walks an application to a verified release by the command
// line alone.
func TestOnlineProject(t *testing.T) {
	d := served(t)
	need(t, d.config.Rootfs != "", "the workspaces' root file system: make rootfs")
	d.signIn("erin")
	d.signIn("amina")
	demo := filepath.Join(d.tree, "deploy", "demo")
	d.as("erin", 0, "source ed-01", "source", "add", "ed-01", "A01", filepath.Join(demo, "contracts", "emergency.yaml"))
	d.as("erin", 0, "accepted: ", "deliver", "ed-01", "2024-10", filepath.Join(d.config.Path("region"), "deliveries", "ed-01", "2024-10"))
	for _, kind := range []string{"objections", "optouts"} {
		d.as("erin", 0, "received", "list", kind, filepath.Join(d.config.Path("region"), "lists", kind+".dat"))
	}
	d.as("erin", 0, " persons (", "linkage", "run")
	d.as("erin", 0, "emergency-care", "dataset", "offer", filepath.Join(demo, "datasets", "emergency-care.yaml"))
	d.as("erin", 0, "is published", "publish", "emergency-care")
	d.released(d.permitted())
}
