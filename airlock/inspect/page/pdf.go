package page

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/paint"
)

// PDF looks at a PDF document, and writes one of its pages without anything
// that isn't drawn.
func PDF(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/pdf"}
	end := bytes.LastIndex(f.Data, []byte("%%EOF"))
	p, err := readPDF(s, f.Data)
	if err != nil || end < 0 {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	if rest := bytes.Trim(f.Data[end+5:], "\r\n \x00"); len(rest) > 0 {
		r.Add(f, "page-hidden", look.Nowhere, "bytes after the end", look.Itoa(len(rest)))
	}
	linear := bytes.Contains(f.Data[:min(len(f.Data), 1024)], []byte("/Linearized"))
	if n := bytes.Count(f.Data, []byte("%%EOF")); n > 2 || n == 2 && !linear || p.twice {
		r.Add(f, "page-history", look.Nowhere)
	}
	j := &judge{pdf: p, s: s, r: &r, f: f, seen: map[int]bool{}}
	var root any
	for _, t := range p.trailers {
		if t["Encrypt"] != nil {
			r.Add(f, "file-encrypted", look.Nowhere)
			return r
		}
		if t["Root"] != nil {
			root = t["Root"]
		}
		j.info(p.dict(t["Info"]))
	}
	ids := make([]int, 0, len(p.objects))
	for id := range p.objects {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		j.object(p.objects[id], "", 0)
	}
	catalog := p.dict(root)
	pages := p.pages(catalog["Pages"], nil, 0)
	if len(pages) == 0 {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	for _, pg := range pages {
		j.page(pg)
	}
	j.finish()
	r.Add(f, "page-needs-eyes", look.Nowhere)
	made, ok := p.write(pages)
	if !ok {
		r.Add(f, "page-part-unknown", look.Nowhere)
		return r
	}
	r.Rebuilt = made
	return r
}

// pages lists the pages, each with what it inherits.
func (p *pdf) pages(v any, inherited pdfDict, depth int) []pdfDict {
	d := p.dict(v)
	if d == nil || depth > 30 {
		return nil
	}
	own := pdfDict{}
	for k, x := range inherited {
		own[k] = x
	}
	for _, k := range []string{"MediaBox", "CropBox", "Rotate", "Resources"} {
		if d[k] != nil {
			own[k] = d[k]
		}
	}
	kids, ok := p.get(d["Kids"]).(pdfArray)
	if !ok {
		for _, k := range []string{"Contents", "Group", "Annots", "AA", "UserUnit"} {
			if d[k] != nil {
				own[k] = d[k]
			}
		}
		return []pdfDict{own}
	}
	var out []pdfDict
	for _, k := range kids {
		if out = append(out, p.pages(k, own, depth+1)...); len(out) > 2000 {
			return nil
		}
	}
	return out
}

// judge is a PDF while it is looked at.
type judge struct {
	*pdf
	s     *look.Scope
	r     *look.Report
	f     look.File
	seen  map[int]bool
	text  strings.Builder
	marks map[string]int
	lines int
	sheet paint.Sheet // the page that is looked at
}

// info judges the document's properties.
func (j *judge) info(d pdfDict) {
	for _, k := range look.Keys(d) {
		t := decodeText(j.get(d[k]))
		if t == "" {
			continue
		}
		j.r.Add(j.f, "page-metadata", look.Nowhere)
		j.s.Word(j.r, j.f, look.Nowhere, t)
		usual := slices.Contains([]string{"Title", "Author", "Subject", "Keywords", "Creator", "Producer", "CreationDate", "ModDate", "Trapped", "PTEX.Fullbanner"}, k)
		if !usual || len(t) > 250 || strings.Count(t, ",") > 15 || strings.Count(t, "\n") > 3 {
			j.r.Add(j.f, "page-metadata-data", look.Nowhere)
		}
	}
}

func decodeText(v any) string {
	b, ok := v.(pdfString)
	if !ok {
		return ""
	}
	if bytes.HasPrefix(b, []byte("\xfe\xff")) {
		var u []uint16
		for i := 2; i+1 < len(b); i += 2 {
			u = append(u, uint16(b[i])<<8|uint16(b[i+1]))
		}
		return string(utf16.Decode(u))
	}
	return strings.ToValidUTF8(string(b), "?")
}

// object judges every dictionary of the document, reached or not.
func (j *judge) object(v any, key string, depth int) {
	if depth > 60 {
		return
	}
	switch x := v.(type) {
	case pdfArray:
		for _, y := range x {
			j.object(y, key, depth+1)
		}
	case pdfStream:
		j.object(x.dict, key, depth)
		if x.dict["Type"] == pdfName("Metadata") {
			j.r.Add(j.f, "page-metadata", look.Nowhere)
			if b, ok := j.decode(x); ok {
				plain := strings.Join(strings.Fields(stripTags(string(b))), " ")
				j.s.Word(j.r, j.f, look.Nowhere, plain)
				if len(plain) > 1500 {
					j.r.Add(j.f, "page-metadata-data", look.Nowhere)
				}
			} else {
				j.r.Add(j.f, "page-metadata-data", look.Nowhere)
			}
		}
	case pdfDict:
		for _, k := range look.Keys(x) {
			j.key(k, x[k], x)
			j.object(x[k], k, depth+1)
		}
	}
}

func stripTags(s string) string {
	var b strings.Builder
	in := false
	for _, r := range s {
		switch {
		case r == '<':
			in = true
		case r == '>':
			in = false
			b.WriteByte(' ')
		case !in:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// key judges one entry of a dictionary.
func (j *judge) key(k string, v any, d pdfDict) {
	add := func(rule string) { j.r.Add(j.f, rule, look.Nowhere, "key", k) }
	name, _ := j.get(v).(pdfName)
	switch k {
	case "JS", "JavaScript", "AA", "Launch", "RichMedia", "RichMediaContent", "Movie", "Sound", "3DD", "3DJavaScript", "XFA", "Requirements":
		add("page-active")
	case "OpenAction":
		if _, ok := j.get(v).(pdfDict); ok && j.dict(v)["S"] != pdfName("GoTo") {
			add("page-active")
		}
	case "S":
		switch name {
		case "JavaScript", "Launch", "SubmitForm", "ImportData", "ResetForm", "Rendition", "Movie", "Sound", "Hide", "Named", "GoToE", "GoToR", "SetOCGState", "Trans", "GoTo3DView":
			if name != "Trans" && name != "Named" {
				add("page-active")
			}
		case "URI":
			j.s.Word(j.r, j.f, look.Nowhere, decodeText(j.get(d["URI"])))
			j.r.Add(j.f, "page-outside-maybe", look.Nowhere)
			if len(decodeText(j.get(d["URI"]))) > 300 {
				add("page-outside")
			}
		}
	case "EmbeddedFiles", "EmbeddedFile", "EF", "AF", "Collection":
		add("page-attachment")
	case "AcroForm":
		if a, ok := j.get(j.dict(v)["Fields"]).(pdfArray); ok && len(a) > 0 {
			add("page-form")
		}
	case "Type":
		switch name {
		case "EmbeddedFile", "Filespec":
			add("page-attachment")
		case "OCG", "OCMD":
			add("page-hidden")
		}
	case "Subtype":
		switch name {
		case "FileAttachment":
			add("page-attachment")
		case "Widget":
			add("page-form")
		case "Text", "FreeText", "Popup", "Highlight", "Underline", "Squiggly", "StrikeOut", "Stamp", "Caret", "Ink", "Redact", "Square", "Circle", "Polygon", "PolyLine", "Line":
			if d["Rect"] != nil {
				add("page-comment")
			}
		case "RichMedia", "Movie", "Sound", "Screen", "3D":
			add("page-active")
		}
	case "PieceInfo", "LastModified":
		if k == "PieceInfo" {
			add("page-hidden")
		}
	case "Alt", "ActualText", "E":
		j.s.Word(j.r, j.f, look.Nowhere, decodeText(j.get(v)))
		if len(decodeText(j.get(v))) > 500 {
			add("page-hidden")
		}
	}
}
