package code

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/model"
)

// duplicateKeys reports whether an object holds a key twice: readers differ in
// which they show.
func duplicateKeys(data []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var stack []map[string]bool // nil for an array
	key := false
	for {
		t, err := dec.Token()
		if err != nil {
			return !errors.Is(err, io.EOF)
		}
		if d, ok := t.(json.Delim); ok {
			switch d {
			case '{':
				stack = append(stack, map[string]bool{})
				key = true
			case '[':
				stack = append(stack, nil)
				key = false
			default:
				stack = stack[:len(stack)-1]
				key = len(stack) > 0 && stack[len(stack)-1] != nil
			}
			continue
		}
		top := map[string]bool(nil)
		if len(stack) > 0 {
			top = stack[len(stack)-1]
		}
		if top == nil {
			continue
		}
		if key {
			name, _ := t.(string)
			if top[name] {
				return true
			}
			top[name] = true
			key = false
		} else {
			key = true
		}
	}
}

// unknown reports whether the outermost object has keys beyond those given.
func unknown(data []byte, keys ...string) bool {
	m := map[string]json.RawMessage{}
	if json.Unmarshal(data, &m) != nil {
		return true
	}
	for k := range m {
		if !slices.Contains(keys, k) {
			return true
		}
	}
	return false
}

// JSON looks at a JSON document: its texts, its tables, its long lists.
func JSON(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/json"}
	text, ok := plain(&r, f)
	if !ok {
		return r
	}
	dec := json.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	dec.UseNumber()
	var docs []any
	for {
		var v any
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			r.Add(f, "file-unreadable", look.Nowhere)
			return r
		}
		docs = append(docs, v)
	}
	if duplicateKeys([]byte(text)) || len(docs) == 0 {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	var doc any = docs
	if len(docs) == 1 {
		doc = docs[0]
	}
	var loose any
	if json.Unmarshal([]byte(strings.TrimPrefix(text, "\ufeff")), &loose) == nil && model.TreeJSON(s, &r, f, loose) {
		r.Rebuilt = rewrite(docs)
		return r
	}
	model.Loose(s, &r, f, loose)
	w := walker{s: s, r: &r, f: f}
	w.walk(doc, "", 0)
	if w.numbers > 0 {
		r.Add(f, "json-loose-figures", look.Nowhere, "numbers", look.Itoa(w.numbers))
	}
	switch {
	case w.numbers > 20_000:
		r.Add(f, "code-literals", look.Nowhere, "numbers", look.Itoa(w.numbers))
	case w.numbers > 400 || w.tables == 0 && w.numbers > 200:
		r.Add(f, "code-literals-maybe", look.Nowhere, "numbers", look.Itoa(w.numbers))
	}
	r.Rebuilt = rewrite(docs)
	return r
}

// rewrite writes JSON documents in one canonical way.
func rewrite(docs []any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if len(docs) == 1 {
		enc.SetIndent("", "  ")
	}
	for _, d := range docs {
		if enc.Encode(d) != nil {
			return nil
		}
	}
	return b.Bytes()
}

type walker struct {
	s       *look.Scope
	r       *look.Report
	f       look.File
	numbers int
	tables  int
}

func (w *walker) walk(v any, key string, depth int) {
	if depth > 64 {
		w.r.Add(w.f, "file-unreadable", look.Nowhere)
		return
	}
	switch v := v.(type) {
	case string:
		w.s.Word(w.r, w.f, look.Nowhere, v)
		if len(v) > 4000 {
			w.r.Add(w.f, "text-encoded-maybe", look.Nowhere, "characters", look.Itoa(len(v)))
		}
	case json.Number:
		w.numbers++
		w.s.Word(w.r, w.f, look.Nowhere, v.String())
	case map[string]any:
		if t, ok := columns(v); ok {
			w.table(t)
			return
		}
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			w.s.Word(w.r, w.f, look.Nowhere, k)
			w.walk(v[k], k, depth+1)
		}
	case []any:
		if t, ok := records(v); ok {
			w.table(t)
			return
		}
		plain := 0
		for _, x := range v {
			switch x.(type) {
			case string, json.Number:
				plain++
			}
			w.walk(x, key, depth+1)
		}
		switch {
		case plain >= 500:
			w.r.Add(w.f, "code-literals", look.Nowhere, "literals", look.Itoa(plain))
		case plain >= 50:
			w.r.Add(w.f, "code-literals-maybe", look.Nowhere, "literals", look.Itoa(plain))
		}
	}
}

