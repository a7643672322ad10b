package engine

import "github.com/ark-tre/ark/pkg/linkage/frame"

// layOut makes the records' rows: value numbers, and the tuple numbers of
// comparisons that look at several columns, side by side with what tells its
// blocks, so that comparing two records touches two short runs of memory.
func (p *Plan) layOut() {
	var own []*vector
	of := make([]int, len(p.comps))
	for j := range p.comps {
		t, slot := p.comps[j].tuples(p.vs)
		if of[j] = -1 - slot; t != nil {
			of[j] = len(own)
			own = append(own, &vector{ids: t})
		}
	}
	p.own = len(own)
	only := p.looks()
	p.base = p.own + len(only)
	if !p.keyed {
		p.base = p.own + places
	}
	p.width = p.base + len(p.vs.slots)
	for j := range p.comps {
		if p.comps[j].pos = of[j]; of[j] < 0 {
			p.comps[j].pos = p.base - 1 - of[j]
		}
	}
	p.rows = make([]uint32, p.width*p.f.N)
	p.put(0, own)
	p.put(p.own, only)
	p.put(p.base, p.vs.slots)
	if p.f.N > many {
		p.slim(p.vs.slots)
	}
}

// many is from how many records on memory counts more than a few looks.
const many = 4 << 20

// slim lets go of the columns that are in the records' rows too: blocking of
// very many records reads them there.
func (p *Plan) slim(slots []*vector) {
	var values [][]uint32
	for _, v := range slots {
		values = append(values, v.ids)
	}
	for _, v := range p.vs.all {
		for slot, ids := range values {
			if &ids[0] == &v.ids[0] {
				v.ids, v.from, v.rows, v.width, v.pos = nil, nil, p.rows, p.width, p.base+slot
				break
			}
		}
	}
	p.dropColumns()
}

// dropColumns lets go of the frame's columns.
func (p *Plan) dropColumns() {
	f := *p.f
	f.Cols = nil
	p.f, p.vs.f = &f, &f
}

// put lays columns out in the records' rows from a place on.
func (p *Plan) put(at int, columns []*vector) {
	const chunk = 512 // rows laid out at a time, to stay in cache
	var buf [chunk]uint32
	for lo := 0; lo < p.f.N; lo += chunk {
		hi := min(lo+chunk, p.f.N)
		for j, c := range columns {
			for i, id := range c.run(lo, hi, buf[:]) {
				p.rows[(lo+i)*p.width+at+j] = id
			}
		}
	}
}

// tuples numbers the combinations of the values that c looks at: two records
// with the same numbers compare the same. When they are those of one vector, it
// returns nothing but its slot.
func (c *comparison) tuples(vs *vectors) (ids []uint32, slot int) {
	if len(c.slots) == 1 {
		return nil, c.slots[0]
	}
	var parts []*vector // what is derived from a single column has its slot
	for _, s := range c.slots {
		parts = append(parts, vs.slots[s])
	}
	ids = make([]uint32, vs.f.N)
	for i := range ids {
		ids[i] = 1
	}
	for _, v := range parts {
		t := frame.NewNumbers(1024)
		for i, a := range ids {
			ids[i] = t.Number(uint64(a)<<32 | uint64(v.at(i)))
		}
	}
	return ids, 0
}

// free lets go of what was laid side by side, after the frequencies that are
// asked for later are counted.
func (p *Plan) free() {
	for _, v := range p.vs.counted {
		v.frequencies()
	}
	for _, v := range p.vs.all {
		v.ids, v.rows, v.from = nil, nil, nil
		if v.slot < 0 {
			v.via, v.words, v.nums = nil, nil, nil
		}
	}
	for i := range p.rules {
		p.rules[i].keys, p.rules[i].ref = nil, nil
	}
	p.dropColumns()
}

// row is what blocking and comparing look at first.
func (p *Plan) row(i uint32) []uint32 { return p.rows[int(i)*p.width : (int(i)+1)*p.width] }

// values is the value numbers of a record, which tests look at.
func (p *Plan) values(i uint32) []uint32 { return p.row(i)[p.base:] }
