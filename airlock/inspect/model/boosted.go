package model

import (
	"encoding/json"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// boosted judges an ensemble of trees in text: xgboost's JSON, lightgbm's
// model text, or any JSON of trees.
func boosted(c *contents, text string) {
	c.trees = true
	var doc any
	if json.Unmarshal([]byte(text), &doc) == nil {
		treeJSON(c, doc, "", 0)
		return
	}
	for line := range strings.Lines(text) {
		key, v, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && key == "leaf_count" {
			for _, x := range strings.Fields(v) {
				if n, ok := look.Float(x); ok && n < leastLeaf {
					c.r.Add(c.f, "model-small-leaf", look.Nowhere, "smallest_leaf", look.Itoa(int(n)))
				}
			}
		}
	}
	c.numbers += len(strings.Fields(text))
}

// leafCounts are the names under which trees keep how many records a leaf, or
// any node, holds.
var leafCounts = words("leaf_count", "n_node_samples", "count", "n_samples", "internal_count", "samples", "n", "weighted_n_node_samples", "node_sample_size", "recordCount")

// Boosted judges a LightGBM model in its own text form; false for any other
// text.
func Boosted(s *look.Scope, r *look.Report, f look.File, text string) bool {
	if !strings.HasPrefix(text, "tree\nversion=") {
		return false
	}
	c := &contents{s: s, r: r, f: f}
	boosted(c, text)
	c.finish()
	return true
}

// treeJSON walks JSON of trees for the size of their nodes.
func treeJSON(c *contents, v any, key string, depth int) {
	if depth > 400 {
		c.r.Add(c.f, "model-unknown", look.Nowhere, "what", "nesting")
		return
	}
	switch v := v.(type) {
	case float64:
		c.numbers++
		switch {
		case leafCounts[key] && v > 0 && v < leastLeaf:
			c.r.Add(c.f, "model-small-leaf", look.Nowhere, "smallest_leaf", look.Itoa(int(v)))
		case key == "sum_hessian" && v < leastLeaf && c.squares: // one a record
			c.r.Add(c.f, "model-small-leaf", look.Nowhere, "smallest_leaf", look.Itoa(int(v)))
		}
	case string:
		c.text(v)
	case map[string]any:
		for _, k := range look.Keys(v) {
			treeJSON(c, v[k], k, depth+1)
		}
	case []any:
		name := key
		if leafCounts[key+"s"] {
			name = key
		}
		for _, x := range v {
			treeJSON(c, x, name, depth+1)
		}
	}
}

// treeModel reports whether a JSON document is a model of trees.
func treeModel(doc any) bool {
	m, ok := doc.(map[string]any)
	if !ok {
		return false
	}
	for _, k := range []string{"learner", "tree_info", "trees", "nodes", "estimators", "tree_structure", "oblivious_trees", "forest"} {
		if _, ok := m[k]; ok {
			return true
		}
	}
	return false
}

// TreeJSON judges a JSON document that is a model of trees; false for any
// other document.
func TreeJSON(s *look.Scope, r *look.Report, f look.File, doc any) bool {
	if !treeModel(doc) {
		return false
	}
	c := &contents{s: s, r: r, f: f, trees: true, squares: squares(doc)}
	treeJSON(c, doc, "", 0)
	c.loose(doc, 0)
	c.finish()
	return true
}

// squares reports whether xgboost fitted squares, so that its hessians count
// records.
func squares(doc any) bool {
	at := doc
	for _, k := range []string{"learner", "objective", "name"} {
		m, _ := at.(map[string]any)
		at = m[k]
	}
	name, _ := at.(string)
	return strings.HasPrefix(name, "reg:squared")
}
