package portal

import (
	"context"
	"io"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// Rooms are the rooms whose functions the portal calls.
type Rooms struct {
	Catalogue  *catalogue.Room
	Governance *governance.Room
	Objects    Objects
}

// Objects is the little of the object store that the portal uses: it lands
// what data engineers deliver and hands out what was released. It has no key of
// the zones in between.
type Objects interface {
	// Land writes the bytes of r into the landing zone, encrypted, and returns
	// their ref. It is durable when it returns. The same bytes twice are one object.
	Land(ctx context.Context, name string, r io.Reader) (objects.Ref, error)
	// Open returns the verified bytes of an object of the public or the
	// releases zone; reading from the result fails if they are not what ref says.
	Open(ctx context.Context, ref objects.Ref) (io.ReadCloser, error)
}

// view reads metadata for this call.
func (c *Call) view(fn func(q store.Querier) error) error { return c.p.cfg.Store.View(c.Ctx(), fn) }

// directory is the names of users and organisations, to show in the place of
// ids. It is read once per page.
type directory struct {
	users map[string]governance.User
	orgs  map[string]governance.Organisation
}

func readDirectory(ctx context.Context, q store.Querier) (*directory, error) {
	us, err := governance.Users(ctx, q)
	if err != nil {
		return nil, err
	}
	os, err := governance.Organisations(ctx, q)
	if err != nil {
		return nil, err
	}
	d := &directory{users: make(map[string]governance.User, len(us)), orgs: make(map[string]governance.Organisation, len(os))}
	for _, u := range us {
		d.users[u.ID] = u
	}
	for _, o := range os {
		d.orgs[o.ID] = o
	}
	return d, nil
}

// user is the name of a user.
func (d *directory) user(id string) string {
	if u, ok := d.users[id]; ok {
		return u.Name
	}
	return "somebody whose account is gone"
}

// org is the name of an organisation.
func (d *directory) org(id string) string {
	if o, ok := d.orgs[id]; ok {
		return o.Name
	}
	return "an organisation that is gone"
}

func (d *directory) userNames(ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = d.user(id)
		if u, ok := d.users[id]; ok {
			out[i] += ", " + d.org(u.Org)
		}
	}
	return out
}

func (d *directory) orgNames(ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = d.org(id)
	}
	return out
}

// actor is who did a recorded act, in people's words.
func (d *directory) actor(name string) string {
	switch {
	case name == "nobody" || name == "":
		return "Somebody not signed in"
	case len(name) > 7 && name[:7] == "system:":
		return "This Ark"
	default:
		return d.user(name)
	}
}
