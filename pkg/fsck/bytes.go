package fsck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
)

// objects reads every object that a row names, whole, and finds those that no
// row names.
func (c *check) objects(ctx context.Context) error {
	for key, pins := range c.refs {
		for _, p := range pins[1:] {
			if p.ref.SHA256 != pins[0].ref.SHA256 || p.ref.Size != pins[0].ref.Size {
				c.find(Row, p.row.id, "it names %s with another content than %s does", key, pins[0].row.id)
			}
		}
		p := pins[0]
		if c.dispensable(p) {
			continue
		}
		if c.ended(p) {
			if err := c.read(ctx, p); !ark.Is(err, ark.Lapsed) {
				c.find(Key, p.row.id, "%s: its version was destroyed, and it is not refused for its destroyed key", key)
			}
			continue
		}
		if err := c.read(ctx, p); err != nil {
			c.find(Missing, p.row.id, "%s: %s", key, reason(err))
			continue
		}
		c.Objects++
	}
	return c.strays(ctx)
}

// dispensable reports whether the object that a row names need not be there.
func (c *check) dispensable(p *pin) bool {
	return p.row.table == "extracts" && c.closed(p.row) || p.row.table == "sources"
}

// closed reports whether an extract's key is gone with its project, or may be at
// any moment, so that nobody can read it.
func (c *check) closed(extract *row) bool {
	project, _ := extract.doc["project"].(string)
	p := c.tables["projects"][project]
	return extract.state == "destroyed" || p != nil && (p.state == "closed" || p.state == "closing")
}

// ended reports whether a pin is a table of a version whose key was destroyed.
func (c *check) ended(p *pin) bool {
	if p.row.table != "versions" || !strings.HasSuffix(p.ref.Name, ".parquet") {
		return false
	}
	end, _ := p.row.doc["ending"].(map[string]any)
	return end != nil && end["key"] != nil
}

func reason(err error) string {
	var f *ark.Fault
	if errors.As(err, &f) {
		return f.Says
	}
	return err.Error()
}

// read reads an object whole with the first store that may.
func (c *check) read(ctx context.Context, p *pin) error {
	err := fmt.Errorf("no role reaches the zone %q", p.ref.Zone)
	for _, st := range c.Stores[p.ref.Zone] {
		var r io.ReadCloser
		if r, err = st.Open(ctx, p.ref); err == nil {
			_, err = io.Copy(io.Discard, r)
			r.Close()
		}
		if err == nil || !ark.Is(err, ark.Forbidden) {
			return err
		}
	}
	return err
}

// Unnamed is said of an object that no row names.
const Unnamed = "no row names it"

// strays finds objects that no row names, and uploads that nobody finished.
func (c *check) strays(ctx context.Context) error {
	for z, stores := range c.Stores {
		if len(stores) == 0 {
			continue
		}
		st := stores[0]
		if err := c.uploads(ctx, st, z); err != nil {
			return err
		}
		if z == objects.Ledger || z == objects.Public || c.Busy > 0 {
			continue // the log is compared with the recorded acts; what a job is making is not named yet
		}
		var names []string
		for meta, err := range st.List(ctx, z, "") {
			if err != nil {
				return err
			}
			if !c.known(z, meta.Name) {
				names = append(names, meta.Name)
			}
		}
		for _, name := range names {
			if c.Mend {
				if err := st.Delete(ctx, z, name); err == nil {
					c.Mended++
					continue
				}
			}
			c.find(Leftover, string(z)+"/"+name, Unnamed)
		}
	}
	return nil
}

// uploads finds what was begun and never completed. While jobs are under way,
// only what is older than any of them can be.
func (c *check) uploads(ctx context.Context, st *objects.Store, z objects.Zone) error {
	before := c.Now()
	if c.Busy > 0 {
		before = before.Add(-24 * time.Hour)
	}
	if c.Mend {
		gone, err := st.Sweep(ctx, z, before)
		c.Mended += len(gone)
		return err
	}
	half, err := st.Unfinished(ctx, z, before)
	for _, u := range half {
		c.find(Leftover, string(z)+"/"+u.Name, "an upload was begun and never completed")
	}
	return err
}

// known reports whether a row names the object, or the object that it is a
// part of: a version's own tables are named by its manifest.
func (c *check) known(z objects.Zone, name string) bool {
	if c.refs[string(z)+"/"+name] != nil {
		return true
	}
	if z != objects.Versions && z != objects.Index && z != objects.Extracts {
		return false
	}
	dir := name[:strings.LastIndex(name, "/")+1]
	return slices.ContainsFunc([]string{"manifest.json", "linkage.json", "report.json"}, func(f string) bool { return c.refs[string(z)+"/"+dir+f] != nil })
}
