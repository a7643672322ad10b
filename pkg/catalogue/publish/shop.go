package publish

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ark-tre/ark/pkg/catalogue/selection"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/objects"
)

// Keys that publishing works with.
const (
	// DomainKey names persons and entities inside this Ark until it is rotated:
	// NamesKey gives the others.
	DomainKey = keys.Name("pseudonym/ark")
	// VersionsKey seals what is left of a version when its rows are destroyed: its
	// manifest, counts, synthetic tables and certificate.
	VersionsKey = keys.Name("versions/data")
	// SigningKey signs manifests.
	SigningKey = keys.Name("signing/versions")
)

// VersionKey seals the tables of one version: destroying it destroys them,
// however many copies there are.
func VersionKey(version string) keys.Name { return keys.Of(keys.Versions, version) }

// NamesKey is the key of names of a number: DomainKey is the first.
func NamesKey(number int) keys.Name {
	if number <= 1 {
		return DomainKey
	}
	return keys.Of(keys.Pseudonym, fmt.Sprintf("ark-%d", number))
}

// Shop is where publishing works: objects, keys and a temporary folder of its
// own for sorting.
type Shop struct {
	Objects *objects.Store
	Keys    keys.Keyring
	Tmp     string
}

// rows calls each for every row of a Parquet object's named columns.
func (s Shop) rows(ctx context.Context, ref objects.Ref, columns []string, each func([]columnar.Value) error) error {
	r, c, err := selection.Objects(s.Objects)(ctx, ref)
	if err != nil {
		return err
	}
	defer c.Close()
	for row, err := range r.Rows(ctx, columns...) {
		if err != nil {
			return err
		}
		if err := each(row); err != nil {
			return err
		}
	}
	return nil
}

// write stores a version's table in the versions zone, in the sorter's order.
func (s Shop) write(ctx context.Context, version, name string, schema columnar.Schema, sorted *columnar.Sorter, each func(arrow.Record) error) (objects.Ref, error) {
	w := s.Objects.Writer(ctx, objects.Versions, name, VersionKey(version))
	defer w.Abort()
	t, err := columnar.NewWriter(w, schema, columnar.Options{Behind: true, Each: each})
	if err != nil {
		return objects.Ref{}, err
	}
	defer t.Close() // before the object is given up
	if err := sorted.WriteTo(ctx, t); err != nil {
		return objects.Ref{}, err
	}
	if err := t.Close(); err != nil {
		return objects.Ref{}, err
	}
	return w.Commit()
}
