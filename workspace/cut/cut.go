// Package cut makes a project's extract: the permitted variables and rows of
// the permitted versions, every key named anew for the project, rows in an
// order that no other project shares, sealed with the project's own key; and
// the sidecar that tells the airlock, and nobody else, who stands behind each
// row.
//
// It reads the versions and index zones and writes the extracts zone. It must
// never write a variable, a row or a key that the permit does not grant.
package cut

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/gowebpki/jcs"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/attest"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/catalogue/selection"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/policies/disclosure"
	"github.com/ark-tre/ark/workspace"
)

// SidecarKey seals sidecars. It outlives the projects' keys: closing a project
// must not blind the comparison with what it released.
const SidecarKey = keys.Name("sidecar/contributors")

// ManifestType is the payload type of a signed extract manifest.
const ManifestType = "application/vnd.ark.extract+json"

// Shop is where cutting works. Database builds a DuckDB database file from
// named Parquet files in a folder; it runs in a sandboxed process.
type Shop struct {
	Objects  *objects.Store
	Keys     keys.Keyring
	Tmp      string
	Database func(ctx context.Context, dir string, tables map[string]string, out string) error
}

// ProjectKey is the key that seals a project's extract and names its entities.
func ProjectKey(project string) keys.Name { return keys.Of(keys.Project, project) }

// Cut makes the extract that a job describes.
func (s Shop) Cut(ctx context.Context, job workspace.CutJob) (workspace.CutResult, error) {
	key := ProjectKey(job.Project)
	if err := s.Keys.Create(ctx, key); err != nil && !ark.Is(err, ark.Conflict) {
		return workspace.CutResult{}, err
	}
	c := &cutting{Shop: s, job: job, key: key}
	if err := c.names(ctx); err != nil {
		return workspace.CutResult{}, err
	}
	dir, err := os.MkdirTemp(s.Tmp, "cut-")
	if err != nil {
		return workspace.CutResult{}, err
	}
	defer os.RemoveAll(dir)
	c.dir = dir
	if c.side, err = c.openSidecar(ctx); err != nil {
		return workspace.CutResult{}, err
	}
	defer c.side.drop()
	for _, cut := range job.Cuts {
		if err := c.dataset(ctx, cut); err != nil {
			return workspace.CutResult{}, fmt.Errorf("dataset %s: %w", cut.Slug, err)
		}
	}
	return c.finish(ctx)
}

// cutting is one extract in the making.
type cutting struct {
	Shop
	job     workspace.CutJob
	key     keys.Name
	dir     string
	project *pseudonym.Hasher // names of this project
	first   *pseudonym.Hasher // names under the Ark's first key, on which the airlock's numbers rest
	sidecar *pseudonym.Hasher // the airlock's own numbering of persons
	res     workspace.CutResult
	files   map[string]string
	side    *sidecar
}

// names derives the domains of the extract.
func (c *cutting) names(ctx context.Context) error {
	c.files = map[string]string{}
	var err error
	if c.project, err = c.hasher(ctx, c.key); err != nil {
		return err
	}
	if c.first, err = c.hasher(ctx, publish.DomainKey); err != nil {
		return err
	}
	c.sidecar, err = c.hasher(ctx, SidecarKey)
	return err
}

