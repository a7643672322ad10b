package cut

import (
	"context"
	"errors"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/catalogue/selection"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

// naming gives, for a person's name in a version, the names that do not change
// with the Ark's key of names: the one on which the project's names rest, and
// the first, on which the airlock's numbering rests. Versions named under
// another key than both are led back through the person index they came from.
type naming struct {
	version *pseudonym.Hasher // under the version's key: finds opt-outs
	at      map[[pseudonym.CheckLen]byte]uint32
	base    []byte // names for the project, laid end to end
	first   []byte // names for the sidecar; nil where they are the same
}

// hasher is a hasher of names under a key.
func (c *cutting) hasher(ctx context.Context, key keys.Name) (*pseudonym.Hasher, error) {
	secret, err := c.Keys.Derive(ctx, key, "names")
	if err != nil {
		return nil, err
	}
	defer secret.Wipe()
	return pseudonym.New(secret.Reveal())
}

// naming reads what a cut's version needs.
func (c *cutting) naming(ctx context.Context, cut catalogue.Cut) (*naming, error) {
	of, base := max(1, cut.Names), max(1, c.job.Named)
	n := &naming{}
	var err error
	if n.version, err = c.hasher(ctx, publish.NamesKey(of)); err != nil || of == 1 && base == 1 {
		return n, err
	}
	index, ok := c.job.Indexes[cut.Version]
	if !ok {
		return nil, ark.Faultf(ark.Internal, "the version is named under another key and its person index is not given")
	}
	rest, err := c.hasher(ctx, publish.NamesKey(base))
	if err != nil {
		return nil, err
	}
	r, closer, err := selection.Objects(c.Objects)(ctx, index)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	n.at = map[[pseudonym.CheckLen]byte]uint32{}
	if base != 1 {
		n.first = []byte{}
	}
	var name []byte
	for row, err := range r.Rows(ctx, "person_id") {
		if err != nil {
			return nil, err
		}
		id := row[0].Str()
		name = n.version.Append(name[:0], pseudonym.Person, id)
		key := [pseudonym.CheckLen]byte(name)
		if _, ok := n.at[key]; ok {
			continue
		}
		n.at[key] = uint32(len(n.at))
		n.base = rest.Append(n.base, pseudonym.Person, id)
		if n.first != nil {
			n.first = c.first.Append(n.first, pseudonym.Person, id)
		}
	}
	return n, nil
}

var errNobody = errors.New("a person of the version is not in its person index")

// of gives the two names of a person.
func (n *naming) of(inVersion string) (base, first string, err error) {
	if n.at == nil {
		return inVersion, inVersion, nil
	}
	if len(inVersion) != pseudonym.CheckLen {
		return "", "", errNobody
	}
	i, ok := n.at[[pseudonym.CheckLen]byte([]byte(inVersion))]
	if !ok {
		return "", "", errNobody
	}
	at := int(i) * pseudonym.CheckLen
	base = string(n.base[at : at+pseudonym.CheckLen])
	if n.first == nil {
		return base, base, nil
	}
	return base, string(n.first[at : at+pseudonym.CheckLen]), nil
}
