package engine

import "sync"

// list is the records by block of a rule, and where each block starts.
type list struct {
	order, starts []uint32
}

// listOf makes the list of size blocks; ids holds the block of each record at
// every width-th place.
func listOf(ids []uint32, width, size int) *list {
	l := &list{starts: make([]uint32, size+1)}
	for i := 0; i < len(ids); i += width {
		if id := ids[i]; id != 0 {
			l.starts[id+1]++
		}
	}
	for i := 1; i < len(l.starts); i++ {
		l.starts[i] += l.starts[i-1]
	}
	l.order = make([]uint32, l.starts[size])
	at := append([]uint32(nil), l.starts...)
	n := uint32(0)
	for i := 0; i < len(ids); i += width {
		if id := ids[i]; id != 0 {
			l.order[at[id]] = n
			at[id]++
		}
		n++
	}
	return l
}

// keepLists is up to how many records the lists of all rules are kept; of more,
// a rule's list is made when its tasks come up and let go of after them.
const keepLists = 4 << 20

// lists hands out the lists of rules.
type lists struct {
	keep bool
	mu   sync.Mutex
	all  []*list
	left []int // tasks at work, by rule
}

func (s *lists) begin(p *Plan) {
	s.keep = p.f.N <= keepLists
	s.all, s.left = make([]*list, len(p.rules)), make([]int, len(p.rules))
}

// of returns the list of rule k, for a task at work until done.
func (s *lists) of(p *Plan, k int) *list {
	if s.keep {
		return s.all[k]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left[k]++
	if s.all[k] == nil {
		s.all[k] = listOf(p.rows[p.own+k:], p.width, p.rules[k].size)
		for i := range k { // tasks come in the order of rules
			if s.left[i] == 0 {
				s.all[i] = nil
			}
		}
	}
	return s.all[k]
}

// done says that a task of rule k is at its end.
func (s *lists) done(p *Plan, k int) {
	if s.keep {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left[k]--
	if k == len(p.rules)-1 && s.left[k] == 0 {
		s.all[k] = nil
	}
}
