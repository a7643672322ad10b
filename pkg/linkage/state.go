package linkage

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"io"
	"math"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// A state is what an index knows of its identities, laid out so that a new
// delivery looks at short keys of all of them and at the values of few. It
// holds identifiers: it belongs where identifiers do.
//
//	magic, length of header, header (gob)
//	per identity: fingerprint u64 · person u64 · per rule a key u32
//	per record:   hash of its key u64 · identity u32
//	per identity: end of its row u64 · rows
const stateMagic = "ARKIDS1\n"

// stateHeader begins a state.
type stateHeader struct {
	N, R    int
	Columns []string
	Known   []float64 // per column, records that have a value
	Common  [][]common
	Model   model.Model
	Merged  [][2]uint64 // persons of earlier segments: from, into
}

// common is a value that many records hold, with how many.
type common struct {
	Value string
	Count int32
}

// commonFrom is from how many records on a value is in the header.
const commonFrom = 100

// fingerprint identifies what an identity says; 0 when it says too little to
// be one person wherever it is said.
func fingerprint(values []string, strong bool) uint64 {
	if !strong {
		return 0
	}
	return engine.Hash(strings.Join(values, "\x1f"))
}

// keyed is how many identities may share a key of a rule before it is left out
// of the state: such keys bring too many together, others must find the
// person. Rules that are bounded in a full run are bounded more here.
func keyed(r model.Rule) uint32 {
	if r.PerRow > 0 {
		return 8
	}
	return 60
}

// writeState writes nodes as a state. person gives each node's person number.
func writeState(w io.Writer, n *nodes, m *model.Model, person func(node int) uint64, size []uint64, strong []bool, counts [][]int32, known []float64, merged [][2]uint64) error {
	h := stateHeader{N: n.frame.N, R: n.recs.keys.Dict.Len() - 1, Model: *m, Known: known, Merged: merged}
	for i, c := range n.frame.Cols {
		h.Columns = append(h.Columns, c.Name)
		var top []common
		for id := uint32(1); int(id) < c.Dict.Len(); id++ {
			if counts[i][id] >= commonFrom {
				top = append(top, common{c.Dict.At(id), counts[i][id]})
			}
		}
		h.Common = append(h.Common, top)
	}
	var head bytes.Buffer
	if err := gob.NewEncoder(&head).Encode(&h); err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 1<<20)
	b.WriteString(stateMagic)
	var tmp [10]byte
	u64 := func(v uint64) { binary.LittleEndian.PutUint64(tmp[:8], v); b.Write(tmp[:8]) }
	u32 := func(v uint32) { binary.LittleEndian.PutUint32(tmp[:4], v); b.Write(tmp[:4]) }
	u64(uint64(head.Len()))
	b.Write(head.Bytes())
	for i := range h.N {
		u64(fingerprint(n.values(i), strong[i]))
	}
	for i := range h.N {
		u64(person(i))
	}
	rules := append(append([]model.Rule(nil), m.Tiers...), m.Rules...)
	err := engine.Keys(m, n.frame, func(rule int, k []uint64) {
		many := crowded(k, keyed(rules[rule]))
		for _, v := range k {
			x := uint32(v>>32) | 1
			if v == 0 || many[v] {
				x = 0
			}
			u32(x)
		}
	})
	if err != nil {
		return err
	}
	node := n.recordNodes()
	for id := uint32(1); int(id) <= h.R; id++ {
		u64(engine.Hash(n.recs.keys.Dict.At(id)))
	}
	for id := uint32(1); int(id) <= h.R; id++ {
		u32(node[id])
	}
	var row []byte
	end := uint64(0)
	for i := range h.N { // once for where each ends, once for what it says: all rows together are not held
		row = n.encode(row[:0], i, counts, size)
		end += uint64(len(row))
		u64(end)
	}
	for i := range h.N {
		row = n.encode(row[:0], i, counts, size)
		b.Write(row)
	}
	return b.Flush()
}

