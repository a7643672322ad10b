package sheet

import (
	"encoding/binary"
	"path"
	"strings"
	"unicode/utf16"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/markup"
	"github.com/ark-tre/ark/airlock/inspect/pack"
)

// book is a workbook while it is looked at.
type book struct {
	s       *look.Scope
	r       *look.Report
	f       look.File
	parts   map[string][]byte
	strings []string
	used    []bool
	styles  styles
	shown   map[string]bool // texts of visible cells, where there are charts
	charted bool
	out     []clean
}

// XLSX looks at an XLSX workbook.
func XLSX(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
	members, ok := pack.Open(s, &r, f)
	if !ok {
		return r
	}
	b := &book{s: s, r: &r, f: f, parts: map[string][]byte{}, shown: map[string]bool{}}
	for _, m := range members {
		b.parts[m.Name] = m.Data
		b.charted = b.charted || strings.HasPrefix(m.Name, "xl/charts/")
	}
	judgeParts(&r, f, members)
	if err := b.read(); err != nil {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	b.charts(members)
	b.properties()
	if s.Anyway || !r.Hopeless() {
		r.Rebuilt, r.Ending = writeXLSX(b.out), "xlsx"
	}
	return r
}

type sheetRef struct{ name, state, target string }

func (b *book) read() error {
	wb := b.parts["xl/workbook.xml"]
	if wb == nil || b.parts["[Content_Types].xml"] == nil {
		return markup.ErrBroken
	}
	if strings.Contains(string(b.parts["[Content_Types].xml"]), "macroEnabled") {
		b.r.Add(b.f, "sheet-active", look.Nowhere)
	}
	rels, err := b.relations("xl/workbook.xml")
	if err != nil {
		return err
	}
	if err := b.sharedStrings(); err != nil {
		return err
	}
	if b.styles, err = readStyles(b.parts["xl/styles.xml"], b.parts["xl/theme/theme1.xml"]); err != nil {
		return err
	}
	var sheets []sheetRef
	m := markup.New(wb)
	for {
		ok, err := m.Next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if m.Kind != markup.Start {
			continue
		}
		switch m.Name {
		case "sheet":
			id := ""
			for _, a := range m.Attrs {
				if a.Name == "id" && a.Space != "" {
					id = a.Value
				}
			}
			sheets = append(sheets, sheetRef{m.Attr("name"), m.Attr("state"), rels[id].target})
		case "definedName":
			if err := b.definedName(m); err != nil {
				return err
			}
		case "fileSharing", "customWorkbookView", "externalReference":
			if m.Name == "externalReference" {
				b.r.Add(b.f, "sheet-connection", look.Nowhere)
			}
		case "fileVersion", "workbookPr":
		}
	}
	if len(sheets) == 0 {
		return markup.ErrBroken
	}
	reached := map[string]bool{}
	for _, sh := range sheets {
		reached[sh.target] = true
		b.s.Word(b.r, b.f, look.Nowhere, sh.name)
		if sh.state != "" && sh.state != "visible" {
			b.r.Add(b.f, "sheet-hidden", disclosure.Where{Sheet: sh.name}, "state", sh.state)
		}
		if strings.HasPrefix(sh.target, "xl/chartsheets/") {
			continue
		}
		if err := b.sheet(sh); err != nil {
			return err
		}
	}
	for name := range b.parts {
		if strings.HasPrefix(name, "xl/worksheets/") && !strings.Contains(name, "_rels/") && !reached[name] {
			b.r.Add(b.f, "sheet-hidden", look.Nowhere, "part", "xl/worksheets/")
		}
	}
	unused := 0
	for i, u := range b.used {
		if !u && strings.TrimSpace(b.strings[i]) != "" {
			unused++
		}
	}
	if unused > 0 {
		b.r.Add(b.f, "sheet-unused-text", look.Nowhere, "texts", look.Itoa(unused))
	}
	return nil
}

type relation struct{ kind, target string }

// relations reads what a part refers to, and refuses what lies outside.
func (b *book) relations(of string) (map[string]relation, error) {
	dir, base := path.Split(of)
	data, ok := b.parts[dir+"_rels/"+base+".rels"]
	out := map[string]relation{}
	if !ok {
		return out, nil
	}
	m := markup.New(data)
	for {
		ok, err := m.Next()
		if !ok {
			return out, err
		}
		if m.Kind != markup.Start || m.Name != "Relationship" {
			continue
		}
		kind, target := path.Base(m.Attr("Type")), m.Attr("Target")
		if strings.EqualFold(m.Attr("TargetMode"), "External") {
			rule := "sheet-connection"
			if kind == "hyperlink" {
				rule = "sheet-link"
			}
			b.r.Add(b.f, rule, look.Nowhere)
			b.s.Word(b.r, b.f, look.Nowhere, target)
			continue
		}
		if strings.HasPrefix(target, "/") {
			target = strings.TrimPrefix(target, "/")
		} else {
			target = path.Join(dir, target)
		}
		out[m.Attr("Id")] = relation{kind, target}
	}
}

// sharedStrings reads the texts that cells refer to by number.
func (b *book) sharedStrings() error {
	data, ok := b.parts["xl/sharedStrings.xml"]
	if !ok {
		return nil
	}
	m := markup.New(data)
	var text strings.Builder
	for {
		ok, err := m.Next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		switch {
		case m.Kind == markup.Start && m.Name == "si":
			text.Reset()
		case m.Kind == markup.Start && m.Name == "rPh":
			b.r.Add(b.f, "sheet-unused-text", look.Nowhere, "texts", "phonetic")
			if err := m.Skip(); err != nil {
				return err
			}
		case m.Kind == markup.Start && (m.Name == "color" || m.Name == "sz" || m.Name == "vanish") && m.Inside("rPr"):
			if m.Name == "vanish" || m.Name == "color" && white(m.Attr("rgb")) || m.Name == "sz" && tiny(m.Attr("val")) {
				b.r.Add(b.f, "sheet-invisible-text", look.Nowhere)
			}
		case m.Kind == markup.Text && m.Inside("t"):
			text.WriteString(m.Data)
		case m.Kind == markup.End && m.Name == "si" || m.Kind == markup.End && m.Depth == 1:
			b.strings = append(b.strings, unx(text.String()))
			text.Reset()
		}
	}
	b.used = make([]bool, len(b.strings))
	return nil
}

// unx undoes Excel's _x000D_ writing of characters XML can't hold.
func unx(s string) string {
	for {
		i := strings.Index(s, "_x")
		if i < 0 || len(s) < i+7 || s[i+6] != '_' {
			return s
		}
		var v [2]byte
		for k := range 4 {
			c := s[i+2+k]
			d := strings.IndexByte("0123456789ABCDEF", c)
			if d < 0 {
				return s
			}
			v[k/2] = v[k/2]<<4 | byte(d)
		}
		s = s[:i] + string(utf16.Decode([]uint16{binary.BigEndian.Uint16(v[:])})) + s[i+7:]
	}
}

// definedName judges one name of the workbook.
func (b *book) definedName(m *markup.Scanner) error {
	name, hidden := m.Attr("name"), m.Attr("hidden")
	var text strings.Builder
	for {
		ok, err := m.Next()
		if !ok {
			return err
		}
		if m.Kind == markup.End {
			break
		}
		if m.Kind == markup.Text {
			text.WriteString(m.Data)
		}
	}
	v := text.String()
	b.s.Word(b.r, b.f, look.Nowhere, name)
	b.s.Word(b.r, b.f, look.Nowhere, v)
	usual := name == "_xlnm._FilterDatabase" || strings.HasPrefix(name, "_xlnm.Print")
	switch {
	case strings.ContainsAny(v, "[|") || outside(v):
		b.r.Add(b.f, "sheet-formula-outside", look.Nowhere)
	case strings.ContainsAny(v, `"{`) || len(v) > 200:
		b.r.Add(b.f, "sheet-name-hidden", look.Nowhere)
	case usual:
	case hidden == "1" || hidden == "true" || strings.HasPrefix(strings.ToLower(name), "_xl"):
		b.r.Add(b.f, "sheet-name-hidden", look.Nowhere)
	default:
		b.r.Add(b.f, "sheet-name", look.Nowhere)
	}
	return nil
}

// outside reports whether a formula reaches out of the workbook.
func outside(formula string) bool {
	u := strings.ToUpper(formula)
	for _, w := range []string{"WEBSERVICE", "HYPERLINK(", "IMPORTDATA", "IMPORTXML", "IMPORTHTML", "IMPORTRANGE", "IMAGE(", "RTD(", "CALL(", "EXEC(", "REGISTER(", "CUBE", "SQL.REQUEST", "DDE(", "FILTERXML", "CMD", "HTTP:", "HTTPS:", "FILE:", "\\\\", "!'", "STOCKHISTORY", "PY(", "INFO(", "CELL("} {
		if strings.Contains(u, w) && w != "!'" {
			return true
		}
	}
	if i := strings.IndexByte(u, '|'); i > 0 && strings.Contains(u[i:], "!") {
		return true
	}
	if i := strings.IndexByte(u, '['); i >= 0 && strings.Contains(u[i:], "]") && strings.Contains(u[i:], "!") {
		return true
	}
	return false
}
