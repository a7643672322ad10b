package fsck

import (
	"context"
	"database/sql"

	"github.com/ark-tre/ark/pkg/objects"
)

// Named is what the rows of a database say of objects.
type Named struct{ c *check }

// Names reads the rows of a database for the objects that they name.
func Names(ctx context.Context, db *sql.DB) (Named, error) {
	c := &check{Ark: Ark{DB: db}, tables: map[string]map[string]*row{}, refs: map[string][]*pin{}}
	return Named{c}, c.rows(ctx)
}

// Knows reports whether a row names the object, or the object it is a part of.
func (n Named) Knows(z objects.Zone, name string) bool { return n.c.known(z, name) }

// Needs lists the objects that have to be there, as zone and name.
func (n Named) Needs() []objects.Ref {
	var out []objects.Ref
	for _, pins := range n.c.refs {
		if p := pins[0]; !n.c.dispensable(p) {
			out = append(out, p.ref)
		}
	}
	return out
}
