package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// errPickle is what a pickle is that the walk can't follow.
var errPickle = errors.New("model: a pickle that can't be followed")

// item is a value of a pickle as the walk knows it: what it is, never the
// object.
type item interface{}

type (
	mark   struct{}
	global struct{ module, name string }
	// object is what a call would make: never made.
	object struct {
		of    global
		args  []item
		state item
		set   []item // items, for dicts and lists
	}
	list  struct{ at []item }
	dict  struct{ at []item } // key, value, …
	tuple struct{ at []item }
	raw   struct{ b []byte }
)

// machine follows a pickle's opcodes with items in place of objects.
type machine struct {
	in      []byte
	at      int
	stack   []item
	memo    map[int]item
	globals []global
	steps   int
	after   func(o *object) int // bytes that a file puts after an object; joblib does
}

func (m *machine) take(n int) ([]byte, error) {
	if n < 0 || n > len(m.in)-m.at {
		return nil, errPickle
	}
	b := m.in[m.at : m.at+n]
	m.at += n
	return b, nil
}

func (m *machine) line() (string, error) {
	i := bytes.IndexByte(m.in[m.at:], '\n')
	if i < 0 {
		return "", errPickle
	}
	s := string(m.in[m.at : m.at+i])
	m.at += i + 1
	return s, nil
}

func (m *machine) push(x item) { m.stack = append(m.stack, x) }

func (m *machine) pop() (item, error) {
	if len(m.stack) == 0 {
		return nil, errPickle
	}
	x := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return x, nil
}

func (m *machine) toMark() ([]item, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(mark); ok {
			out := append([]item(nil), m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return out, nil
		}
	}
	return nil, errPickle
}

func (m *machine) top() (item, error) {
	if len(m.stack) == 0 {
		return nil, errPickle
	}
	return m.stack[len(m.stack)-1], nil
}

// sized reads a length of n bytes and as many bytes.
func (m *machine) sized(n int) ([]byte, error) {
	b, err := m.take(n)
	if err != nil {
		return nil, err
	}
	var size [8]byte
	copy(size[:], b)
	k := binary.LittleEndian.Uint64(size[:])
	if k > uint64(len(m.in)) {
		return nil, errPickle
	}
	return m.take(int(k))
}

// run follows one pickle to its STOP and returns what it would make.
func (m *machine) run() (item, error) {
	if m.memo == nil {
		m.memo = map[int]item{}
	}
	for {
		if m.steps++; m.steps > 20_000_000 {
			return nil, errPickle
		}
		op, err := m.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' {
			return m.pop()
		}
		if err := m.step(op[0]); err != nil {
			return nil, err
		}
	}
}

func (m *machine) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		_, err := m.take(1)
		return err
	case 0x95: // FRAME
		_, err := m.take(8)
		return err
	case '(':
		m.push(mark{})
	case 'N':
		m.push(nil)
	case 0x88, 0x89:
		m.push(op == 0x88)
	case 'K', 'M', 'J', 'G', 0x8a, 0x8b, 'I', 'L', 'F':
		return m.number(op)
	case 'S', 'V', 'T', 'U', 'X', 0x8c, 0x8d, 'B', 'C', 0x8e, 0x96:
		return m.text(op)
	case ')':
		m.push(&tuple{})
	case ']':
		m.push(&list{})
	case '}':
		m.push(&dict{})
	case 0x8f:
		m.push(&list{})
	case 't', 'l', 'd', 0x91:
		xs, err := m.toMark()
		if err != nil {
			return err
		}
		switch op {
		case 't':
			m.push(&tuple{xs})
		case 'd':
			m.push(&dict{xs})
		default:
			m.push(&list{xs})
		}
	case 0x85, 0x86, 0x87:
		n := int(op - 0x84)
		if len(m.stack) < n {
			return errPickle
		}
		xs := append([]item(nil), m.stack[len(m.stack)-n:]...)
		m.stack = m.stack[:len(m.stack)-n]
		m.push(&tuple{xs})
	case 'a', 's', 'e', 'u', 0x90:
		return m.extend(op)
	case '0':
		_, err := m.pop()
		return err
	case '1':
		_, err := m.toMark()
		return err
	case '2':
		x, err := m.top()
		m.push(x)
		return err
	case 'p', 'q', 'r', 0x94, 'g', 'h', 'j':
		return m.remember(op)
	case 'c', 0x93, 'i':
		return m.global(op)
	case 'R', 0x81, 0x92, 'o':
		return m.call(op)
	case 'b':
		return m.build()
	default: // persistent ids, extension codes, out-of-band buffers: nobody vouches for what they fetch
		return errPickle
	}
	return nil
}

