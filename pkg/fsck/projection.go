package fsck

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/objects"
)

var (
	hexForm    = regexp.MustCompile(`^(sha256:)?[0-9a-f]{40,}$`)
	numberForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	portForm   = regexp.MustCompile(`localhost:[0-9]+`)
	momentForm = regexp.MustCompile(`-[0-9]{16}\b`) // in an object's name: microseconds
	idInside   = regexp.MustCompile(`[a-z]{3}_[0-9a-f]{32}`)
)

// dropped are the fields that two Arks with the same job never share: sizes of
// sealed bytes, signed heads, texts about time, and what depends on the order of
// keyed names: the pairs that linkage estimates from, the first rows of a file.
var dropped = []string{"seal", "sha256", "size", "checkpoint", "hash", "signature", "bundle", "terms", "bytes", "subject", "report", "findings", "downloads", "membership"}

// Projection is the end state of an Ark without what differs between two Arks
// that did the same: ids become their kinds, times, hashes and keyed names one
// sign. Documents are listed by table in order; then the tables of the object
// store with a hash of what their rows hold (see contents); of the recorded
// acts, how many of each type there are. Acts that a crash may repeat or add are left out:
// accesses, refusals, what was found done already, downloads and fetched answers, and what became of workspaces meanwhile.
func Projection(ctx context.Context, db *sql.DB, stores map[objects.Zone][]*objects.Store) (string, error) {
	var b strings.Builder
	for _, t := range tables {
		rows, err := db.QueryContext(ctx, `SELECT doc FROM `+t.name)
		if err != nil {
			return "", err
		}
		var docs []string
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				return "", err
			}
			var doc any
			if err := json.Unmarshal([]byte(text), &doc); err != nil {
				return "", err
			}
			plain, err := json.Marshal(project(doc))
			if err != nil {
				return "", err
			}
			docs = append(docs, string(plain))
		}
		if err := rows.Err(); err != nil {
			return "", err
		}
		slices.Sort(docs)
		for _, d := range docs {
			fmt.Fprintf(&b, "%s %s\n", t.name, d)
		}
	}
	lines, err := contents(ctx, stores)
	if err != nil {
		return "", err
	}
	for _, l := range lines {
		fmt.Fprintln(&b, l)
	}
	rows, err := db.QueryContext(ctx, `SELECT type, COUNT(*) FROM outbox WHERE type <> 'refused' AND type NOT LIKE 'access.%' AND type NOT LIKE 'workspace.%' AND type NOT LIKE 'session.%' AND type NOT LIKE '%.already-%' AND type NOT IN ('release.downloaded', 'trace.opened') GROUP BY type ORDER BY type`)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		var typ string
		var n int64
		if err := rows.Scan(&typ, &n); err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "acts %s %d\n", typ, n)
	}
	return b.String(), rows.Err()
}

// project replaces what differs between two Arks.
func project(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, y := range x {
			if !slices.Contains(dropped, k) {
				out[idInside.ReplaceAllStringFunc(k, kind)] = project(y)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, y := range x {
			out[i] = project(y)
		}
		return out
	case string:
		if _, err := time.Parse(time.RFC3339Nano, x); err == nil {
			return "time"
		}
		if hexForm.MatchString(x) && !numberForm.MatchString(x) {
			return "hash"
		}
		return momentForm.ReplaceAllString(portForm.ReplaceAllString(idInside.ReplaceAllStringFunc(x, kind), "localhost"), "-time")
	}
	return v
}

func kind(id string) string { return id[:3] }
