package ui

// Table is a table that scrolls sideways where the screen is narrow.
type Table struct {
	Caption string
	Columns []Column
	Rows    [][]Cell
	Empty   *Empty // shown in the table's place when there are no rows
}

// Column is the head of a column. Numbers stand right-aligned, in tabular figures.
type Column struct {
	Text    string
	Numeric bool
}

// Cell is one cell. The first of Tag, Href and Text that is set decides.
type Cell struct {
	Text    string
	Href    string
	Tag     *Tag
	Head    bool   // the row's heading
	Verdict string // fail or review: a finding is about this cell
	Mark    string // the finding's number
	Soft    string // a second, quieter line
	Button  *Button
}

func (Table) block() string { return "table" }

// Cols makes columns from their names; a name that starts with # is numeric.
func Cols(names ...string) []Column {
	cs := make([]Column, len(names))
	for i, n := range names {
		if len(n) > 0 && n[0] == '#' {
			cs[i] = Column{Text: n[1:], Numeric: true}
			continue
		}
		cs[i] = Column{Text: n}
	}
	return cs
}

// Cells makes plain cells.
func Cells(texts ...string) []Cell {
	cs := make([]Cell, len(texts))
	for i, t := range texts {
		cs[i] = Cell{Text: t}
	}
	return cs
}
