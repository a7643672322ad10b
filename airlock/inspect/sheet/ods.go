package sheet

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/markup"
	"github.com/ark-tre/ark/airlock/inspect/pack"
)

// what to think of a part of an ODS workbook.
var odsParts = []struct {
	shape *regexp.Regexp
	rule  string
}{
	{regexp.MustCompile(`^(mimetype|content\.xml|styles\.xml|meta\.xml|settings\.xml|manifest\.rdf|META-INF/manifest\.xml)$`), ""},
	{regexp.MustCompile(`^Thumbnails/thumbnail\.png$|^Configurations2/`), "sheet-properties"},
	{regexp.MustCompile(`(?i)^(Basic|Scripts|Dialogs)/|script-l[bc]\.xml`), "sheet-active"},
	{regexp.MustCompile(`^Object|^ObjectReplacements/|\.bin$`), "sheet-embedded"},
	{regexp.MustCompile(`^(Pictures|media)/`), "sheet-picture"},
	{regexp.MustCompile(`(?i)^Versions/|VersionList`), "sheet-history"},
}

// ODS looks at an OpenDocument spreadsheet, and writes what is seen as XLSX.
func ODS(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/vnd.oasis.opendocument.spreadsheet"}
	members, ok := pack.Open(s, &r, f)
	if !ok {
		return r
	}
	b := &book{s: s, r: &r, f: f, parts: map[string][]byte{}, shown: map[string]bool{}}
	for _, m := range members {
		b.parts[m.Name] = m.Data
		rule := "sheet-part-unknown"
		for _, p := range odsParts {
			if p.shape.MatchString(m.Name) {
				rule = p.rule
				break
			}
		}
		if rule != "" {
			r.Add(f, rule, look.Nowhere, "part", partName(m.Name))
		}
	}
	if strings.Contains(string(b.parts["META-INF/manifest.xml"]), "encryption-data") {
		r.Add(f, "file-encrypted", look.Nowhere)
		return r
	}
	if string(b.parts["mimetype"]) != r.Media || b.parts["content.xml"] == nil {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	hidden := map[string]bool{} // styles of tables that are not shown
	for _, name := range []string{"styles.xml", "content.xml"} {
		if err := odsStyles(b.parts[name], hidden); err != nil {
			r.Add(f, "file-unreadable", look.Nowhere)
			return r
		}
	}
	if err := b.ods(hidden); err != nil {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	if meta := b.parts["meta.xml"]; meta != nil {
		r.Add(f, "sheet-properties", look.Nowhere)
		if Properties(s, &r, f, meta, false, "sheet-properties-data") != nil {
			r.Add(f, "file-unreadable", look.Nowhere)
		}
	}
	if s.Anyway || !r.Hopeless() {
		r.Rebuilt, r.Ending = writeXLSX(b.out), "xlsx"
	}
	return r
}

// odsStyles notes the styles that hide: tables not displayed, white or tiny
// text.
func odsStyles(data []byte, hidden map[string]bool) error {
	if data == nil {
		return nil
	}
	m := markup.New(data)
	name := ""
	for {
		ok, err := m.Next()
		if !ok {
			return err
		}
		if m.Kind != markup.Start {
			continue
		}
		switch m.Name {
		case "style":
			name = m.Attr("name")
		case "table-properties":
			if m.Attr("display") == "false" {
				hidden[name] = true
			}
		case "text-properties":
			c := strings.ToLower(m.Attr("color"))
			if m.Attr("display") == "none" || c == "#ffffff" || tiny(strings.TrimSuffix(m.Attr("font-size"), "pt")) {
				hidden["text "+name] = true
			}
		case "table-cell-properties":
			if c := m.Attr("background-color"); c != "" && c != "transparent" && !strings.EqualFold(c, "#ffffff") {
				hidden["filled "+name] = true
			}
		case "database-range", "named-range":
		}
	}
}

// ods reads the sheets.
func (b *book) ods(hidden map[string]bool) error {
	m := markup.New(b.parts["content.xml"])
	var c *cells
	row, col := 0, 0
	var text strings.Builder
	var cur cell
	var times, rowTimes int
	var gone, rowGone bool
	style := ""
	add := func(rule string) {
		w := disclosure.Where{}
		if c != nil {
			w = disclosure.Where{Sheet: c.name}
		}
		b.r.Add(b.f, rule, w)
	}
	for {
		ok, err := m.Next()
		if !ok {
			return err
		}
		switch m.Kind {
		case markup.Start:
			switch m.Name {
			case "table":
				if m.Parent() != "spreadsheet" {
					add("sheet-embedded")
				}
				c = &cells{name: m.Attr("name")}
				row = 0
				b.s.Word(b.r, b.f, look.Nowhere, c.name)
				if hidden[m.Attr("style-name")] {
					add("sheet-hidden")
				}
			case "table-column":
				if v := m.Attr("visibility"); v == "collapse" || v == "filter" {
					add("sheet-hidden-cells")
				}
			case "table-row":
				col = 0
				rowTimes = repeated(m.Attr("number-rows-repeated"))
				v := m.Attr("visibility")
				rowGone = v == "collapse" || v == "filter"
			case "table-cell", "covered-table-cell":
				text.Reset()
				cur = cell{row: row, col: col}
				times = repeated(m.Attr("number-columns-repeated"))
				gone = m.Name == "covered-table-cell"
				style = m.Attr("style-name")
				if m.Attr("value-type") == "float" || m.Attr("value-type") == "percentage" || m.Attr("value-type") == "currency" {
					cur.text, cur.number = m.Attr("value"), true
				} else if m.Attr("value-type") == "date" {
					cur.text = m.Attr("date-value")
				} else {
					cur.text = m.Attr("string-value")
				}
				fm := m.Attr("formula")
				if fm != "" {
					add("sheet-formula")
					if outside(fm) || strings.Contains(fm, "'file:") {
						add("sheet-formula-outside")
					}
					b.s.Word(b.r, b.f, look.Nowhere, fm)
				}
			case "annotation":
				add("sheet-comment")
				if err := m.Skip(); err != nil {
					return err
				}
			case "tracked-changes":
				add("sheet-history")
			case "named-range", "named-expression":
				v := m.Attr("cell-range-address") + m.Attr("expression")
				b.s.Word(b.r, b.f, look.Nowhere, m.Attr("name")+" "+v)
				if strings.ContainsAny(v, `"{`) || len(v) > 200 {
					add("sheet-name-hidden")
				} else {
					add("sheet-name")
				}
			case "data-pilot-table", "data-pilot-tables":
				add("sheet-cache")
			case "scenario":
				add("sheet-hidden-cells")
			case "event-listeners", "event-listener", "script", "control", "form":
				if m.Name != "script" || m.Parent() == "scripts" {
					add("sheet-active")
				}
			case "object", "object-ole", "plugin", "applet":
				add("sheet-embedded")
			case "frame", "image":
				add("sheet-picture")
			case "table-source", "dde-link", "dde-source", "cell-range-source":
				add("sheet-connection")
			case "content-validation":
				if cond := m.Attr("condition"); strings.Count(cond, ";") > 12 || len(cond) > 150 {
					add("sheet-validation")
				}
				b.s.Word(b.r, b.f, look.Nowhere, m.Attr("condition"))
			case "a":
				if h := m.Attr("href"); h != "" && !strings.HasPrefix(h, "#") {
					add("sheet-link")
					b.s.Word(b.r, b.f, look.Nowhere, h)
				}
			case "s":
				text.WriteByte(' ')
			}
		case markup.Text:
			if m.Inside("table-cell") || m.Inside("covered-table-cell") {
				text.WriteString(m.Data)
			}
		case markup.End:
			switch m.Name {
			case "table-cell", "covered-table-cell":
				if cur.text == "" {
					cur.text = text.String()
				}
				if strings.TrimSpace(cur.text) != "" && c != nil {
					if gone || rowGone {
						add("sheet-hidden-cells")
					}
					if hidden["text "+style] && !hidden["filled "+style] {
						add("sheet-invisible-text")
					}
					for k := range min(times, 1000) {
						x := cur
						x.col += k
						c.at = append(c.at, x)
					}
					b.shown[cur.text] = true
				}
				col += times
			case "table-row":
				if c == nil {
					return markup.ErrBroken
				}
				if n := len(c.at); rowTimes > 1 && rowTimes < 1000 && n > 0 {
					for i := n - 1; i >= 0 && c.at[i].row == row; i-- {
						for k := 1; k < rowTimes; k++ {
							x := c.at[i]
							x.row += k
							c.at = append(c.at, x)
						}
					}
				}
				row += rowTimes
				if len(c.at) > maxCells {
					add("table-too-long")
					return nil
				}
			case "table":
				if c != nil {
					b.finish(c)
				}
				c = nil
			}
		}
	}
}

func repeated(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 1
	}
	return n
}
