package demonstration

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/instance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/pkg/worker"
)

// delivered checks the deliveries that Load sent, and that bad ones are refused.
func (p *play) delivered(ctx context.Context) error {
	erin := p.as(ctx, "erin")
	sources, err := all[catalogue.Source](ctx, erin, "/sources")
	if err != nil {
		return err
	}
	var sum catalogue.DeliveryCounts
	n := 0
	for _, s := range sources {
		ds, err := all[catalogue.Delivery](ctx, erin, "/sources/"+s.ID+"/deliveries")
		if err != nil {
			return err
		}
		for _, d := range ds {
			if err := must(d.State == "accepted", "delivery %s of %s is %s", d.Name, s.Slug, d.State); err != nil {
				return err
			}
			if err := must(d.Counts.Read >= d.Counts.Accepted && d.Counts.Read == d.Counts.Accepted+d.Counts.Quarantined+d.Counts.Duplicates+d.Counts.Superseded,
				"delivery %s of %s: %d rows were read, but %d accepted, %d quarantined, %d duplicates and %d superseded do not add up to that", d.Name, s.Slug, d.Counts.Read, d.Counts.Accepted, d.Counts.Quarantined, d.Counts.Duplicates, d.Counts.Superseded); err != nil {
				return err
			}
			sum.Read, sum.Quarantined, sum.Duplicates = sum.Read+d.Counts.Read, sum.Quarantined+d.Counts.Quarantined, sum.Duplicates+d.Counts.Duplicates
			n++
		}
	}
	p.Say("    %d deliveries of %d sources: %d rows read, %d quarantined, %d exact duplicates removed", n, len(sources), sum.Read, sum.Quarantined, sum.Duplicates)
	if err := must(sum.Quarantined > 0 && sum.Duplicates > 0, "the region's errors left no trace in the counts"); err != nil {
		return err
	}
	return p.badDeliveries(ctx, erin, sources)
}

// badDeliveries sends what must be refused whole.
func (p *play) badDeliveries(ctx context.Context, erin *client.Client, sources []catalogue.Source) error {
	var s catalogue.Source
	for _, x := range sources {
		if x.Slug == "social-01" {
			s = x
		}
	}
	good, err := os.ReadFile(filepath.Join(p.region(), "deliveries", "social-01", "2024-10", "packages.csv"))
	if err != nil {
		return err
	}
	send := func(name, text, manifestHash string) (catalogue.Delivery, error) {
		var d catalogue.Delivery
		dir := filepath.Join("bad", name)
		if _, err := p.file(filepath.Join(dir, "packages.csv"), text); err != nil {
			return d, err
		}
		if manifestHash == "" {
			h := sha256.Sum256([]byte(text))
			manifestHash = hex.EncodeToString(h[:])
		}
		manifest := fmt.Sprintf(`{"source":"social-01","delivery":%q,"files":[{"name":"packages.csv","table":"packages","rows":%d,"sha256":%q}]}`, name, strings.Count(text, "\n")-1, manifestHash)
		if _, err := p.file(filepath.Join(dir, "manifest.json"), manifest); err != nil {
			return d, err
		}
		err := erin.Upload(ctx, "/sources/"+s.ID+"/deliveries", name, filepath.Join(p.tmp, dir), &d)
		return d, err
	}
	cases := map[string]struct{ text, hash string }{
		"bad-hash":      {string(good), strings.Repeat("0", 64)},
		"bad-delimiter": {strings.ReplaceAll(string(good), ",", ";"), ""},
		"bad-encoding":  {string(good) + "\xff\xfe\n", ""},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) { // in one order, so that two runs end alike
		c := cases[name]
		d, err := send(name, c.text, c.hash)
		if err != nil {
			if err := refused(err, "the delivery "+name, ark.Invalid); err != nil {
				return err
			}
			continue
		}
		ds := list[catalogue.Delivery]{}
		err = erin.Until(ctx, longest, "a bad delivery to be blocked", "/sources/"+s.ID+"/deliveries?limit=500", &ds, func() (bool, error) {
			for _, x := range ds.Items {
				if x.ID == d.ID && x.State == "accepted" {
					return false, fmt.Errorf("the delivery %s was accepted", name)
				}
				if x.ID == d.ID && x.State == "blocked" {
					return true, must(x.Says != "" && len(x.Outputs) == 0, "the delivery %s was blocked without a reason, or left outputs", name)
				}
			}
			return false, nil
		})
		if err != nil {
			return err
		}
	}
	amina := p.as(ctx, "amina")
	return refused(amina.Upload(ctx, "/sources/"+s.ID+"/deliveries", "by-amina", filepath.Join(p.tmp, "bad", "bad-hash"), nil), "a delivery by a researcher", ark.Forbidden)
}

// linked scores the person index against the truth of the region.
func (p *play) linked(ctx context.Context) error {
	erin := p.as(ctx, "erin")
	ls, err := all[catalogue.Linkage](ctx, erin, "/linkages")
	if err != nil {
		return err
	}
	if err := must(len(ls) > 0 && ls[len(ls)-1].State == "done", "no linkage is done"); err != nil {
		return err
	}
	score, err := p.score(ctx, ls[len(ls)-1])
	if err != nil {
		return err
	}
	p.Say("    precision %.4f, recall %.4f, F1 %.4f over %d records", score.precision, score.recall, score.f1, score.records)
	return must(score.f1 > 0.9, "the linkage's F1 is %.4f", score.f1)
}

