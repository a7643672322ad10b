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

// R looks at an RDS or RData file.
func R(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/x-rds"}
	if f.Ext() != "rds" {
		r.Media = "application/x-rdata"
	}
	data := f.Data
	if !bytes.HasPrefix(data, []byte("X\n")) && !bytes.HasPrefix(data, []byte("RDX")) {
		out, _, rule := packUnfold(s, data)
		if rule != "" {
			r.Add(f, rule, look.Nowhere)
			return r
		}
		data = out
	}
	in := &rReader{in: data}
	if bytes.HasPrefix(data, []byte("RDX2\n")) || bytes.HasPrefix(data, []byte("RDX3\n")) {
		in.at = 5
	}
	c := &contents{s: s, r: &r, f: f}
	err := in.head()
	var x *rItem
	if err == nil {
		x, err = in.item(0)
	}
	if err != nil {
		r.Add(f, "model-unknown", look.Nowhere, "what", "an item of R")
		return r
	}
	if in.at != len(data) {
		r.Add(f, "archive-hidden-data", look.Nowhere, "bytes", look.Itoa(len(data)-in.at))
	}
	rWalk(c, x, "", 0, map[*rItem]bool{})
	if len(r.Tables) == 1 && (has(x.class, "data.frame") || has(x.class, "tbl_df")) {
		r.Rebuilt, r.Ending = look.CSV(r.Tables[0], ','), "csv"
	}
	return c.finish()
}

// rModels are classes of fitted objects that keep their data: lm and its kin
// keep the model frame, ggplot keeps the table.
var rModels = words("lm", "glm", "aov", "gam", "nls", "loess", "lmerMod", "glmerMod", "merMod", "coxph", "survfit.cox_", "randomForest", "ranger", "rpart", "ksvm", "svm", "knn3", "train", "gg", "ggplot", "htmlwidget", "plotly", "leaflet", "mids", "stanfit", "brmsfit", "npmle", "density_", "kmeans", "prcomp_", "hclust", "dist", "workflow", "model_fit", "recipe", "nnet", "gbm", "xgb.Booster_", "lme", "gls", "rq", "polr", "multinom", "tbl_svy", "survey.design", "ppp", "sf", "igraph", "phyloseq", "SummarizedExperiment")

// rWalk judges one value of R.
func rWalk(c *contents, x *rItem, name string, depth int, seen map[*rItem]bool) {
	if depth > 500 || seen[x] {
		return
	}
	seen[x] = true
	for _, k := range x.class {
		c.classes = append(c.classes, k)
		if rModels[k] && rKeeps(x) {
			c.stores(clip(k), 0)
		}
	}
	if has(x.class, "data.frame") || has(x.class, "tbl_df") {
		c.frame(x)
		return
	}
	switch x.kind {
	case rClosure, rLang, rPromise, rBytecode, rEnv:
		if x.kind == rEnv || x.kind == rClosure {
			if n := rSize(x, 0, map[*rItem]bool{}); n >= manyRows {
				c.stores("an environment", n)
			}
		}
	case rRaw:
		if x.length >= 64 {
			c.r.Add(c.f, "model-unknown", look.Nowhere, "what", "bytes")
		}
	case rReal, rInt, rLogical, rComplex:
		c.array(name, []int{x.length})
	case rStr:
		c.array(name, []int{x.length})
	}
	for _, t := range x.texts {
		c.text(t)
	}
	for i, p := range x.parts {
		n := p.tag
		if i < len(x.names) && x.kind == rVec {
			n = x.names[i]
		}
		if recordNames[n] && rSize(p, 0, map[*rItem]bool{}) >= leastLeaf {
			c.stores(n, p.length)
		}
		if n == "model" && (has(p.class, "data.frame") || len(p.parts) > 0) {
			c.stores("a model frame", 0)
		}
		rWalk(c, p, n, depth+1, seen)
	}
	for _, n := range x.names {
		c.text(n)
	}
}

// rKeeps reports whether a fitted object holds anything as long as records.
func rKeeps(x *rItem) bool { return rSize(x, 0, map[*rItem]bool{}) >= leastLeaf*2 }

// rSize is the longest vector below x.
func rSize(x *rItem, depth int, seen map[*rItem]bool) int {
	if depth > 300 || seen[x] {
		return 0
	}
	seen[x] = true
	n := 0
	if x.kind != rVec || len(x.class) == 0 {
		n = x.length
	}
	for _, p := range x.parts {
		n = max(n, rSize(p, depth+1, seen))
	}
	return n
}

func has(list []string, x string) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}

// frame judges a data frame as the table it is.
func (c *contents) frame(x *rItem) {
	t := look.Table{Rows: [][]string{x.names}}
	rows := 0
	for i, p := range x.parts {
		if i < len(x.names) {
			rows = max(rows, p.length)
		}
	}
	if rows > 20_000 {
		c.stores("a table", rows)
		return
	}
	for r := range rows {
		row := make([]string, len(x.names))
		for i := range x.names {
			if i >= len(x.parts) {
				break
			}
			p := x.parts[i]
			switch {
			case p.kind == rStr && r < len(p.texts):
				row[i] = p.texts[r]
			case has(p.class, "factor") && r < len(p.numbers):
				for _, l := range p.parts {
					if k := int(p.numbers[r]) - 1; l.tag == "levels" && k >= 0 && k < len(l.texts) {
						row[i] = l.texts[k]
					}
				}
			case has(p.class, "Date") && r < len(p.numbers):
				row[i] = rDate(p.numbers[r])
			case r < len(p.numbers):
				row[i] = strconv.FormatFloat(p.numbers[r], 'g', -1, 64)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	c.numbers += rows * len(x.names)
	c.s.Table(c.r, c.f, t)
	c.r.Tables = append(c.r.Tables, t)
	for _, p := range x.parts[min(len(x.parts), len(x.names)):] {
		if strings.HasPrefix(p.tag, "attr:row.names") {
			for _, v := range p.texts {
				c.text(v)
			}
		}
	}
}