// crowded returns the keys that more than limit share.
func crowded(keys []uint64, limit uint32) map[uint64]bool {
	t := frame.NewNumbers(len(keys) / 2)
	var n []uint32
	for _, k := range keys {
		if k == 0 {
			continue
		}
		i := int(t.Number(k)) - 1
		if i == len(n) {
			n = append(n, 0)
		}
		n[i]++
	}
	out := map[uint64]bool{}
	for _, k := range keys {
		if k != 0 && n[t.Number(k)-1] > limit {
			out[k] = true
		}
	}
	return out
}

// values are the canonical values of a node, "" for none.
func (n *nodes) values(i int) []string {
	out := make([]string, len(n.frame.Cols))
	for j, c := range n.frame.Cols {
		out[j] = c.Dict.At(c.IDs[i])
	}
	return out
}

// recordNodes gives each record, by number, its latest node.
func (n *nodes) recordNodes() []uint32 {
	out := make([]uint32, n.recs.keys.Dict.Len())
	for i, k := range n.recs.keys.IDs {
		out[k] = n.of[i]
	}
	return out
}

// encode appends the row of a node.
func (n *nodes) encode(row []byte, node int, counts [][]int32, size []uint64) []byte {
	for j, c := range n.frame.Cols {
		v := c.Dict.At(c.IDs[node])
		row = binary.AppendUvarint(row, uint64(len(v)))
		row = append(row, v...)
		if v != "" {
			row = binary.AppendUvarint(row, uint64(counts[j][c.IDs[node]]))
		}
	}
	k := n.recs.keys.Dict.At(n.first[node])
	row = binary.AppendUvarint(row, uint64(len(k)))
	row = append(row, k...)
	return binary.AppendUvarint(row, size[node])
}

// segment is a state that is being read.
type segment struct {
	stateHeader
	file File
	at   int64 // of the first section
}

func damaged(name string, err error) error {
	return ark.Faultf(ark.Invalid, "the state of the index can't be read").At(name, 0, "").Do("build the index anew").Because(err)
}

func openState(f File) (*segment, error) {
	head := make([]byte, len(stateMagic)+8)
	if _, err := f.At.ReadAt(head, 0); err != nil || string(head[:len(stateMagic)]) != stateMagic {
		return nil, damaged(f.Name, err)
	}
	n := binary.LittleEndian.Uint64(head[len(stateMagic):])
	if n > 1<<28 || int64(n) > f.Size {
		return nil, damaged(f.Name, nil)
	}
	b := make([]byte, n)
	if _, err := f.At.ReadAt(b, int64(len(head))); err != nil {
		return nil, damaged(f.Name, err)
	}
	s := &segment{file: f, at: int64(len(head)) + int64(n)}
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&s.stateHeader); err != nil {
		return nil, damaged(f.Name, err)
	}
	rules := int64(len(s.Model.Tiers) + len(s.Model.Rules))
	if s.N < 0 || s.R < 0 || s.N > math.MaxInt32 || s.R > math.MaxInt32 || len(s.Known) != len(s.Columns) || len(s.Common) != len(s.Columns) ||
		s.at+int64(s.N)*(24+4*rules)+int64(s.R)*12 > f.Size {
		return nil, damaged(f.Name, nil)
	}
	return s, nil
}

// scan calls visit with some numbers of a section of u64 or u32 at a time, as
// they are written, from number i on.
func (s *segment) scan(at int64, n, width int, visit func(i int, b []byte)) error {
	const chunk = 1 << 15
	buf := make([]byte, chunk*width)
	for i := 0; i < n; i += chunk {
		b := buf[:min(chunk, n-i)*width]
		if _, err := s.file.At.ReadAt(b, s.at+at+int64(i)*int64(width)); err != nil {
			return damaged(s.file.Name, err)
		}
		visit(i, b)
	}
	return nil
}

