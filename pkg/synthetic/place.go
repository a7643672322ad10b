package synthetic

import "fmt"

// region is the geography: areas, addresses in them, and which organisation
// serves whom. Everything is a function of the seed and a number, so nothing
// is stored.
type region struct {
	seed               uint64
	areas, addresses   int
	practices, trusts  int
	councils, mentals  int
	perArea, perStreet int
}

const perPostcode = 14

// newRegion sizes the region of a number of people as Greater Manchester's is:
// 504 organisations for 2.8 million, of them 480 practices, 10 acute trusts, 10
// councils, 3 mental health trusts and a laboratory, and never fewer than a
// small demonstration needs.
func newRegion(seed uint64, people int) region {
	addresses := max(people*10/23, 40)
	areas := max(12, people/1600)
	return region{
		seed: seed, areas: areas, addresses: addresses, perArea: addresses/areas + 1, perStreet: 26,
		practices: max(4, people/5833), trusts: max(2, people/280_000),
		councils: max(1, people/280_000), mentals: max(1, people/930_000),
	}
}

type address int32

func (r region) area(a address) int { return int(a) / r.perArea }

// lsoa is the area's code, in a block of codes that the census does not use.
func (r region) lsoa(area int) string { return fmt.Sprintf("E0199%04d", area%10_000) }

// decile is the area's deprivation, 1 the most deprived; a city has more of those.
func (r region) decile(area int) int {
	x := throw(r.seed, 0xA0EA<<32|uint64(area)).Float64()
	return 1 + int(10*x*(0.55+0.45*x))
}

// south is how many of the area's families came from South Asia, Africa or
// elsewhere: some areas few, some most.
func (r region) diversity(area int) float64 {
	x := throw(r.seed, 0xD1FE<<32|uint64(area)).Float64()
	return 0.05 + 0.6*x*x
}

func (r region) postcode(a address) string {
	const letters = "ABDEFGHJLNPQRSTUWXYZ"
	n := int(a) / perPostcode
	unit, n := n%400, n/400
	sector, n := n%10, n/10
	district, zone := n%99+1, n/99
	return fmt.Sprintf("X%c%d %d%c%c", letters[(9+zone)%20], district, sector, letters[unit/20], letters[unit%20])
}

func (r region) lines(a address) (string, string) {
	street := int(a) / r.perStreet
	d := throw(r.seed, 0x57EE<<32|uint64(street))
	name := of(d, streetNames...) + " " + of(d, "Street", "Road", "Avenue", "Close", "Lane", "Drive", "Grove", "Terrace", "Way", "Crescent")
	first := fmt.Sprintf("%d %s", int(a)%r.perStreet+1, name)
	if d.chance(0.12) { // a street of flats
		first = fmt.Sprintf("Flat %d, %d %s", int(a)%r.perStreet+1, 10+street%80, name)
	}
	return first, of(throw(r.seed, 0x70E<<32|uint64(r.area(a)/4)), towns...)
}

func (r region) practice(area int, d dice) int {
	p := area * r.practices / r.areas
	if d.chance(0.15) {
		p += of(d, -1, 1)
	}
	return min(max(p, 0), r.practices-1)
}

func (r region) trust(area int, d dice) int {
	if d.chance(0.1) {
		return d.IntN(r.trusts)
	}
	return min(area*r.trusts/r.areas, r.trusts-1)
}

func (r region) council(area int) int { return min(area*r.councils/r.areas, r.councils-1) }
func (r region) mental(area int) int  { return min(area*r.mentals/r.areas, r.mentals-1) }

var streetNames = words("Church Station Victoria Albert Mill Park Queen King Chapel School Green Manor Grange Oak Elm Beech Ash Cedar Moor Canal Bridge Market Weaver Spinner Cotton Railway Foundry Meadow Orchard Bury Hope Union Cross Bank Brook Ferndale Lancaster York Derby Windsor Nelson Wellington Stanley Gladstone Peel Cobden Russell Cavendish Clarence Cambridge Oxford Moss Heath Hazel Holly Linden Maple Rowan Willow")

var towns = words("Arkford Weirdale Millhaven Stanbrook Oldmoor Kersfield Ramsgill Thornley Hollinford Bexton Marlbeck Unsworth-le-Vale")
