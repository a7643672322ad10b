package engine

import (
	"regexp"

	"github.com/ark-tre/ark/pkg/linkage/expr"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// Keys works out, for each tier and rule of m and each row of f, a hash of the
// row's blocking key that is the same in every run; 0 when a part is null.
// visit is given those of one rule after the other and must not keep them.
func Keys(m *model.Model, f *frame.Frame, visit func(rule int, keys []uint64)) error {
	vs := newVectors(f)
	vs.eval.patterns = map[string]*regexp.Regexp{}
	hashes := map[*vector][]uint64{}
	keys, rule := make([]uint64, f.N), 0
	for _, set := range [][]model.Rule{m.Tiers, m.Rules} {
		for _, r := range set {
			n, err := expr.Rule(r.When)
			if err != nil {
				return err
			}
			clear(keys)
			first := true
			for _, e := range n.Conjuncts() {
				if !isKey(e) {
					continue
				}
				v, err := vs.key(e.Args[0])
				if err != nil {
					return err
				}
				h := hashes[v]
				if h == nil {
					h = make([]uint64, v.words.Len())
					for id := uint32(1); int(id) < v.words.Len(); id++ {
						h[id] = Hash(v.words.At(id))
					}
					hashes[v] = h
				}
				for i := range v.ids {
					id := v.at(i)
					switch {
					case id == 0:
						keys[i] = 0
					case first:
						keys[i] = h[id]
					case keys[i] != 0:
						keys[i] = frame.Mix(keys[i]^h[id]*0x9E3779B97F4A7C15) | 1
					}
				}
				first = false
			}
			visit(rule, keys)
			rule++
		}
	}
	return nil
}

// Hash is a 64-bit hash of s, the same in every run and never 0.
func Hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return frame.Mix(h) | 1
}