// scan64 calls visit for each number of a section of u64.
func (s *segment) scan64(at int64, n int, visit func(i int, v uint64)) error {
	return s.scan(at, n, 8, func(i int, b []byte) {
		for ; len(b) >= 8; b, i = b[8:], i+1 {
			visit(i, binary.LittleEndian.Uint64(b))
		}
	})
}

// Where the sections are, from s.at.
func (s *segment) fingerprints() int64 { return 0 }
func (s *segment) persons() int64      { return int64(s.N) * 8 }
func (s *segment) keys(rule int) int64 { return int64(s.N) * int64(16+4*rule) }
func (s *segment) recordHashes() int64 {
	return s.keys(len(s.Model.Tiers) + len(s.Model.Rules))
}
func (s *segment) recordIdentities() int64 { return s.recordHashes() + int64(s.R)*8 }
func (s *segment) ends() int64             { return s.recordIdentities() + int64(s.R)*4 }

// rowsRead is how many bytes of rows are read at a time: few enough to stay near.
const rowsRead = 1 << 18

// read adds the identities of the given numbers, which are in order, to those
// that an extension looks at. person has the person of each number.
func (s *segment) read(numbers []uint32, person []uint64, into *identities) error {
	if n := len(numbers); n == 0 {
		return nil
	} else if int64(numbers[n-1]) >= int64(s.N) || len(s.Columns) != len(into.cols) {
		return damaged(s.file.Name, nil)
	}
	ends := make([]byte, 8*s.N)
	if _, err := s.file.At.ReadAt(ends, s.at+s.ends()); err != nil {
		return damaged(s.file.Name, err)
	}
	base := s.at + s.ends() + int64(s.N)*8
	end := func(i uint32) uint64 { return binary.LittleEndian.Uint64(ends[8*int(i):]) }
	start := func(i uint32) uint64 {
		if i == 0 {
			return 0
		}
		return end(i - 1)
	}
	var buf []byte
	for len(numbers) > 0 { // neighbours are read together
		lo, n := start(numbers[0]), 1
		for n < len(numbers) && start(numbers[n])-end(numbers[n-1]) < 1<<12 && end(numbers[n])-lo < rowsRead {
			n++
		}
		hi := end(numbers[n-1])
		if hi < lo || hi-lo > 1<<31 {
			return damaged(s.file.Name, nil)
		}
		if uint64(cap(buf)) < hi-lo {
			buf = make([]byte, max(hi-lo, rowsRead))
		}
		b := buf[:hi-lo]
		if _, err := s.file.At.ReadAt(b, base+int64(lo)); err != nil {
			return damaged(s.file.Name, err)
		}
		for _, i := range numbers[:n] {
			from, to := start(i), end(i)
			if from < lo || to > hi || to < from || !into.add(b[from-lo:to-lo], person[i]) {
				return damaged(s.file.Name, nil)
			}
		}
		into.flush()
		numbers = numbers[n:]
	}
	return nil
}

// personNumber is the number that a person id writes, and back.
func personNumber(id string) uint64 {
	var v uint64
	for i := 0; i < len(id); i++ {
		v = v<<5 | uint64(strings.IndexByte(crockford, id[i])&31)
	}
	return v
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func personText(v uint64) string {
	var out [13]byte
	for i := range out {
		out[12-i] = crockford[v&31]
		v >>= 5
	}
	return string(out[:])
}

// stateOf gathers what a full build knows for its state.
func (n *nodes) stateOf() (size []uint64, strong []bool, counts [][]int32, known []float64) {
	size, strong = make([]uint64, n.frame.N), make([]bool, n.frame.N)
	is := n.recs.strong()
	for _, node := range n.recordNodes()[1:] {
		size[node]++
	}
	for i, row := range n.row {
		strong[i] = is(int(row))
	}
	for _, c := range n.frame.Cols {
		k := make([]int32, c.Dict.Len())
		for _, id := range c.IDs {
			k[id]++
		}
		counts = append(counts, k)
		known = append(known, float64(len(c.IDs)-int(k[0])))
	}
	return size, strong, counts, known
}