type score struct {
	precision, recall, f1 float64
	records               int
}

// score compares the index with truth/links.csv, pair by pair. It opens the
// index as the linkage role and names records as intake does: the play runs as
// the box's owner, who can be every role.
func (p *play) score(ctx context.Context, l catalogue.Linkage) (score, error) {
	link, err := instance.OpenRole(ctx, p.u.config, "linkage")
	if err != nil {
		return score{}, err
	}
	in, err := instance.OpenRole(ctx, p.u.config, "intake")
	if err != nil {
		return score{}, err
	}
	key, err := in.Keys.Derive(ctx, worker.RecordsKey, "record keys")
	if err != nil {
		return score{}, err
	}
	defer key.Wipe()
	h, err := pseudonym.New(key.Reveal())
	if err != nil {
		return score{}, err
	}
	f, err := link.Objects.OpenAt(ctx, l.Outputs["index"])
	if err != nil {
		return score{}, err
	}
	defer f.Close()
	r, err := columnar.Open(f, f.Size(), columnar.Limits{})
	if err != nil {
		return score{}, err
	}
	person := map[string]string{}
	for row, err := range r.Rows(ctx, "person_record_key", "person_id") {
		if err != nil {
			return score{}, err
		}
		person[row[0].Str()] = row[1].Str()
	}
	return p.compare(h, person)
}

func (p *play) compare(h *pseudonym.Hasher, person map[string]string) (score, error) {
	file, err := os.Open(filepath.Join(p.region(), "truth", "links.csv"))
	if err != nil {
		return score{}, err
	}
	defer file.Close()
	joint := map[[2]string]int64{}
	found, truth := map[string]int64{}, map[string]int64{}
	seen := map[string]bool{}
	var s score
	rows := csv.NewReader(file)
	for n := 0; ; n++ {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return s, err
		}
		k := h.PersonRecordKey(row[0], []byte(row[2]))
		id, ok := person[string(k[:])]
		if n == 0 || !ok || seen[string(k[:])] {
			continue
		}
		seen[string(k[:])] = true
		joint[[2]string{id, row[3]}]++
		found[id]++
		truth[row[3]]++
		s.records++
	}
	pairs := func(n int64) float64 { return float64(n) * float64(n-1) / 2 }
	var both, f, t float64
	for _, n := range joint {
		both += pairs(n)
	}
	for _, n := range found {
		f += pairs(n)
	}
	for _, n := range truth {
		t += pairs(n)
	}
	if s.records < 100 || f == 0 || t == 0 {
		return s, fmt.Errorf("only %d records of the truth were found in the index", s.records)
	}
	s.precision, s.recall = both/f, both/t
	s.f1 = 2 * s.precision * s.recall / (s.precision + s.recall)
	return s, nil
}

// published checks each version's signed manifest against the objects.
func (p *play) published(ctx context.Context) error {
	erin := p.as(ctx, "erin")
	ds, err := all[catalogue.Dataset](ctx, erin, "/datasets")
	if err != nil {
		return err
	}
	role, err := instance.OpenRole(ctx, p.u.config, "publish")
	if err != nil {
		return err
	}
	tables := 0
	for _, d := range ds {
		if err := must(d.Latest != "", "%s has no version", d.Slug); err != nil {
			return err
		}
		n, err := checkVersion(ctx, role, d)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Slug, err)
		}
		tables += n
	}
	p.Say("    %d datasets, %d tables: every object hashes to its signed manifest; no table has a direct identifier's column", len(ds), tables)
	return nil
}

// checkVersion reads a version as the publishing role and holds every table
// against the signed manifest and the dictionary.
func checkVersion(ctx context.Context, role *instance.Role, d catalogue.Dataset) (int, error) {
	name := d.Slug + "/" + d.Latest + "/"
	m, err := role.Manifest(ctx, name)
	if err != nil {
		return 0, err
	}
	for _, t := range m.Tables {
		ref, err := role.Objects.Stat(ctx, objects.Versions, name+t.Name+".parquet")
		if err != nil {
			return 0, err
		}
		if err := must(ref.SHA256 == t.SHA256, "table %s is not what the manifest says", t.Name); err != nil {
			return 0, err
		}
		f, err := role.Objects.OpenAt(ctx, ref)
		if err != nil {
			return 0, err
		}
		r, err := columnar.Open(f, f.Size(), columnar.Limits{})
		if err != nil {
			return 0, err
		}
		def, _ := d.Table(t.Name)
		allowed := map[string]bool{"person": true, "_org": true, "_orgs": true}
		for _, v := range def.Variables {
			allowed[v.Name] = true
		}
		for _, c := range r.Schema().Names() {
			if err := must(allowed[c], "table %s has the column %s, which the dictionary does not", t.Name, c); err != nil {
				return 0, err
			}
		}
		f.Close()
	}
	return len(m.Tables), nil
}

// jsonText is v as JSON, for a message.
func jsonText(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}
