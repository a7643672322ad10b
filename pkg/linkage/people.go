package linkage

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"github.com/ark-tre/ark/pkg/linkage/frame"
)

// people are the clusters of nodes, seen as sets of records.
type people struct {
	dict   *frame.Words // record keys by number
	of     []uint32     // record number → person ordinal
	number []uint32     // per key in order, its record number
	rank   []uint32     // record number → place in the order of keys
	ids    []string     // person ordinal → person id
	least  []string     // person ordinal → smallest record key
	size   []int        // person ordinal → records
	tier   []string     // record number → how it came to its person
	weight []float64    // record number → weight of that link, not a number: none
	Events []Event
}

// Event is a change of who is who between two versions of the index. A merge
// has several From and one Into; a split one From and several Into.
type Event struct {
	Kind string   `json:"kind"`
	From []string `json:"from"`
	Into []string `json:"into"`
}

func newPeople(r *records, n *nodes, labels []uint32) *people {
	dict := r.keys.Dict
	p := &people{dict: dict, of: make([]uint32, dict.Len()), tier: make([]string, dict.Len()), weight: slices.Repeat([]float64{math.NaN()}, dict.Len()),
		number: inOrderOf(dict), rank: make([]uint32, dict.Len())}
	for i, k := range p.number {
		p.rank[k] = uint32(i)
	}
	label := make([]uint32, dict.Len())
	for i, k := range r.keys.IDs {
		label[k] = labels[n.of[i]] + 1
	}
	ordinal := map[uint32]uint32{}
	for _, k := range p.number { // persons are numbered by their smallest record key
		o, ok := ordinal[label[k]]
		if !ok {
			o = uint32(len(p.least))
			ordinal[label[k]] = o
			p.least = append(p.least, dict.At(k))
			p.size = append(p.size, 0)
		}
		p.of[k] = o
		p.size[o]++
	}
	return p
}

// inOrderOf returns the numbers of words in the order of the words. Their first
// eight bytes, which tell nearly all of them apart, are compared as a number.
func inOrderOf(dict *frame.Words) []uint32 {
	type start struct {
		bytes uint64
		word  uint32
	}
	all := make([]start, 0, max(dict.Len()-1, 0))
	for k := uint32(1); int(k) < dict.Len(); k++ {
		var b [8]byte
		copy(b[:], dict.At(k))
		all = append(all, start{binary.BigEndian.Uint64(b[:]), k})
	}
	slices.SortFunc(all, func(a, b start) int {
		if a.bytes != b.bytes {
			return cmp.Compare(a.bytes, b.bytes)
		}
		return cmp.Compare(dict.At(a.word), dict.At(b.word))
	})
	out := make([]uint32, len(all))
	for i, s := range all {
		out[i] = s.word
	}
	return out
}

// find returns the number of a record key, and whether there is one.
func (p *people) find(key string) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(p.number, key, p.compare)
	if !ok {
		return 0, false
	}
	return p.number[i], true
}

func (p *people) compare(k uint32, key string) int { return cmp.Compare(p.dict.At(k), key) }

// claim is how many records of a person had an id before.
type claim struct {
	person uint32
	id     string
	n      int
}

// name gives every person an id. An id stays with the person that holds most
// of its records; a new one is derived from the smallest record key.
func (p *people) name(key []byte, earlier map[string]string) {
	p.ids = make([]string, len(p.least))
	taken := map[string]bool{}
	count := map[claim]int{}
	for _, k := range p.number {
		if id, ok := earlier[p.dict.At(k)]; ok {
			count[claim{person: p.of[k], id: id}]++
		}
	}
	claims := make([]claim, 0, len(count))
	for c, n := range count {
		c.n = n
		claims = append(claims, c)
	}
	for _, id := range earlier {
		taken[id] = true
	}
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.id, b.id), cmp.Compare(a.person, b.person))
	})
	given := map[string]bool{}
	for _, c := range claims {
		if p.ids[c.person] == "" && !given[c.id] {
			p.ids[c.person] = c.id
			given[c.id] = true
		}
	}
	for o, id := range p.ids {
		for n := uint64(0); id == ""; n++ {
			if c := personID(key, p.least[o], n); !taken[c] {
				id = c
			}
		}
		p.ids[o] = id
		taken[id] = true
	}
	p.note(claims)
}

// note records merges and splits.
func (p *people) note(claims []claim) {
	into, from := map[string][]string{}, map[uint32][]string{}
	for _, c := range claims {
		into[c.id] = append(into[c.id], p.ids[c.person])
		from[c.person] = append(from[c.person], c.id)
	}
	for o, ids := range from {
		if len(ids) > 1 {
			slices.Sort(ids)
			p.Events = append(p.Events, Event{Kind: "merge", From: ids, Into: []string{p.ids[o]}})
		}
	}
	for id, ids := range into {
		if len(ids) > 1 {
			slices.Sort(ids)
			p.Events = append(p.Events, Event{Kind: "split", From: []string{id}, Into: ids})
		}
	}
	slices.SortFunc(p.Events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), slices.Compare(a.From, b.From), slices.Compare(a.Into, b.Into))
	})
}

// personID derives the id of a person from the index key and a record key: 64
// bits in 13 characters of Crockford's base 32. It says nothing about the
// person, and nobody without the key can work it out.
func personID(key []byte, record string, n uint64) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("person\x1f"))
	h.Write([]byte(record))
	var b [9]byte
	b[0] = 0x1f
	binary.BigEndian.PutUint64(b[1:], n)
	h.Write(b[:])
	return personText(binary.BigEndian.Uint64(h.Sum(nil)))
}