func (w *walker) table(t look.Table) {
	w.tables++
	w.s.Table(w.r, w.f, t)
	w.r.Tables = append(w.r.Tables, t)
}

// records lays a list of objects, or of at least five lists, out as a table.
// Columns of words come first, as labels do: JSON has no order of its own.
func records(v []any) (look.Table, bool) {
	if len(v) == 0 {
		return look.Table{}, false
	}
	if o, ok := v[0].(map[string]any); len(v) < 5 && (!ok || len(o) < 2) {
		return look.Table{}, false
	}
	t, ok := layOut(v)
	if ok {
		labelsFirst(t.Rows)
	}
	return t, ok
}

// labelsFirst moves the columns that hold no number to the left.
func labelsFirst(rows [][]string) {
	width := 0
	for _, row := range rows {
		width = max(width, len(row))
	}
	var order, numbers []int
	for j := range width {
		words := true
		for _, row := range rows[min(1, len(rows)):] {
			if j < len(row) {
				_, number := look.Float(row[j])
				words = words && !number
			}
		}
		if words {
			order = append(order, j)
		} else {
			numbers = append(numbers, j)
		}
	}
	order = append(order, numbers...)
	for i, row := range rows {
		moved := make([]string, width)
		for to, from := range order {
			if from < len(row) {
				moved[to] = row[from]
			}
		}
		rows[i] = moved
	}
}

func layOut(v []any) (look.Table, bool) {
	var head []string
	at := map[string]int{}
	t := look.Table{Text: true, Rows: [][]string{nil}}
	for _, x := range v {
		row := make([]string, len(head))
		switch x := x.(type) {
		case map[string]any:
			keys := make([]string, 0, len(x))
			for k := range x {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			for _, k := range keys {
				text, ok := scalar(x[k])
				if !ok {
					return t, false
				}
				if _, known := at[k]; !known {
					at[k] = len(head)
					head = append(head, k)
				}
				for len(row) <= at[k] {
					row = append(row, "")
				}
				row[at[k]] = text
			}
		case []any:
			if len(x) < 2 {
				return t, false
			}
			row = row[:0]
			for _, y := range x {
				text, ok := scalar(y)
				if !ok {
					return t, false
				}
				row = append(row, text)
			}
		default:
			return t, false
		}
		t.Rows = append(t.Rows, row)
	}
	t.Rows[0] = head
	if head == nil {
		t.Rows = t.Rows[1:]
	}
	return t, true
}

// columns lays an object of equally long lists, or of equal objects, out as a
// table: the two ways pandas writes a frame.
func columns(v map[string]any) (look.Table, bool) {
	if len(v) < 2 {
		return look.Table{}, false
	}
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var cols [][]string
	for _, k := range keys {
		var col []string
		switch x := v[k].(type) {
		case []any:
			for _, y := range x {
				text, ok := scalar(y)
				if !ok {
					return look.Table{}, false
				}
				col = append(col, text)
			}
		case map[string]any:
			ks := make([]string, 0, len(x))
			for k := range x {
				ks = append(ks, k)
			}
			slices.Sort(ks)
			for _, k := range ks {
				text, ok := scalar(x[k])
				if !ok {
					return look.Table{}, false
				}
				col = append(col, text)
			}
		default:
			return look.Table{}, false
		}
		if len(col) < 5 || len(cols) > 0 && len(col) != len(cols[0]) {
			return look.Table{}, false
		}
		cols = append(cols, col)
	}
	t := look.Table{Text: true, Rows: [][]string{keys}}
	for i := range cols[0] {
		row := make([]string, len(cols))
		for j := range cols {
			row[j] = cols[j][i]
		}
		t.Rows = append(t.Rows, row)
	}
	return t, true
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}
