package filter

import (
	"strings"

	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// Words says the filter in English, for a custodian who reads no SQL. label
// names a column for people; nil takes the column's own name with spaces for
// underscores. The text holds the filter's literals: escape it as any other.
func (c *Checked) Words(label func(column string) string) string {
	if c == nil || c.root == nil {
		return "no rows"
	}
	if label == nil {
		label = func(s string) string { return strings.ReplaceAll(s, "_", " ") }
	}
	w := &speaker{label}
	return w.say(c.root, false)
}

type speaker struct{ label func(string) string }

// say says a condition, or its opposite. (The opposite of unknown is unknown,
// so "is not" and "it is not so that" mean the same.)
func (w *speaker) say(n *node, not bool) string {
	switch n.op {
	case opNot:
		return w.say(n.kids[0], !not)
	case opOr, opAnd:
		return w.group(n, not)
	case opRef:
		return pick(not, "it is not so that “"+n.name+"” ("+w.say(n.kids[0], false)+")", "“"+n.name+"” ("+w.say(n.kids[0], false)+")")
	case opLit:
		return pick(n.lit.Flag() != not, "always", "never")
	case opField:
		return w.value(n, 0) + pick(not, " is no", " is yes")
	case opIsNull:
		return w.value(n.kids[0], 0) + pick(not, " is recorded", " is missing")
	}
	return w.value(n.kids[0], 0) + " " + w.predicate(n, not)
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

func (w *speaker) group(n *node, not bool) string {
	parts := make([]string, len(n.kids))
	for i, k := range n.kids {
		parts[i] = w.say(k, not)
		if deep := k; deep.op == opNot {
			for deep.op == opNot {
				deep = deep.kids[0]
			}
			if deep.op == opOr || deep.op == opAnd {
				parts[i] = "(" + parts[i] + ")"
			}
		} else if k.op == opOr || k.op == opAnd {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, pick((n.op == opOr) != not, " or ", " and "))
}

func (w *speaker) predicate(n *node, not bool) string {
	is := pick(not, "is not ", "is ")
	switch n.op {
	case opIn:
		if len(n.kids) == 2 {
			return is + w.value(n.kids[1], 0)
		}
		return pick(not, "is none of ", "is one of ") + w.list(n.kids[1:])
	case opBetween:
		return is + "between " + w.value(n.kids[1], 0) + " and " + w.value(n.kids[2], 0) + ", both included"
	case opLike:
		return likeWords(n.kids[1].lit.Str(), not)
	case opEq:
		return is + w.value(n.kids[1], 0)
	case opNe:
		return pick(not, "is ", "is not ") + w.value(n.kids[1], 0)
	}
	return w.order(n, not)
}

// order says <, <=, >, >= and their opposites.
func (w *speaker) order(n *node, not bool) string {
	o := n.op
	if not {
		o = map[op]op{opLt: opGe, opGe: opLt, opGt: opLe, opLe: opGt}[o]
	}
	words := map[op]string{opLt: "is less than ", opLe: "is at most ", opGt: "is more than ", opGe: "is at least "}
	switch n.kids[0].typ {
	case cell.Date:
		words = map[op]string{opLt: "is before ", opLe: "is on or before ", opGt: "is after ", opGe: "is on or after "}
	case cell.Timestamp:
		words = map[op]string{opLt: "is before ", opLe: "is at or before ", opGt: "is after ", opGe: "is at or after "}
	case cell.String:
		words = map[op]string{opLt: "comes before ", opLe: "comes before or is ", opGt: "comes after ", opGe: "comes after or is "}
	}
	return words[o] + w.value(n.kids[1], 0)
}

func (w *speaker) list(kids []*node) string {
	parts := make([]string, len(kids))
	for i, k := range kids {
		parts[i] = w.value(k, 0)
	}
	last := len(parts) - 1
	return strings.Join(parts[:last], ", ") + " or " + parts[last]
}

func likeWords(p string, not bool) string {
	does := func(yes, no string) string { return pick(not, no, yes) }
	core := strings.Trim(p, "%")
	if !strings.ContainsAny(core, "%_") && core != "" {
		switch {
		case p == core:
			return does("is ", "is not ") + quote(core)
		case p == core+"%":
			return does("starts with ", "does not start with ") + quote(core)
		case p == "%"+core:
			return does("ends with ", "does not end with ") + quote(core)
		case p == "%"+core+"%":
			return does("contains ", "does not contain ") + quote(core)
		}
	}
	return does("fits the pattern ", "does not fit the pattern ") + quote(p) + " (% stands for any text, _ for one character)"
}

func quote(s string) string { return "“" + s + "”" }

// value says a value; level is how tightly its surroundings bind.
func (w *speaker) value(n *node, level int) string {
	switch n.op {
	case opField:
		return w.label(n.name)
	case opLit:
		return literalWords(n.lit)
	case opNeg:
		return "minus " + w.value(n.kids[0], 7)
	}
	if symbols[n.op] == "" || binding(n) < 5 {
		return "whether (" + w.say(n, false) + ")"
	}
	words := map[op]string{opAdd: " plus ", opSub: " minus ", opMul: " times ", opDiv: " divided by ", opMod: " modulo "}
	s := w.value(n.kids[0], binding(n)) + words[n.op] + w.value(n.kids[1], binding(n)+1)
	if n.op == opSub && n.kids[0].typ == cell.Date {
		s = "the days from " + w.value(n.kids[1], 0) + " to " + w.value(n.kids[0], 0)
	}
	if binding(n) < level {
		return "(" + s + ")"
	}
	return s
}

func literalWords(v cell.Value) string {
	switch v.Type() {
	case cell.String:
		return quote(v.Str())
	case cell.Bool:
		return pick(v.Flag(), "yes", "no")
	case cell.Date:
		return v.Time().Format("2 January 2006")
	case cell.Timestamp:
		return v.Time().Format("2 January 2006 15:04:05") + " UTC"
	}
	return v.Text()
}
