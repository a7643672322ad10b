package sheet

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/markup"
	"github.com/ark-tre/ark/airlock/inspect/pack"
)

const xmlHead = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"

// writeXLSX writes visible values as a workbook of the fewest parts.
func writeXLSX(sheets []clean) []byte {
	var types, list, rels strings.Builder
	names := map[string]bool{}
	ms := []pack.Member{}
	for i, s := range sheets {
		n := i + 1
		for names[strings.ToLower(s.name)] {
			s.name = title(fmt.Sprintf("%.24s %d", s.name, n), n)
		}
		names[strings.ToLower(s.name)] = true
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>`, n)
		fmt.Fprintf(&list, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, markup.Escape(s.name), n, n)
		fmt.Fprintf(&rels, `<Relationship Id="rId%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet%d.xml"/>`, n, n)
		ms = append(ms, pack.Member{Name: fmt.Sprintf("xl/worksheets/sheet%d.xml", n), Data: writeSheet(s.at)})
	}
	head := []pack.Member{
		{Name: "[Content_Types].xml", Data: []byte(xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` + types.String() + `</Types>`)},
		{Name: "_rels/.rels", Data: []byte(xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`)},
		{Name: "xl/workbook.xml", Data: []byte(xmlHead + `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>` + list.String() + `</sheets></workbook>`)},
		{Name: "xl/_rels/workbook.xml.rels", Data: []byte(xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` + rels.String() + `</Relationships>`)},
	}
	return pack.Zip(append(head, ms...))
}

func writeSheet(at []cell) []byte {
	var b bytes.Buffer
	b.WriteString(xmlHead + `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`)
	row := -1
	for _, x := range at {
		if x.row != row {
			if row >= 0 {
				b.WriteString("</row>")
			}
			fmt.Fprintf(&b, `<row r="%d">`, x.row+1)
			row = x.row
		}
		b.WriteString(`<c r="`)
		b.WriteString(look.Ref(x.row, x.col))
		if x.number {
			b.WriteString(`"><v>`)
			b.WriteString(markup.Escape(x.text))
			b.WriteString("</v></c>")
		} else {
			b.WriteString(`" t="inlineStr"><is><t xml:space="preserve">`)
			b.WriteString(markup.Escape(look.Clean(x.text)))
			b.WriteString("</t></is></c>")
		}
	}
	if row >= 0 {
		b.WriteString("</row>")
	}
	b.WriteString("</sheetData></worksheet>")
	return b.Bytes()
}
