package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
)

// errR is what an R file is that the walk can't follow.
var errR = errors.New("model: an R file that can't be followed")

// rItem is a value of an R file: its type, its length and what it holds.
type rItem struct {
	kind    int
	length  int
	texts   []string
	numbers []float64 // of short vectors and columns of tables
	parts   []*rItem
	names   []string
	class   []string
	tag     string
}

// reader reads R's serialisation, XDR, versions 2 and 3.
type rReader struct {
	in    []byte
	at    int
	refs  []*rItem
	steps int
}

func (r *rReader) int() (int, error) {
	if r.at+4 > len(r.in) {
		return 0, errR
	}
	v := int(int32(binary.BigEndian.Uint32(r.in[r.at:])))
	r.at += 4
	return v, nil
}

func (r *rReader) take(n int) ([]byte, error) {
	if n < 0 || n > len(r.in)-r.at {
		return nil, errR
	}
	b := r.in[r.at : r.at+n]
	r.at += n
	return b, nil
}

// head reads what stands before the first item.
func (r *rReader) head() error {
	if !bytes.HasPrefix(r.in[r.at:], []byte("X\n")) {
		return errR
	}
	r.at += 2
	version, err := r.int()
	if err != nil || version != 2 && version != 3 {
		return errR
	}
	r.at += 8
	if version == 3 {
		n, err := r.int()
		if err != nil || n > 100 {
			return errR
		}
		_, err = r.take(n)
		return err
	}
	return nil
}

func (r *rReader) length() (int, error) {
	n, err := r.int()
	if err != nil || n < 0 || n > len(r.in) {
		return 0, errR
	}
	return n, nil
}

// Types of R's items, as its serialisation numbers them.
const (
	rSym, rList, rClosure, rEnv, rPromise, rLang = 1, 2, 3, 4, 5, 6
	rSpecial, rBuiltin, rChar, rLogical          = 7, 8, 9, 10
	rInt, rReal, rComplex, rStr, rDot            = 13, 14, 15, 16, 17
	rVec, rExpr, rBytecode, rPointer, rWeak      = 19, 20, 21, 22, 23
	rRaw, rS4                                    = 24, 25
	rAltrep, rAttrList, rAttrLang                = 238, 239, 240
	rBaseEnv, rEmptyEnv                          = 241, 242
	rPersist, rBaseNamespace                     = 248, 247
	rNamespace, rPackageEnv                      = 249, 250
	rMissing, rUnbound, rGlobalEnv, rNil, rRef   = 251, 252, 253, 254, 255
)

func (r *rReader) item(depth int) (*rItem, error) {
	if r.steps++; r.steps > 10_000_000 || depth > 2000 {
		return nil, errR
	}
	flags, err := r.int()
	if err != nil {
		return nil, err
	}
	x := &rItem{kind: flags & 0xff}
	attrs, tag := flags&0x200 != 0, flags&0x400 != 0
	switch x.kind {
	case rNil, rGlobalEnv, rUnbound, rMissing, rBaseNamespace, rBaseEnv, rEmptyEnv:
		return x, nil
	case rRef:
		i := flags >> 8
		if i == 0 {
			if i, err = r.int(); err != nil {
				return nil, err
			}
		}
		if i < 1 || i > len(r.refs) {
			return nil, errR
		}
		return r.refs[i-1], nil
	case rNamespace, rPackageEnv, rPersist: // named environments
		if _, err := r.int(); err != nil {
			return nil, err
		}
		n, err := r.length()
		if err != nil {
			return nil, err
		}
		for range n {
			if _, err := r.item(depth + 1); err != nil {
				return nil, err
			}
		}
		r.refs = append(r.refs, x)
		return x, nil
	case rSym:
		c, err := r.item(depth + 1)
		if err != nil || len(c.texts) == 0 {
			return nil, errR
		}
		x.texts = c.texts
		r.refs = append(r.refs, x)
		return x, nil
	case rEnv:
		if _, err := r.int(); err != nil {
			return nil, err
		}
		r.refs = append(r.refs, x)
		for range 4 {
			p, err := r.item(depth + 1)
			if err != nil {
				return nil, err
			}
			x.parts = append(x.parts, p)
		}
		return x, nil
	case rList, rLang, rClosure, rPromise, rDot, rAttrList, rAttrLang:
		return r.pair(x, attrs || x.kind == rAttrList || x.kind == rAttrLang, tag, depth)
	case rChar:
		n, err := r.int()
		if err != nil || n < -1 {
			return nil, errR
		}
		b, err := r.take(max(n, 0))
		x.texts = []string{string(b)}
		return x, err
	case rSpecial, rBuiltin:
		n, err := r.length()
		if err != nil {
			return nil, err
		}
		_, err = r.take(n)
		return x, err
	case rAltrep:
		for range 3 {
			p, err := r.item(depth + 1)
			if err != nil {
				return nil, err
			}
			x.parts = append(x.parts, p)
		}
		return x.settled(), nil
	case rPointer, rWeak, rBytecode:
		return nil, errR
	}
	if err := r.vector(x, depth); err != nil {
		return nil, err
	}
	if attrs {
		a, err := r.item(depth + 1)
		if err != nil {
			return nil, err
		}
		x.attributes(a)
	}
	return x, nil
}

