package fsck

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/objects"
)

// row is one document as the database has it.
type row struct {
	table, id, state string
	doc              map[string]any
}

// pin is a reference to an object that a row carries.
type pin struct {
	ref objects.Ref
	row *row
}

// tables are the tables of documents, with the key columns that the document
// repeats under another name.
var tables = []struct {
	name, prefix string
	columns      map[string]string
}{
	{"organisations", "org", map[string]string{"slug": "slug"}},
	{"users", "usr", map[string]string{"issuer": "issuer", "subject": "subject", "org": "org"}},
	{"delegations", "dlg", map[string]string{"org": "org", "committee": "committee"}},
	{"projects", "prj", map[string]string{"state": "state"}},
	{"applications", "app", map[string]string{"project": "project"}},
	{"reviews", "rev", map[string]string{"project": "project", "application": "application", "org": "org", "state": "state"}},
	{"permits", "prm", map[string]string{"project": "project"}},
	{"sources", "src", map[string]string{"slug": "slug", "org": "org"}},
	{"deliveries", "dlv", map[string]string{"source": "source", "name": "name", "state": "state"}},
	{"linkages", "lnk", map[string]string{"state": "state"}},
	{"datasets", "dst", map[string]string{"slug": "slug"}},
	{"versions", "ver", map[string]string{"dataset": "dataset", "state": "state"}},
	{"extracts", "ext", map[string]string{"project": "project", "permit": "permit", "state": "state"}},
	{"workspaces", "wsp", map[string]string{"project": "project", "usr": "user", "state": "state"}},
	{"requests", "req", map[string]string{"project": "project", "author": "author", "state": "state"}},
	{"releases", "rel", map[string]string{"project": "project", "request": "request"}},
	{"standing_outputs", "sto", map[string]string{"project": "project", "state": "state"}},
	{"inputs", "inp", map[string]string{"project": "project", "workspace": "workspace", "author": "author", "state": "state"}},
	{"subscriptions", "sub", map[string]string{"project": "project", "dataset": "dataset", "state": "state"}},
	{"published_tables", "pub", map[string]string{"state": "state"}},
	{"standing_runs", "run", map[string]string{"standing": "standing", "state": "state"}},
}

// rows reads every document and holds it against its own key columns, then
// every id in it against the table of that id's kind.
func (c *check) rows(ctx context.Context) error {
	for _, t := range tables {
		if err := c.table(ctx, t.name, t.columns); err != nil {
			return err
		}
	}
	if err := c.others(ctx); err != nil {
		return err
	}
	of := map[string]string{}
	for _, t := range tables {
		of[t.prefix] = t.name
	}
	for _, t := range tables {
		for _, r := range c.tables[t.name] {
			c.walk(r, "", r.doc, of)
		}
	}
	return nil
}

func (c *check) table(ctx context.Context, name string, columns map[string]string) error {
	c.tables[name] = map[string]*row{}
	cols := make([]string, 0, len(columns))
	for k := range columns {
		cols = append(cols, k)
	}
	slices.Sort(cols)
	rows, err := c.DB.QueryContext(ctx, `SELECT id, doc, `+strings.Join(cols, ", ")+` FROM `+name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		r := &row{table: name}
		values := make([]string, len(cols))
		into := []any{&r.id, &text}
		for i := range values {
			into = append(into, &values[i])
		}
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		c.Rows++
		if err := json.Unmarshal([]byte(text), &r.doc); err != nil {
			c.find(Row, r.id, "its document cannot be read")
			continue
		}
		if r.doc["id"] != r.id {
			c.find(Row, r.id, "its document says that it is another")
		}
		for i, col := range cols {
			if got, _ := r.doc[columns[col]].(string); got != values[i] {
				c.find(Row, r.id, "the column %s and the document's %s differ", col, columns[col])
			}
			if col == "state" {
				r.state = values[i]
			}
		}
		c.tables[name][r.id] = r
	}
	return rows.Err()
}

