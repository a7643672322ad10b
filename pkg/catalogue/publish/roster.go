package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

// roster is everybody in the person index, by number: a person is named once,
// and a row finds its person by one look-up.
type roster struct {
	records map[shortKey]uint32 // record key → number
	ids     map[shortKey]uint32 // person id → number
	names   string              // pseudonyms laid end to end
	objects []bool
	seen    [][]uint16 // the organisations a person has a published row from
}

// shortKey is a record key or a person id; both are shorter.
type shortKey [pseudonym.CodeLen]byte

func keyOf(s string) (k shortKey, ok bool) {
	return k, copy(k[:], s) == len(s) && s != ""
}

// name is the pseudonym of a person.
func (p *roster) name(n uint32) string {
	at := int(n) * pseudonym.CheckLen
	return p.names[at : at+pseudonym.CheckLen]
}

// saw notes that a person has a row from an organisation.
func (p *roster) saw(n uint32, org uint16) {
	if !slices.Contains(p.seen[n], org) {
		p.seen[n] = append(p.seen[n], org)
	}
}

// roster reads the person index and the list of those who objected.
func (s Shop) roster(ctx context.Context, job catalogue.PublishJob, names *pseudonym.Hasher) (*roster, error) {
	p := &roster{records: map[shortKey]uint32{}, ids: map[shortKey]uint32{}}
	var laid []byte
	err := s.rows(ctx, job.Index, []string{"person_record_key", "person_id"}, func(r []columnar.Value) error {
		record, ok1 := keyOf(r[0].Str())
		id, ok2 := keyOf(r[1].Str())
		if !ok1 || !ok2 {
			return ark.Faultf(ark.Invalid, "the person index has a key of another form").At("person_index.parquet", 0, "person_id")
		}
		n, known := p.ids[id]
		if !known {
			n = uint32(len(p.ids))
			p.ids[id] = n
			laid = names.Append(laid, pseudonym.Person, r[1].Str())
		}
		p.records[record] = n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("person index: %w", err)
	}
	p.names, p.objects, p.seen = string(laid), make([]bool, len(p.ids)), make([][]uint16, len(p.ids))
	if job.Objections.Name == "" {
		return p, nil
	}
	err = s.rows(ctx, job.Objections, []string{"person_id"}, func(r []columnar.Value) error {
		id, ok := keyOf(r[0].Str())
		if n, known := p.ids[id]; ok && known {
			p.objects[n] = true
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("objections: %w", err)
	}
	return p, nil
}
