package synthetic

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ark-tre/ark/pkg/ark"
)

// Options say what region to make.
type Options struct {
	People   int                   // how many people, from 100
	Seed     uint64                // the same seed gives the same bytes
	Busy     int                   // how many times the ordinary number of contacts and tests people have, 1 by default
	Dir      string                // an empty or absent folder
	Progress func(people, all int) // called now and then; may be nil
}

// Summary is what was made.
type Summary struct {
	People, Households int64
	Sources, Files     int
	Rows, Bytes        int64
}

// The sizes accepted. The upper one is the count of NHS numbers that were
// never issued.
const (
	leastPeople = 100
	mostPeople  = numbersMax
)

// generator holds one run.
type generator struct {
	region    region
	practices []*practiceFeed
	hospitals []*hospitalFeed
	lab       *labFeed
	councils  []*councilFeed
	mentals   []*mentalFeed
	out       *output
	links     *bufio.Writer
	seed      uint64
	busy      float64
}

// Shares of people with a national data opt-out, and of those who objected to
// any use. The first is near England's share of 2024.
const (
	optOutShare    = 0.054
	objectionShare = 0.004
)

// declines draws whether a person is on the list of the given share; lists of
// other shares are drawn apart, and nothing else about the person changes.
func (g *generator) declines(p *person, share float64) bool {
	return throw(g.seed, mix(uint64(share*1e6))^uint64(p.id)).chance(share)
}

// truth records that a local number is a person.
func (g *generator) truth(s *source, table, local string, p *person) {
	fmt.Fprintf(g.links, "%s,%s,%s,p%09d\n", s.ID, table, local, p.id)
}

// Generate writes a region below o.Dir: deliveries/<source>/<delivery>/ with
// CSV files and manifest.json, organisations.json, sources.json,
// lists/optouts.dat and lists/objections.dat (NHS numbers as the national check
// writes them: one a line with a comma), and truth/
// with links.csv (source, table, local number, person), people.csv and
// effects.json. Cost is linear in people; memory does not grow with them.
func Generate(ctx context.Context, o Options) (Summary, error) {
	if o.People < leastPeople || o.People > mostPeople {
		return Summary{}, ark.Faultf(ark.Invalid, "a region has %d to %d people", leastPeople, mostPeople).Do("give --people a number in that range")
	}
	if entries, err := os.ReadDir(o.Dir); err == nil && len(entries) > 0 {
		return Summary{}, ark.Faultf(ark.Conflict, "the folder for the region is not empty").Do("give a new folder, or remove that one first")
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, "truth"), 0o755); err != nil {
		return Summary{}, fmt.Errorf("synthetic: make the folder: %w", err)
	}
	names, err := loadNames()
	if err != nil {
		return Summary{}, err
	}
	g := newGenerator(o)
	links, err := os.Create(filepath.Join(o.Dir, "truth", "links.csv"))
	if err != nil {
		return Summary{}, fmt.Errorf("synthetic: write the truth: %w", err)
	}
	defer links.Close()
	people, err := os.Create(filepath.Join(o.Dir, "truth", "people.csv"))
	if err != nil {
		return Summary{}, fmt.Errorf("synthetic: write the truth: %w", err)
	}
	defer people.Close()
	g.links = bufio.NewWriterSize(links, 1<<16)
	who := bufio.NewWriterSize(people, 1<<16)
	fmt.Fprintln(g.links, "source,table,local_id,person")
	lists, err := g.openLists(o.Dir)
	if err != nil {
		return Summary{}, err
	}
	defer lists.close()
	fmt.Fprintln(who, "person,household,nhs_number,sex,born,died,imd_decile,alcohol,ckd_onset,ckd_recorded")

	w := &population{region: g.region, names: names, numbers: newNumbers(o.Seed), seed: o.Seed}
	s := Summary{}
	for n := int64(0); w.people < int64(o.People); n++ {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		house, d := w.next(n, o.People-int(w.people))
		s.Households++
		for _, p := range house {
			g.live(d, p, house)
			lists.add(g, p)
			h := p.health
			fmt.Fprintf(who, "p%09d,h%09d,%s,%c,%s,%s,%d,%d,%s,%s\n", p.id, p.household, p.nhs, p.sex, p.born, p.died, h.decile, h.alcohol, h.ckd, h.ckdCoded)
		}
		if o.Progress != nil && n%1024 == 0 {
			o.Progress(int(w.people), o.People)
		}
		if g.out.err != nil {
			return s, fmt.Errorf("synthetic: write a delivery: %w", g.out.err)
		}
	}
	s.People = w.people
	for _, b := range append(lists.buffers(), g.links, who) {
		if err := b.Flush(); err != nil {
			return s, fmt.Errorf("synthetic: write the truth: %w", err)
		}
	}
	return s, g.finish(&s)
}