func (m *machine) number(op byte) error {
	switch op {
	case 'K', 'M', 'J':
		n := map[byte]int{'K': 1, 'M': 2, 'J': 4}[op]
		b, err := m.take(n)
		if err != nil {
			return err
		}
		v := int64(0)
		for i := n - 1; i >= 0; i-- {
			v = v<<8 | int64(b[i])
		}
		if op == 'J' {
			v = int64(int32(v))
		}
		m.push(v)
	case 'G':
		b, err := m.take(8)
		if err != nil {
			return err
		}
		m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case 0x8a, 0x8b:
		b, err := m.sized(map[byte]int{0x8a: 1, 0x8b: 4}[op])
		if err != nil {
			return err
		}
		v := int64(0)
		for i := len(b) - 1; i >= 0; i-- {
			v = v<<8 | int64(b[i])
		}
		if len(b) > 8 {
			v = math.MaxInt64
		}
		m.push(v)
	default:
		s, err := m.line()
		if err != nil {
			return err
		}
		if f, err := strconv.ParseFloat(strings.TrimRight(s, "L"), 64); err == nil {
			if op == 'F' {
				m.push(f)
			} else {
				m.push(int64(f))
			}
			return nil
		}
		return errPickle
	}
	return nil
}

func (m *machine) text(op byte) error {
	var b []byte
	var err error
	switch op {
	case 'S', 'V':
		var s string
		s, err = m.line()
		m.push(strings.Trim(s, `'"`))
		return err
	case 'U', 0x8c, 'C':
		b, err = m.sized(1)
	case 'T', 'X', 'B':
		b, err = m.sized(4)
	default:
		b, err = m.sized(8)
	}
	if err != nil {
		return err
	}
	if op == 'B' || op == 'C' || op == 0x8e || op == 0x96 {
		m.push(raw{b})
	} else {
		m.push(string(b))
	}
	return nil
}

// extend adds items to the list, dict or object below them.
func (m *machine) extend(op byte) error {
	var xs []item
	var err error
	switch op {
	case 'a', 's':
		n := map[byte]int{'a': 1, 's': 2}[op]
		if len(m.stack) < n {
			return errPickle
		}
		xs = append(xs, m.stack[len(m.stack)-n:]...)
		m.stack = m.stack[:len(m.stack)-n]
	default:
		if xs, err = m.toMark(); err != nil {
			return err
		}
	}
	x, err := m.top()
	if err != nil {
		return err
	}
	switch x := x.(type) {
	case *list:
		x.at = append(x.at, xs...)
	case *dict:
		x.at = append(x.at, xs...)
	case *object:
		x.set = append(x.set, xs...)
	default:
		return errPickle
	}
	return nil
}

func (m *machine) remember(op byte) error {
	key := 0
	switch op {
	case 0x94:
		key = len(m.memo)
	case 'p', 'g':
		s, err := m.line()
		if err != nil {
			return err
		}
		if key, err = strconv.Atoi(s); err != nil {
			return errPickle
		}
	default:
		b, err := m.take(map[byte]int{'q': 1, 'h': 1, 'r': 4, 'j': 4}[op])
		if err != nil {
			return err
		}
		for i := len(b) - 1; i >= 0; i-- {
			key = key<<8 | int(b[i])
		}
	}
	if op == 'g' || op == 'h' || op == 'j' {
		x, ok := m.memo[key]
		if !ok {
			return errPickle
		}
		m.push(x)
		return nil
	}
	x, err := m.top()
	m.memo[key] = x
	return err
}