// dataset cuts one grant.
func (c *cutting) dataset(ctx context.Context, cut catalogue.Cut) error {
	names, err := c.naming(ctx, cut)
	if err != nil {
		return err
	}
	dropped, err := selection.DroppedFrom(ctx, selection.Objects(c.Objects), c.job.OptOuts, func(id string) string { return names.version.Name(pseudonym.Person, id) })
	if err != nil {
		return err
	}
	var left int64
	r := selection.Reader{Open: selection.Objects(c.Objects), Cut: cut, Dropped: dropped, Left: &left}
	persons, err := r.Persons(ctx)
	if err != nil {
		return err
	}
	if c.job.OptOuts.Name != "" {
		profile, err := disclosure.Shipped(cut.Profile)
		if err != nil {
			return err
		}
		c.res.OptedOut = append(c.res.OptedOut, workspace.OptedOut{Dataset: cut.Slug, People: disclosure.RoundCount(profile, left).Text})
	}
	for _, t := range cut.Tables {
		if len(t.Variables) == 0 {
			continue // it is there for its filter alone
		}
		if err := c.table(ctx, r, cut, t, persons, names); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	return nil
}

// order is the leading column of the sort: it is written nowhere.
const order = "_order"

// sortMemory is what sorting a table may hold, in bytes.
const sortMemory = 192 << 20

// table cuts one table: named anew, sorted by a project order, written as
// Parquet twice, once to the store and once beside the database to be built.
func (c *cutting) table(ctx context.Context, r selection.Reader, cut catalogue.Cut, t catalogue.CutTable, persons map[string]bool, names *naming) error {
	shape := columnar.Schema{{Name: "person", Type: cell.String}}
	var columns []string
	for _, v := range t.Variables {
		shape = append(shape, columnar.Field{Name: v.Name, Type: catalogue.CellType(v.Type), Nullable: true})
		columns = append(columns, v.Name)
	}
	const side = "_side"
	// What is written comes first; the helper columns behind it are left out.
	sortShape := append(slices.Clone(shape), columnar.Field{Name: side, Type: cell.Int64}, columnar.Field{Name: order, Type: cell.Int64})
	sorted, err := columnar.NewSorter(sortShape, columnar.SortOptions{By: []string{order}, Dir: c.dir, Memory: sortMemory})
	if err != nil {
		return err
	}
	defer sorted.Close()
	var last string // rows come in runs of one person, who is named once a run
	var named, placed, sided columnar.Value
	out := make([]columnar.Value, len(sortShape))
	err = r.Rows(ctx, t.Name, persons, func(row []columnar.Value) error {
		if inArk := row[0].Str(); inArk != last || named.IsNull() {
			base, first, err := names.of(inArk)
			if err != nil {
				return err
			}
			last, named = inArk, cell.Str(c.project.Name(pseudonym.Person, base))
			placed, sided = cell.Int(int64(c.project.Order(pseudonym.Person, base)>>1)), cell.Int(c.number(first))
		}
		out[0] = named
		for i, v := range t.Variables {
			x := row[i+1]
			if v.Transform == "entity" && !x.IsNull() {
				x = cell.Str(c.project.Name(pseudonym.Kind(v.Name), x.Str()))
			}
			out[i+1] = x
		}
		out[len(shape)], out[len(shape)+1] = sided, placed
		return sorted.Append(out)
	})
	if err != nil {
		return err
	}
	name := catalogue.TableName(cut.Slug, t.Name)
	ref, err := c.write(ctx, name, shape, sorted)
	if err != nil {
		return err
	}
	c.res.Tables = append(c.res.Tables, workspace.ExtractTable{Name: name, Ref: ref, Variables: append([]string{"person"}, columns...)})
	return nil
}

// write stores a sorted table without its helper columns, and remembers who is
// behind each row.
func (c *cutting) write(ctx context.Context, name string, shape columnar.Schema, sorted *columnar.Sorter) (objects.Ref, error) {
	local := filepath.Join(c.dir, name+".parquet")
	file, err := os.OpenFile(local, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return objects.Ref{}, err
	}
	defer file.Close()
	object := c.Objects.Writer(ctx, objects.Extracts, c.name(name+".parquet"), c.key)
	defer object.Abort()
	w, err := columnar.NewWriter(io.MultiWriter(object, file), shape, columnar.Options{Behind: true})
	if err != nil {
		return objects.Ref{}, err
	}
	defer w.Close() // before the object is given up
	n := int64(0)
	for row, err := range sorted.Sorted(ctx) {
		if err != nil {
			return objects.Ref{}, err
		}
		if err := w.AppendRow(row); err != nil {
			return objects.Ref{}, err
		}
		if err := c.side.add(name, n, row.Cell(len(shape))); err != nil {
			return objects.Ref{}, err
		}
		n++
	}
	if err := w.Close(); err != nil {
		return objects.Ref{}, err
	}
	if err := file.Close(); err != nil {
		return objects.Ref{}, err
	}
	c.files[name] = local
	return object.Commit()
}

func (c *cutting) name(file string) string {
	return c.job.Project + "/" + c.job.Extract + "/" + file
}

// finish builds the database, the sidecar and the signed manifest.
func (c *cutting) finish(ctx context.Context) (workspace.CutResult, error) {
	if len(c.files) == 0 {
		return c.res, ark.Faultf(ark.Invalid, "the permit grants no table with a variable")
	}
	out := filepath.Join(c.dir, "extract.duckdb")
	if err := c.Database(ctx, c.dir, c.files, out); err != nil {
		return c.res, fmt.Errorf("build the database: %w", err)
	}
	var err error
	if c.res.Database, err = c.putDatabase(ctx, out); err != nil {
		return c.res, err
	}
	if c.res.Sidecar, err = c.side.commit(); err != nil {
		return c.res, err
	}
	if c.res.Aliases, err = c.putAliases(ctx); err != nil {
		return c.res, err
	}
	c.res.Manifest, err = c.putManifest(ctx)
	return c.res, err
}

// putDatabase stores the database file. It is derived from the Parquet files
// and DuckDB does not write the same bytes twice: a file that an interrupted
// attempt left under this name is put aside first.
func (c *cutting) putDatabase(ctx context.Context, path string) (objects.Ref, error) {
	f, err := os.Open(path)
	if err != nil {
		return objects.Ref{}, err
	}
	defer f.Close()
	name := c.name("extract.duckdb")
	if err := c.Objects.Delete(ctx, objects.Extracts, name); err != nil {
		return objects.Ref{}, err
	}
	return c.Objects.Put(ctx, objects.Extracts, name, c.key, f)
}

// Manifest says what an extract holds and by which permit.
type Manifest struct {
	Extract    string                   `json:"extract"`
	Project    string                   `json:"project"`
	Permit     string                   `json:"permit"`
	PermitHash string                   `json:"permit_hash"`
	OptOut     string                   `json:"opt_out"`
	Tables     []workspace.ExtractTable `json:"tables"`
	Versions   []string                 `json:"versions"`
	Names      []int                    `json:"names"`    // of each version, the number of the key that its people are named under
	NamedBy    int                      `json:"named_by"` // the one on which the project's names of people rest
}

func (c *cutting) putManifest(ctx context.Context) (objects.Ref, error) {
	m := Manifest{Extract: c.job.Extract, Project: c.job.Project, Permit: c.job.Permit, PermitHash: c.job.PermitHash, OptOut: c.job.OptOut, NamedBy: max(1, c.job.Named)}
	for _, t := range c.res.Tables {
		t.Ref.Seal = "" // names a key of this attempt, not the content
		m.Tables = append(m.Tables, t)
	}
	for _, cut := range c.job.Cuts {
		m.Versions, m.Names = append(m.Versions, cut.Version), append(m.Names, max(1, cut.Names))
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return objects.Ref{}, err
	}
	if raw, err = jcs.Transform(raw); err != nil {
		return objects.Ref{}, err
	}
	signed, err := attest.Sign(ctx, c.Keys, publish.SigningKey, ManifestType, raw)
	if err != nil {
		return objects.Ref{}, err
	}
	return c.Objects.Put(ctx, objects.Extracts, c.name("manifest.json"), c.key, bytes.NewReader(signed))
}