// live writes everything organisations know of one person.
func (g *generator) live(d dice, p *person, house []*person) {
	if p.died != 0 && p.died < spanFrom || p.born > spanTo {
		return
	}
	regs := g.register(d, p, house)
	g.diagnoses(d, p, regs)
	g.care(d, p, house, regs)
	c := &charts{g: g, p: p, house: house, byOrg: map[string]*chart{}}
	g.emergencies(d, p, c)
	g.planned(d, p, c)
	g.support(d, p, house)
	g.refer(d, p, c, regs)
	g.screen(p, regs)
}

func newGenerator(o Options) *generator {
	g := &generator{seed: o.Seed, busy: float64(max(o.Busy, 1)), region: newRegion(o.Seed, o.People), out: &output{dir: o.Dir, seed: o.Seed}}
	for i := range g.region.practices {
		g.practices = append(g.practices, newPractice(i, g.out))
	}
	for i := range g.region.trusts {
		g.hospitals = append(g.hospitals, newHospital(i, g.out))
	}
	g.lab = newLaboratory(g.out)
	for i := range g.region.councils {
		g.councils = append(g.councils, newCouncil(i, g.out))
	}
	for i := range g.region.mentals {
		g.mentals = append(g.mentals, newMental(i, g.out))
	}
	for i, s := range g.everySource() {
		s.start = mix(o.Seed^uint64(i)<<20) % prime
	}
	for _, f := range g.out.files {
		f.limit = max(32<<10, min(4<<20, memory/len(g.out.files)))
	}
	return g
}

// everySource lists the sources in a settled order.
func (g *generator) everySource() []*source {
	list, _ := g.sources()
	return list
}

// sources lists every feed with its organisation.
func (g *generator) sources() (list []*source, orgs []organisation) {
	add := func(kind, name string, ss ...*source) {
		for _, s := range ss {
			s.Declared, s.Deliveries = "synthetic", deliveries[:]
		}
		list = append(list, ss...)
		orgs = append(orgs, organisation{ss[0].Organisation, name, kind})
	}
	for i, f := range g.practices {
		add("practice", fmt.Sprintf("%s Surgery", streetNames[i%len(streetNames)])+numeral(i/len(streetNames)), f.source)
	}
	for i, f := range g.hospitals {
		add("acute", towns[i%len(towns)]+" Hospitals Trust"+numeral(i/len(towns)), f.emergency, f.admitted)
	}
	add("laboratory", "Arkford Pathology Network", g.lab.source)
	for i, f := range g.councils {
		add("council", towns[i%len(towns)]+" Borough Council"+numeral(i/len(towns)), f.source)
	}
	for i, f := range g.mentals {
		add("mental-health", towns[i%len(towns)]+" Mental Health Trust"+numeral(i/len(towns)), f.source)
	}
	return list, orgs
}

// numeral tells apart organisations whose names run out.
func numeral(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" %d", n+1)
}

func (g *generator) finish(s *Summary) error {
	sources, orgs := g.sources()
	if err := g.out.finish(sources); err != nil {
		return fmt.Errorf("synthetic: write a delivery: %w", err)
	}
	for path, v := range map[string]any{"organisations.json": orgs, "sources.json": sources, "truth/effects.json": effects} {
		if err := g.out.json(path, v); err != nil {
			return fmt.Errorf("synthetic: write %s: %w", path, err)
		}
	}
	s.Sources, s.Files = len(sources), len(g.out.files)
	for _, f := range g.out.files {
		s.Rows, s.Bytes = s.Rows+f.rows, s.Bytes+f.size
	}
	return nil
}