// global notes a name that loading would import.
func (m *machine) global(op byte) error {
	var g global
	var err error
	if op == 0x93 {
		var name, module item
		if name, err = m.pop(); err == nil {
			module, err = m.pop()
		}
		a, ok1 := module.(string)
		b, ok2 := name.(string)
		if err != nil || !ok1 || !ok2 {
			return errPickle
		}
		g = global{a, b}
	} else {
		if g.module, err = m.line(); err == nil {
			g.name, err = m.line()
		}
		if err != nil {
			return err
		}
	}
	m.globals = append(m.globals, g)
	if op == 'i' {
		xs, err := m.toMark()
		m.push(&object{of: g, args: xs})
		return err
	}
	m.push(g)
	return nil
}

// call notes that loading would call something; nothing is called.
func (m *machine) call(op byte) error {
	var args []item
	var f item
	var err error
	switch op {
	case 'o':
		if args, err = m.toMark(); err != nil || len(args) == 0 {
			return errPickle
		}
		f, args = args[0], args[1:]
	default:
		if op == 0x92 { // keyword arguments
			k, err := m.pop()
			if err != nil {
				return err
			}
			args = append(args, k)
		}
		a, err := m.pop()
		if err != nil {
			return err
		}
		if f, err = m.pop(); err != nil {
			return err
		}
		if t, ok := a.(*tuple); ok {
			args = append(append([]item(nil), t.at...), args...)
		} else {
			return errPickle
		}
	}
	g, ok := f.(global)
	if !ok {
		m.globals = append(m.globals, global{"", "a computed call"})
	}
	m.push(&object{of: g, args: args})
	return nil
}

func (m *machine) build() error {
	state, err := m.pop()
	if err != nil {
		return err
	}
	x, err := m.top()
	if err != nil {
		return err
	}
	o, ok := x.(*object)
	if !ok {
		return errPickle
	}
	o.state = state
	if m.after != nil {
		n := m.after(o)
		if n < 0 {
			return errPickle
		}
		if _, err := m.take(n); err != nil {
			return err
		}
	}
	return nil
}

// Pickle looks at a Python pickle or joblib file.
func Pickle(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/x-python-pickle"}
	data := f.Data
	if f.Ext() == "joblib" {
		r.Media = "application/x-joblib"
	}
	switch {
	case bytes.HasPrefix(data, []byte("\x1f\x8b")), bytes.HasPrefix(data, []byte("BZh")), bytes.HasPrefix(data, []byte("\xfd7zXZ")):
		out, _, rule := packUnfold(s, data)
		if rule != "" {
			r.Add(f, rule, look.Nowhere)
			return r
		}
		data = out
	case len(data) > 2 && data[0] == 0x78 && (int(data[0])<<8|int(data[1]))%31 == 0:
		out, rule := unzlib(s, data)
		if rule != "" {
			r.Add(f, rule, look.Nowhere)
			return r
		}
		data = out
	}
	c := &contents{s: s, r: &r, f: f}
	m := &machine{in: data}
	w := &walk{c: c, seen: map[item]bool{}}
	m.after = w.joblib(m)
	made, err := m.run()
	judgeGlobals(c, m.globals)
	if err != nil {
		r.Add(f, "model-unknown", look.Nowhere, "what", "an opcode")
		return r
	}
	if m.at != len(data) {
		r.Add(f, "archive-hidden-data", look.Nowhere, "bytes", look.Itoa(len(data)-m.at))
	}
	w.item(made, "", 0)
	return c.finish()
}