// pair reads a cell of a pairlist; the rest follows in a loop, since lists are
// long.
func (r *rReader) pair(x *rItem, attrs, tag bool, depth int) (*rItem, error) {
	cur := x
	for {
		if attrs {
			a, err := r.item(depth + 1)
			if err != nil {
				return nil, err
			}
			x.attributes(a)
		}
		name := ""
		if tag {
			t, err := r.item(depth + 1)
			if err != nil {
				return nil, err
			}
			if len(t.texts) > 0 {
				name = t.texts[0]
			}
			if cur.kind == rClosure && t.kind != rNil {
				x.parts = append(x.parts, t) // its environment
			}
		}
		v, err := r.item(depth + 1)
		if err != nil {
			return nil, err
		}
		v2 := *v
		v2.tag = name
		x.parts = append(x.parts, &v2)
		x.names = append(x.names, name)
		if r.at+4 > len(r.in) {
			return nil, errR
		}
		flags := int(int32(binary.BigEndian.Uint32(r.in[r.at:])))
		if k := flags & 0xff; k == rList && cur.kind != rClosure && cur.kind != rPromise {
			r.at += 4
			attrs, tag = flags&0x200 != 0, flags&0x400 != 0
			if r.steps++; r.steps > 10_000_000 {
				return nil, errR
			}
			continue
		}
		rest, err := r.item(depth + 1)
		if err != nil {
			return nil, err
		}
		if rest.kind != rNil {
			x.parts = append(x.parts, rest)
			x.names = append(x.names, "")
		}
		return x, nil
	}
}

func (r *rReader) vector(x *rItem, depth int) error {
	if x.kind == rS4 {
		return nil
	}
	n, err := r.length()
	if err != nil {
		return err
	}
	x.length = n
	width := map[int]int{rLogical: 4, rInt: 4, rReal: 8, rComplex: 16, rRaw: 1}[x.kind]
	switch {
	case width > 0:
		b, err := r.take(n * width)
		if err != nil {
			return err
		}
		if x.kind == rRaw {
			return nil
		}
		for i := range min(n, 20000) {
			switch x.kind {
			case rReal:
				x.numbers = append(x.numbers, math.Float64frombits(binary.BigEndian.Uint64(b[8*i:])))
			case rInt, rLogical:
				x.numbers = append(x.numbers, float64(int32(binary.BigEndian.Uint32(b[4*i:]))))
			}
		}
	case x.kind == rStr, x.kind == rVec, x.kind == rExpr:
		for range n {
			p, err := r.item(depth + 1)
			if err != nil {
				return err
			}
			if x.kind == rStr {
				if len(p.texts) != 1 {
					return errR
				}
				x.texts = append(x.texts, p.texts[0])
			} else {
				x.parts = append(x.parts, p)
			}
		}
	default:
		return errR
	}
	return nil
}

// attributes takes names and class from an attribute list.
func (x *rItem) attributes(a *rItem) {
	for i, p := range a.parts {
		if i >= len(a.names) {
			break
		}
		switch a.names[i] {
		case "names":
			x.names = p.texts
		case "class":
			x.class = p.texts
		default:
			if x.kind != rVec {
				p2 := *p
				p2.tag = a.names[i]
				x.parts = append(x.parts, &p2)
				continue
			}
			p2 := *p
			p2.tag = "attr:" + a.names[i]
			x.parts = append(x.parts, &p2)
		}
	}
}

// settled is an item that R keeps in a compact form: sequences and texts.
func (x *rItem) settled() *rItem {
	if len(x.parts) > 1 {
		state := x.parts[1]
		if len(state.numbers) == 3 && state.numbers[0] >= 0 && state.numbers[0] < 1<<31 { // a sequence: length, first, step
			out := &rItem{kind: rInt, length: int(state.numbers[0])}
			for i := range min(out.length, 20000) {
				out.numbers = append(out.numbers, state.numbers[1]+float64(i)*state.numbers[2])
			}
			return out
		}
		if state.kind == rList && len(state.parts) > 0 { // deferred texts, wrappers
			inner := *state.parts[0]
			return &inner
		}
		if len(state.parts) > 0 {
			inner := *state.parts[0]
			return &inner
		}
	}
	return x
}
