package synthetic

import "strings"

// person is the truth about one person; feeds see it through errors.
type person struct {
	id        int64 // ordinal in the region: the true person
	household int64
	nhs       string
	sex       byte
	given     string
	middle    string
	goesBy    string // a nickname some organisations hold instead of given
	families  []span[string]
	born      day
	died      day
	ethnicity string
	homes     []span[address]
	phone     string
	email     string
	health    health
}

// span is a value that holds from a day on.
type span[T any] struct {
	from  day
	value T
}

func at[T any](spans []span[T], d day) T {
	v := spans[0].value
	for _, s := range spans[1:] {
		if s.from <= d {
			v = s.value
		}
	}
	return v
}

func (p *person) alive(d day) bool { return d >= p.born && (p.died == 0 || d <= p.died) }

// population makes households in order. It is the only place that decides who
// exists; what it decides depends on seed and household number alone.
type population struct {
	region  region
	names   *names
	numbers *numbers
	seed    uint64
	people  int64 // made so far
}

// member is a sketch of someone in a household.
type member struct {
	sex       byte
	age       int
	family    string
	ethnicity string
}

// next makes household n, at most room people of it, and the dice with which
// its records are then drawn.
func (w *population) next(n int64, room int) ([]*person, dice) {
	d := throw(w.seed, uint64(n))
	home := address(d.IntN(w.region.addresses))
	members, twins := w.sketch(d, home)
	if len(members) > room {
		members, twins = members[:room], false
	}
	homes := w.moves(d, home)
	out := make([]*person, len(members))
	for i, m := range members {
		out[i] = w.flesh(d, n, m, homes, members)
	}
	if k := len(out); twins && k >= 2 { // the two youngest share a birthday, and a seed of what they are called
		out[k-1].born = out[k-2].born
		if d.chance(0.3) {
			out[k-1].sex = out[k-2].sex
			out[k-1].given = w.similar(d, out[k-2])
		}
	}
	for i, p := range out {
		if i > 0 && p.sex == 'M' && members[i].age < 30 && members[0].sex == 'M' && d.chance(0.04) {
			p.given = out[0].given // named after his father, at the same address
		}
		p.health = w.foresee(d, p)
		w.name(d, p)
	}
	return out, d
}

// similar gives a twin a name that begins alike.
func (w *population) similar(d dice, other *person) string {
	for range 40 {
		if g := w.names.givenName(d, other.sex, other.born.year(), other.ethnicity); g[0] == other.given[0] && g != other.given {
			return g
		}
	}
	return w.names.givenName(d, other.sex, other.born.year(), other.ethnicity)
}

// sketch draws who lives in a household.
func (w *population) sketch(d dice, home address) (members []member, twins bool) {
	eth := w.ethnicity(d, w.region.area(home))
	family := w.names.familyName(d, eth)
	adult := func(lo, hi int, sex byte) member { return member{sex, d.between(lo, hi), family, eth} }
	sex := of(d, byte('M'), byte('F'))
	other := byte('M' + 'F' - int(sex))
	switch x := d.Float64(); {
	case x < 0.28: // alone
		age := d.between(19, 64)
		if d.chance(0.42) {
			age = d.between(62, 97)
		}
		members = []member{{sex, age, family, eth}}
	case x < 0.55: // a couple
		first := adult(22, 62, 'M')
		if d.chance(0.4) {
			first.age = d.between(60, 92)
		}
		second := member{'F', max(19, first.age+d.between(-7, 4)), family, eth}
		if d.chance(0.04) {
			first.sex, second.sex = sex, sex
		}
		if d.chance(0.35) {
			second.family = w.names.familyName(d, eth)
		}
		members = []member{first, second}
	case x < 0.86: // with children
		parent := adult(22, 50, 'M')
		members = []member{parent, {'F', max(19, parent.age+d.between(-7, 3)), family, eth}}
		if x > 0.80 {
			members = []member{adult(20, 48, 'F')}
		}
		if len(members) == 2 && d.chance(0.25) {
			members[1].family = w.names.familyName(d, eth)
		}
		youngest := members[len(members)-1].age - 18
		for range 1 + d.poisson(0.9) {
			members = append(members, member{of(d, byte('M'), byte('F')), d.between(0, min(max(youngest, 1), 24)), family, eth})
		}
		twins = len(members) >= 4 && d.chance(0.07)
	case x < 0.94: // a shared house: one address, many names
		for range d.between(2, 6) {
			e := w.ethnicity(d, w.region.area(home))
			members = append(members, member{of(d, byte('M'), byte('F')), d.between(18, 34), w.names.familyName(d, e), e})
		}
	case x < 0.945: // a care home
		for range d.between(8, 30) {
			e := w.ethnicity(d, w.region.area(home))
			members = append(members, member{of(d, byte('M'), byte('F'), byte('F')), d.between(72, 101), w.names.familyName(d, e), e})
		}
	default: // three generations
		grand := adult(60, 85, other)
		parent := adult(max(25, grand.age-38), max(26, grand.age-20), sex)
		members = []member{grand, parent, {other, max(20, parent.age+d.between(-6, 6)), family, eth}}
		for range 1 + d.poisson(1.1) {
			members = append(members, member{of(d, byte('M'), byte('F')), d.between(0, max(1, min(22, parent.age-19))), family, eth})
		}
	}
	return members, twins
}