// others reads what other tables hold of JSON, for the objects that it names:
// a room may have tables that this package knows nothing of.
func (c *check) others(ctx context.Context) error {
	known := map[string]bool{"jobs": true, "outbox": true, "outbox_bodies": true, "idempotency": true, "sessions": true}
	for _, t := range tables {
		known[t.name] = true
	}
	rows, err := c.DB.QueryContext(ctx, `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name IN ('doc', 'ref', 'job')`)
	if err != nil { // SQLite
		rows, err = c.DB.QueryContext(ctx, `SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' AND p.name IN ('doc', 'ref', 'job')`)
	}
	if err != nil {
		return err
	}
	defer rows.Close()
	var found [][2]string
	for rows.Next() {
		var x [2]string
		if err := rows.Scan(&x[0], &x[1]); err != nil {
			return err
		}
		if !known[x[0]] {
			found = append(found, x)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, x := range found {
		if err := c.other(ctx, x[0], x[1]); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) other(ctx context.Context, table, column string) error {
	rows, err := c.DB.QueryContext(ctx, `SELECT `+column+` FROM `+table)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			c.find(Row, "a row of "+table, "its %s cannot be read", column)
			continue
		}
		c.Rows++
		c.walk(&row{table: table, id: "a row of " + table}, "", v, nil)
	}
	return rows.Err()
}

var idForm = regexp.MustCompile(`^([a-z]{3})_[0-9a-f]{32}$`)

// walk notes every reference to an object, and finds ids that no row has.
func (c *check) walk(r *row, at string, v any, of map[string]string) {
	switch x := v.(type) {
	case map[string]any:
		if ref, ok := asRef(x); ok {
			key := string(ref.Zone) + "/" + ref.Name
			c.refs[key] = append(c.refs[key], &pin{ref, r})
			return
		}
		for k, y := range x {
			c.walk(r, at+"."+k, y, of)
		}
	case []any:
		for _, y := range x {
			c.walk(r, at, y, of)
		}
	case string:
		m := idForm.FindStringSubmatch(x)
		if m == nil || of[m[1]] == "" {
			return
		}
		if c.tables[of[m[1]]][x] == nil {
			c.find(Row, r.id, "%s names %s, which is not there", strings.TrimPrefix(at, "."), x)
		}
	}
}

func asRef(x map[string]any) (objects.Ref, bool) {
	zone, a := x["zone"].(string)
	name, b := x["name"].(string)
	sum, d := x["sha256"].(string)
	size, e := x["size"].(float64)
	seal, _ := x["seal"].(string)
	ok := a && b && d && e && zone != ""
	return objects.Ref{Zone: objects.Zone(zone), Name: name, SHA256: sum, Size: int64(size), Seal: seal}, ok
}

// waiting are the states in which something waits for a job of its own.
var waiting = map[string][]string{
	"deliveries": {"received"}, "linkages": {"running"}, "versions": {"building", "ending"}, "extracts": {"cutting", "ending"},
	"workspaces": {"provisioning", "starting"}, "requests": {"checking", "releasing"}, "projects": {"submitted", "closing"}, "published_tables": {"checking"},
}

// jobs holds what waits for a job against the jobs that are open.
func (c *check) jobs(ctx context.Context) error {
	rows, err := c.DB.QueryContext(ctx, `SELECT id, kind, subject, state, attempts FROM jobs`)
	if err != nil {
		return err
	}
	defer rows.Close()
	open := map[string]bool{}
	for rows.Next() {
		var id, kind, subject, state string
		var attempts int64
		if err := rows.Scan(&id, &kind, &subject, &state, &attempts); err != nil {
			return err
		}
		switch state {
		case "queued", "running":
			open[subject] = true
			c.Busy++
		case "failed": // waits for a person, who sees it
			open[subject] = true
		case "done", "cancelled":
		default:
			c.find(Row, id, "its state %q is not one of a job's", state)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for table, states := range waiting {
		for _, r := range c.tables[table] {
			if slices.Contains(states, r.state) && !open[r.id] {
				c.find(Work, r.id, "it is %s and no job is there to go on with it", r.state)
			}
		}
	}
	return nil
}
