package demonstration

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/instance"
)

var hrefs = regexp.MustCompile(`(?:href|src)="(/[^"#]*)`)

// kept apart: addresses that act when they are looked at, and those that hand
// out bytes a recipient or the public is to have.
var notCrawled = []string{"/assets/", "/sign-", "/step-up", "/signed-", "/ledger/log/"}

// mayHoldWords says for whom a page may hold an author's words.
func mayHoldWords(who, path string) bool {
	path = strings.TrimPrefix(path, "/api/v1")
	switch who {
	case "amina":
		return strings.HasPrefix(path, "/workspaces/") || strings.HasPrefix(path, "/outputs/") || strings.HasPrefix(path, "/requests")
	case "chloe", "dev":
		return strings.HasPrefix(path, "/queue") || strings.HasPrefix(path, "/outputs/") || strings.HasPrefix(path, "/requests")
	}
	return false
}

// mayHoldValues says for whom a page may hold identifiers: reviewers of pairs
// that linkage left open, custodians and data engineers, see both records.
func mayHoldValues(who, path string) bool {
	return strings.HasPrefix(path, "/pairs/") && (who == "carol" || who == "colin" || who == "erin")
}

// crawl follows every link that a user can see, from a few beginnings and the
// API's own addresses, and hands each answer to look.
func (p *play) crawl(ctx context.Context, c *client.Client, begin []string, look func(path, body string) error) (int, error) {
	seen, todo := map[string]bool{}, begin
	for len(todo) > 0 && len(seen) < 1500 {
		path := todo[0]
		todo = todo[1:]
		skip := seen[path] || strings.HasSuffix(path, "/enter")
		for _, x := range notCrawled {
			skip = skip || strings.HasPrefix(path, x)
		}
		if skip {
			continue
		}
		seen[path] = true
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Origin+path, nil)
		if err != nil {
			return 0, err
		}
		resp, err := c.HTTP.Do(req)
		if err != nil {
			return 0, err
		}
		raw, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
		resp.Body.Close()
		if err != nil {
			return 0, err
		}
		body := string(raw)
		if resp.StatusCode != http.StatusOK && strings.HasPrefix(path, "/api/") {
			path += " (refused)" // a refusal is looked at too, and is no answer
		}
		if strings.Contains(body, "\x00") || strings.HasPrefix(body, "PK\x03\x04") {
			continue // a released bundle: it left by the airlock
		}
		if err := look(path, body); err != nil {
			return 0, err
		}
		if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			for _, m := range hrefs.FindAllStringSubmatch(body, -1) {
				todo = append(todo, html.UnescapeString(m[1]))
			}
		}
	}
	return len(seen), nil
}

