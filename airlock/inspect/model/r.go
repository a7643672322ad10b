package model

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

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
		c.giveArray(x.numbers, x.mirror())
	case rVec:
		var beside [][]float64
		var one []float64
		for _, p := range x.parts {
			beside = append(beside, p.numbers)
			if len(p.numbers) == 1 {
				one = append(one, p.numbers[0])
			}
		}
		c.give(one)
		c.giveBeside(beside)
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

// mirror is the shape of a matrix's mirror: R stores by columns.
func (x *rItem) mirror() []int {
	for _, p := range x.parts {
		if p.tag == "dim" && len(p.numbers) == 2 {
			return []int{int(p.numbers[1]), int(p.numbers[0])}
		}
	}
	return []int{len(x.numbers)}
}