func (w *population) ethnicity(d dice, area int) string {
	if !d.chance(w.region.diversity(area)) {
		return of(d, "A", "A", "A", "A", "A", "A", "A", "A", "A", "B")
	}
	return of(d, "J", "J", "J", "H", "K", "N", "N", "C", "C", "C", "M", "R", "G", "S", "L", "D")
}

// moves gives the household its addresses over time; an earlier one may be
// someone else's today.
func (w *population) moves(d dice, home address) []span[address] {
	homes := []span[address]{{0, home}}
	for y := 2016; y <= 2024; y++ {
		if !d.chance(0.055) {
			continue
		}
		from := dayOf(y, 1, 1) + day(d.IntN(365))
		to := address(d.IntN(w.region.addresses))
		if d.chance(0.6) { // most moves are near
			to = min(max(home+address(d.between(-900, 900)), 0), address(w.region.addresses-1))
		}
		homes = append(homes, span[address]{from, to})
	}
	return homes
}

// flesh makes a person of a sketch.
func (w *population) flesh(d dice, household int64, m member, homes []span[address], all []member) *person {
	p := &person{id: w.people, household: household, sex: m.sex, ethnicity: m.ethnicity, homes: homes}
	w.people++
	p.born = ever(dayOf(2024, 6, 30) - day(m.age*365+m.age/4+d.IntN(365)))
	p.nhs = w.numbers.at(uint64(p.id))
	p.given = w.names.givenName(d, m.sex, p.born.year(), m.ethnicity)
	if d.chance(0.62) {
		p.middle = w.names.givenName(d, m.sex, p.born.year(), m.ethnicity)
	}
	p.families = []span[string]{{0, m.family}}
	if m.sex == 'F' && m.age >= 21 && d.chance(0.11) { // changed on marriage or divorce, some within the span
		maiden := w.names.familyName(d, m.ethnicity)
		when := p.born + day(d.between(21, max(22, min(60, m.age)))*365)
		p.families = []span[string]{{0, maiden}, {when, m.family}}
	}
	if m.age >= 18 && len(all) <= 2 && d.chance(0.1) { // came alone from elsewhere before the household's first home
		p.homes = append([]span[address]{{0, address(d.IntN(w.region.addresses))}, {spanFrom + day(d.IntN(1500)), homes[0].value}}, homes[1:]...)
		for i := 2; i < len(p.homes); i++ {
			p.homes[i].from = max(p.homes[i].from, p.homes[i-1].from+30)
		}
	}
	return p
}

// name adds what depends on the settled given name: nickname, phone, email.
func (w *population) name(d dice, p *person) {
	p.goesBy = p.given
	if d.chance(0.2) {
		p.goesBy = w.names.short(d, p.given)
	}
	if age := p.born.ageAt(spanTo); age >= 14 {
		p.phone = "07700" + digits(d, 6) // Ofcom's range for drama is 07700 900000; the rest is unassigned
		if d.chance(0.7) {
			p.email = strings.ToLower(p.given+"."+at(p.families, spanTo)) + digits(d, 2) + "@example.org"
			p.email = strings.NewReplacer(" ", "", "'", "").Replace(p.email)
		}
	}
}

func digits(d dice, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + d.IntN(10))
	}
	return string(b)
}