// words crawls as everybody and as the public, reads the logs and the ledger's
// own export, and finds no word of the author and no value of a row where it
// may not be; then asks for planted counts and gets one answer for all.
func (p *play) words(ctx context.Context) error {
	if p.Brief {
		p.Say("    left out")
		return nil
	}
	values, err := p.plantedValues()
	if err != nil {
		return err
	}
	begin := []string{"/", "/home", "/account", "/register", "/ledger", "/check", "/safe", "/latency", "/register/" + p.project, "/projects/" + p.project, "/projects/" + p.project + "/permit",
		"/workspaces/" + p.ws, "/outputs/" + p.request, "/queue/" + p.request, "/releases/" + p.release, "/ledger?project=" + p.project, "/metrics", "/sitemap.xml", "/feed", "/feed.xml"}
	for _, x := range []string{"acts", "datasets", "jobs", "latency", "linkages", "me", "organisations", "projects", "queue", "requests", "reviews", "sources", "users", "workspaces", "openapi.json",
		"projects/" + p.project, "projects/" + p.project + "/permit", "projects/" + p.project + "/extracts", "projects/" + p.project + "/releases", "requests/" + p.request, "releases/" + p.release, "workspaces/" + p.ws, "workspaces/" + p.ws + "/outbox"} {
		begin = append(begin, "/api/v1/"+x)
	}
	clients := map[string]*client.Client{"": p.public()}
	for _, who := range instance.People {
		clients[who.UserName] = p.as(ctx, who.UserName)
	}
	labels, err := p.rareLabels()
	if err != nil {
		return err
	}
	pages, beside := 0, 0
	names := make([]string, 0, len(clients))
	for who := range clients {
		names = append(names, who)
	}
	sort.Strings(names)
	found, known, answered := map[string]bool{}, map[string]bool{}, map[string]bool{}
	look := func(who string) func(path, body string) error {
		return func(path, body string) error {
			answered[template(path)] = true
			for _, id := range ids.FindAllString(body, -1) {
				known[id] = true
			}
			label, n := tellsSmall(labels, body)
			beside += n
			if label != "" && !mayHoldValues(who, path) && !mayHoldWords(who, path) && !strings.Contains(path, "/synthetic/") { // invented rows count nobody
				return fmt.Errorf("%s as %q has a small number beside %s, which %d rows have", path, who, label, labels[label])
			}
			if strings.Contains(body, canary) {
				found[who] = true
				if !mayHoldWords(who, path) {
					return fmt.Errorf("%s as %q holds an author's words", path, who)
				}
			}
			if mayHoldValues(who, path) {
				return nil
			}
			return holdsNone(values, body, fmt.Sprintf("%s as %q", path, who))
		}
	}
	for _, who := range names {
		n, err := p.crawl(ctx, clients[who], begin, look(who))
		if err != nil {
			return err
		}
		pages += n
	}
	gets, err := p.gets(ctx, clients["amina"])
	if err != nil {
		return err
	}
	for _, who := range names {
		n, err := p.crawl(ctx, clients[who], addresses(gets, known), look(who))
		if err != nil {
			return err
		}
		pages += n
	}
	var never []string
	for _, g := range gets {
		if !answered[template("/api/v1"+g)] {
			never = append(never, g)
		}
	}
	// Some things are not there to be read in this play: a code list, an upload. A
	// look at a pair or at counts is recorded, which a crawl is not for.
	if err := must(len(never) <= 4, "nobody was answered by %v of the API", never); err != nil {
		return err
	}
	p.Say("    %d of %d things that the API lets one read were read; %d places name one of %d words that 1 to 9 rows have, none with a small number", len(gets)-len(never), len(gets), beside, len(labels))
	for _, who := range []string{"amina", "chloe", "dev"} {
		if err := must(found[who], "the crawl does not even find the words where %s may read them", who); err != nil {
			return err
		}
	}
	files, err := p.logs(values)
	if err != nil {
		return err
	}
	if err := p.told(ctx, values, labels); err != nil {
		return err
	}
	p.Say("    %d answers as %d users and the public, %d logs and parts of the ledger: no word of the author, none of %d planted values of rows", pages, len(clients)-1, files, len(values))
	return p.plantedCounts(ctx)
}

func holdsNone(values map[string]bool, body, where string) error {
	for _, token := range tokens.FindAllString(body, -1) {
		if values[token] {
			return fmt.Errorf("%s holds a value of a row", where)
		}
	}
	return nil
}

var tokens = regexp.MustCompile(`[A-Za-z0-9@._:-]{8,}`)

