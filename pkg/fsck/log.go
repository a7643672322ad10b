package fsck

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/ledger"
)

// recorded holds the recorded acts against the log: every act at its place
// with its own leaf, no act without a place, no leaf without its act, bodies
// that open their commitments, and the heads that permits and releases carry.
func (c *check) recorded(ctx context.Context) error {
	dir := filepath.Join(c.Temp, "ledger")
	key, err := c.Ledger(ctx, dir)
	var leaves []*ledger.Leaf
	if err == nil {
		leaves, err = c.leaves(dir, key)
	}
	if err != nil && ctx.Err() == nil && !ark.Is(err, ark.Unavailable) {
		c.find(Log, "ledger", "it cannot be read: %s", reason(err))
		return nil // nothing to hold the acts against
	}
	if err != nil {
		return err
	}
	sealed, err := c.bodies(ctx)
	if err != nil {
		return err
	}
	rows, err := c.DB.QueryContext(ctx, `SELECT seq, id, type, at, subjects, commitment, COALESCE(ledger_index, -1) FROM outbox ORDER BY seq`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var seq, last int64
	waiting := 0
	for rows.Next() {
		var id, typ, subjects, commitment string
		var at, index int64
		if err := rows.Scan(&seq, &id, &typ, &at, &subjects, &commitment, &index); err != nil {
			return err
		}
		if seq != last+1 {
			c.find(Log, id, "the recorded acts jump from %d to %d", last, seq)
		}
		last = seq
		if index < 0 {
			waiting++
			continue
		}
		c.Acts++
		c.act(leaves, sealed[id], act{id, typ, at, subjects, commitment, index})
	}
	if err := rows.Err(); err != nil {
		return err
	}
	var counter int64
	if err := c.DB.QueryRowContext(ctx, `SELECT n FROM counters WHERE name = 'outbox'`).Scan(&counter); err != nil {
		return err
	}
	if counter != last {
		c.find(Log, "outbox", "%d acts are recorded and the counter says %d", last, counter)
	}
	// The sequencer may have put acts into the log that it has not noted yet.
	for i, l := range leaves {
		if l != nil && waiting == 0 {
			c.find(Log, l.ID, "the log has it at %d and no recorded act is there", i)
		}
	}
	return nil
}

type act struct {
	id, typ              string
	at                   int64
	subjects, commitment string
	index                int64
}

// act holds one recorded act against its leaf, which it takes out of leaves.
func (c *check) act(leaves []*ledger.Leaf, body [2]string, a act) {
	if a.index >= int64(len(leaves)) || leaves[a.index] == nil {
		c.find(Log, a.id, "it says that it is at %d of the log, which has no such entry", a.index)
		return
	}
	l := leaves[a.index]
	leaves[a.index] = nil
	var subjects []string
	if err := json.Unmarshal([]byte(a.subjects), &subjects); err != nil {
		c.find(Log, a.id, "its subjects cannot be read")
		return
	}
	if l.ID != a.id || l.Type != a.typ || !l.Time.Equal(time.UnixMicro(a.at)) || !slices.Equal(l.Subjects, subjects) || hex.EncodeToString(l.Commit[:]) != a.commitment {
		c.find(Log, a.id, "it is not what the log has at %d", a.index)
		return
	}
	if body[1] == "" {
		return // erased
	}
	salt, err := hex.DecodeString(body[0])
	if err != nil {
		c.find(Log, a.id, "the salt of its body cannot be read")
		return
	}
	plain, err := c.Body(a.id, body[1])
	if err != nil || !l.Opens(salt, plain) {
		c.find(Log, a.id, "its body is not what the log commits to")
	}
}

func (c *check) bodies(ctx context.Context) (map[string][2]string, error) {
	rows, err := c.DB.QueryContext(ctx, `SELECT id, salt, body FROM outbox_bodies`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string][2]string{}
	for rows.Next() {
		var id, salt, body string
		if err := rows.Scan(&id, &salt, &body); err != nil {
			return nil, err
		}
		out[id] = [2]string{salt, body}
	}
	return out, rows.Err()
}

// leaves verifies the exported log, with the heads that were given out, and
// returns its entries.
func (c *check) leaves(dir, key string) ([]*ledger.Leaf, error) {
	var given [][]byte
	for _, table := range []string{"permits", "releases"} {
		for _, r := range c.tables[table] {
			if head, _ := r.doc["checkpoint"].(string); head != "" {
				given = append(given, []byte(head))
			} else {
				c.find(Log, r.id, "it carries no head of the ledger")
			}
		}
	}
	report, err := ledger.Verify(os.DirFS(dir), []string{key}, given...)
	if err != nil {
		return nil, err
	}
	for _, f := range report.Findings {
		c.find(Log, "ledger", "%s", f)
	}
	return entries(dir, report.Size)
}

// entries reads the entry bundles of an exported log. It reads them by the
// published format (C2SP tlog-tiles), not by the code that wrote them.
func entries(dir string, size int64) ([]*ledger.Leaf, error) {
	var out []*ledger.Leaf
	for n := int64(0); n*256 < size; n++ {
		path := filepath.Join(dir, "tile", "entries", bundleName(n))
		if rest := size - n*256; rest < 256 {
			path += fmt.Sprintf(".p/%d", rest)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for len(data) >= 2 {
			length := int(data[0])<<8 | int(data[1])
			if len(data) < 2+length {
				return nil, fmt.Errorf("the bundle %d of the ledger is cut short", n)
			}
			l, err := ledger.ParseLeaf(bytes.Clone(data[2 : 2+length]))
			if err != nil {
				return nil, err
			}
			out = append(out, &l)
			data = data[2+length:]
		}
	}
	return out, nil
}

// bundleName is C2SP's: groups of three digits, all but the last behind an x.
func bundleName(n int64) string {
	parts := []string{fmt.Sprintf("%03d", n%1000)}
	for n /= 1000; n > 0; n /= 1000 {
		parts = append([]string{fmt.Sprintf("x%03d", n%1000)}, parts...)
	}
	return strings.Join(parts, "/")
}