// plantedValues are values that stand in one row of a feed or few: NHS numbers,
// e-mail addresses, local numbers, times of arrival.
func (p *play) plantedValues() (map[string]bool, error) {
	out := map[string]bool{}
	want := map[string]bool{"nhs_number": true, "email": true, "phone": true, "patient_id": true, "attendance_id": true, "arrived_at": true, "request_id": true}
	files, err := filepath.Glob(filepath.Join(p.region(), "deliveries", "*", "*", "*.csv"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		r := csv.NewReader(bufio.NewReader(f))
		r.FieldsPerRecord = -1
		head, err := r.Read()
		for n := 0; err == nil && n < 400; n++ {
			var row []string
			if row, err = r.Read(); err != nil {
				break
			}
			for i, v := range row {
				if i < len(head) && want[head[i]] && len(v) >= 8 && tokens.FindString(v) == v {
					out[v] = true
				}
			}
		}
		f.Close()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	return out, must(len(out) > 500, "only %d values of rows were found to look for", len(out))
}

var ids = regexp.MustCompile(`[a-z]{3}_[0-9a-f]{32}`)

var numberInside = regexp.MustCompile(`/[0-9]+/`)

var parameter = regexp.MustCompile(`\{[a-z]+\}|/[0-9]+$`)

// template is a path of the API with {id} for every identifier and number.
func template(path string) string {
	path, _, _ = strings.Cut(path, "?")
	path = ids.ReplaceAllString(path, "{id}")
	path = numberInside.ReplaceAllString(path, "/{id}/")
	return parameter.ReplaceAllStringFunc(path, func(x string) string {
		if x[0] == '/' {
			return "/{id}"
		}
		return "{id}"
	})
}

// gets lists what can be read by the API, as its description has it.
func (p *play) gets(ctx context.Context, c *client.Client) ([]string, error) {
	var api struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	err := c.Get(ctx, "/openapi.json", &api)
	var out []string
	for path, ops := range api.Paths {
		if ops["get"] != nil {
			out = append(out, path)
		}
	}
	sort.Strings(out)
	return out, err
}

// kindAt says what kind of thing a path of the API is about, by where it begins.
var kindAt = map[string]string{"projects": "prj", "datasets": "dst", "organisations": "org", "releases": "rel", "requests": "req", "reviews": "rev", "sources": "src", "workspaces": "wsp", "standing": "sto", "traces": "trc", "published": "pub", "inputs": "inp"}

// addresses puts identifiers that were seen, a few of each kind, into the
// paths of the API: whatever does not exist there is refused.
func addresses(gets []string, known map[string]bool) []string {
	few := map[string][]string{}
	sorted := make([]string, 0, len(known))
	for id := range known {
		sorted = append(sorted, id)
	}
	sort.Strings(sorted)
	for _, id := range sorted {
		if kind, _, _ := strings.Cut(id, "_"); len(few[kind]) < 6 {
			few[kind] = append(few[kind], id)
		}
	}
	var out []string
	for _, g := range gets {
		g = strings.NewReplacer("{index}", "3", "{number}", "1").Replace(g)
		if !strings.Contains(g, "{") {
			out = append(out, "/api/v1"+g)
			continue
		}
		about, _, _ := strings.Cut(g[1:], "/")
		for _, id := range few[kindAt[about]] {
			one := "/api/v1" + strings.Replace(g, "{id}", id, 1)
			if !strings.Contains(one, "{") {
				out = append(out, one)
				continue
			}
			for _, second := range few["fea"] {
				out = append(out, parameter.ReplaceAllString(one, second))
			}
		}
	}
	return out
}

// rareLabels are words that stand in 1 to 9 rows of all feeds together, with
// how many: codes, places, days. Of each number there are several.
func (p *play) rareLabels() (map[string]int, error) {
	n, words := map[string]int{}, regexp.MustCompile(`^([A-Z][0-9][0-9A-Z.]{2,}|[0-9]{5,}[0-9A-Z]*|[0-9]{4}-[0-9]{2}-[0-9]{2})$`)
	notCounted := map[string]bool{"nhs_number": true, "email": true, "phone": true, "postcode": true}
	err := p.feedRows(func(column, value string) {
		if !notCounted[column] && !strings.HasSuffix(column, "_id") && words.MatchString(value) {
			n[value]++
		}
	})
	has := map[int]int{}
	for word, k := range n {
		if k > 9 {
			delete(n, word)
		}
		has[k]++
	}
	for k := 1; k < 10 && err == nil; k++ {
		err = must(has[k] > 2, "only %d words stand in %d rows of the region", has[k], k)
	}
	return n, err
}

// feedRows hands on every value of the region's feeds.
func (p *play) feedRows(value func(column, value string)) error {
	files, err := filepath.Glob(filepath.Join(p.region(), "deliveries", "*", "*", "*.csv"))
	if err != nil {
		return err
	}
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		r := csv.NewReader(bufio.NewReader(f))
		r.FieldsPerRecord = -1
		head, err := r.Read()
		for err == nil {
			var row []string
			row, err = r.Read()
			for i, v := range row {
				if i < len(head) {
					value(head[i], v)
				}
			}
		}
		f.Close()
		if !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// logs reads every log of the roles, and the log that was verified.
func (p *play) logs(values map[string]bool) (int, error) {
	n := 0
	for _, dir := range []string{p.u.config.Path("log"), filepath.Join(p.tmp, "ledger")} {
		err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			n++
			if strings.Contains(string(text), canary) {
				return fmt.Errorf("%s holds an author's words", filepath.Base(path))
			}
			return holdsNone(values, string(text), filepath.Base(path))
		})
		if err != nil {
			return n, err
		}
	}
	return n, must(n > 6, "only %d logs were read", n)
}

// plantedCounts asks how many people there are in groups that hold 1 to 9 of
// them, which the truth tells, and in one that holds nobody: the answers must
// not tell them apart.
func (p *play) plantedCounts(ctx context.Context) error {
	groups, err := p.smallGroups()
	if err != nil {
		return err
	}
	amina := p.as(ctx, "amina")
	ds, err := all[catalogue.Dataset](ctx, amina, "/datasets")
	if err != nil {
		return err
	}
	dataset := ""
	for _, d := range ds {
		if d.Slug == "primary-care" {
			dataset = d.ID
		}
	}
	answers := map[string][]int{}
	for size := range 10 {
		filter := "year_of_birth = 1700"
		if size > 0 {
			if groups[size] == "" {
				return fmt.Errorf("no group of %d people was found in the region", size)
			}
			filter = groups[size]
		}
		var f catalogue.Feasibility
		if err := amina.Post(ctx, "/datasets/"+dataset+"/feasibility", map[string]any{"filters": map[string]string{"person": filter}}, &f); err != nil {
			if ark.Is(err, ark.TooMuch) {
				break // questions are limited too
			}
			return err
		}
		if err := amina.Until(ctx, longest, "the answer to a feasibility question", "/datasets/"+dataset+"/feasibility/"+f.ID, &f, func() (bool, error) {
			return f.State == "answered", must(f.State != "failed", "the feasibility question failed: %s", f.Says)
		}); err != nil {
			return err
		}
		answers[f.People] = append(answers[f.People], size)
	}
	for text, sizes := range answers {
		p.Say("    groups of %v people are answered by %q", sizes, text)
		if n, err := strconv.Atoi(text); err == nil && n > 0 && n < 10 {
			return fmt.Errorf("a count of %d was shown", n)
		}
	}
	return must(len(answers) == 1, "small counts are told apart: %v", answers)
}

// smallGroups finds, in the truth, a filter for each size from 1 to 9: a year
// of birth, sex and deprivation decile that so many people of the region share.
// The Ark's own count may differ by a link or an objection.
func (p *play) smallGroups() (map[int]string, error) {
	rows, at, err := truePeople(p.region())
	if err != nil {
		return nil, err
	}
	n := map[string]int{}
	for _, r := range rows {
		born := r[at["born"]]
		if len(born) < 4 || r[at["died"]] != "" {
			continue
		}
		n[fmt.Sprintf("year_of_birth = %s AND sex = '%s' AND imd_decile = %s", born[:4], r[at["sex"]], r[at["imd_decile"]])]++
	}
	filters := make([]string, 0, len(n))
	for k := range n {
		filters = append(filters, k)
	}
	sort.Strings(filters)
	out := map[int]string{}
	for _, k := range filters {
		if size := n[k]; size < 10 && out[size] == "" {
			out[size] = k
		}
	}
	return out, nil
}
