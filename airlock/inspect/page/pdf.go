package page

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/ark-tre/ark/airlock/inspect/look"
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
	r.Rebuilt = p.write(pages)
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

// page judges what a page draws.
func (j *judge) page(pg pdfDict) {
	var content []byte
	switch c := j.get(pg["Contents"]).(type) {
	case pdfStream:
		content = j.drawn(c)
	case pdfArray:
		for _, x := range c {
			if st, ok := j.get(x).(pdfStream); ok {
				b := j.drawn(st)
				content = append(append(content, b...), '\n')
			}
		}
	}
	j.marks, j.lines = map[string]int{}, 0
	j.draw(content, j.dict(pg["Resources"]), 0)
	most := 0
	for _, n := range j.marks {
		most = max(most, n)
	}
	switch {
	case most >= 100 || j.lines >= 3000:
		j.r.Add(j.f, "picture-points", look.Nowhere, "marks", look.Itoa(most), "corners", look.Itoa(j.lines))
	case most >= 30 || j.lines >= 600:
		j.r.Add(j.f, "picture-points-maybe", look.Nowhere, "marks", look.Itoa(most), "corners", look.Itoa(j.lines))
	}
}

// drawn unfolds what is drawn; what can't be unfolded can't be judged.
func (j *judge) drawn(st pdfStream) []byte {
	b, ok := j.decode(st)
	if !ok {
		j.r.Add(j.f, "page-part-unknown", look.Nowhere)
	}
	return b
}

// draw follows the operators of a content stream as far as they show text,
// marks and lines.
func (j *judge) draw(content []byte, res pdfDict, depth int) {
	if depth > 6 {
		return
	}
	l := &lexer{in: content}
	var args []any
	var cmap map[int]string
	wide := false
	curves := 0
	drawnBefore := map[string]bool{}
	for range 5_000_000 {
		v, err := l.value()
		if err != nil {
			return
		}
		op, ok := v.(pdfWord)
		if !ok || op != "" && (op[0] >= '0' && op[0] <= '9' || op[0] == '-' || op[0] == '.' || op[0] == '+') {
			if args = append(args, v); len(args) > 64 {
				args = args[32:]
			}
			continue
		}
		switch op {
		case "Tf":
			if len(args) >= 2 {
				if n, ok := args[len(args)-2].(pdfName); ok {
					cmap, wide = j.font(j.dict(j.dict(res["Font"])[string(n)]))
				}
			}
		case "Tr":
			if len(args) > 0 && args[len(args)-1] == pdfWord("3") {
				j.r.Add(j.f, "page-hidden", look.Nowhere, "text", "invisible")
			}
		case "Tj", "'", "\"", "TJ":
			t := ""
			if len(args) > 0 {
				t = show(args[len(args)-1], cmap, wide)
			}
			j.text.WriteString(t)
			if op != "TJ" && len([]rune(t)) == 1 {
				j.marks["glyph "+t]++
			}
		case "Td", "TD", "T*", "Tm", "ET":
			j.text.WriteByte('\n')
		case "m":
			curves = 0
		case "c", "v", "y":
			curves++
			j.lines++
		case "l":
			j.lines++
		case "h", "S", "b", "B", "f", "F", "s", "b*", "B*", "f*":
			if curves >= 4 && curves <= 10 {
				j.marks["curve"]++
			}
			curves = 0
		case "Do":
			if len(args) > 0 {
				if n, ok := args[len(args)-1].(pdfName); ok {
					j.marks["form "+string(n)]++
					if st, ok := j.get(j.dict(res["XObject"])[string(n)]).(pdfStream); ok && st.dict["Subtype"] == pdfName("Form") && !drawnBefore[string(n)] {
						drawnBefore[string(n)] = true
						b := j.drawn(st)
						own := j.dict(st.dict["Resources"])
						if own == nil {
							own = res
						}
						j.draw(b, own, depth+1)
					}
				}
			}
		case "ID": // an inline picture: to its end
			if i := bytes.Index(l.in[l.at:], []byte("EI")); i >= 0 {
				l.at += i + 2
			}
		}
		args = args[:0]
	}
}

// font reads how a font's codes are letters.
func (j *judge) font(d pdfDict) (map[int]string, bool) {
	wide := d["Subtype"] == pdfName("Type0")
	st, ok := j.get(d["ToUnicode"]).(pdfStream)
	if !ok {
		return nil, wide
	}
	b, _ := j.decode(st)
	l := &lexer{in: b}
	m := map[int]string{}
	var args []any
	for range 200_000 {
		v, err := l.value()
		if err != nil {
			break
		}
		w, isWord := v.(pdfWord)
		if !isWord || !strings.HasPrefix(string(w), "end") && !strings.HasPrefix(string(w), "begin") {
			args = append(args, v)
			continue
		}
		switch w {
		case "endbfchar":
			for i := 0; i+1 < len(args); i += 2 {
				m[codeOf(args[i])] = utf16Of(args[i+1])
			}
		case "endbfrange":
			for i := 0; i+2 < len(args); i += 3 {
				lo, hi := codeOf(args[i]), codeOf(args[i+1])
				if a, ok := args[i+2].(pdfArray); ok {
					for k, x := range a {
						m[lo+k] = utf16Of(x)
					}
					continue
				}
				to := []rune(utf16Of(args[i+2]))
				for k := lo; k <= hi && k-lo < 65536 && len(to) == 1; k++ {
					m[k] = string(to[0] + rune(k-lo))
				}
			}
		}
		args = nil
	}
	return m, wide
}

func codeOf(v any) int {
	b, _ := v.(pdfString)
	n := 0
	for _, c := range b {
		n = n<<8 | int(c)
	}
	return n & 0xffffff
}

func utf16Of(v any) string {
	b, _ := v.(pdfString)
	var u []uint16
	for i := 0; i+1 < len(b); i += 2 {
		u = append(u, uint16(b[i])<<8|uint16(b[i+1]))
	}
	return string(utf16.Decode(u))
}

// show reads the text of an operator that shows some.
func show(v any, cmap map[int]string, wide bool) string {
	var b strings.Builder
	switch x := v.(type) {
	case pdfArray:
		for _, y := range x {
			if w, ok := y.(pdfWord); ok {
				if f, ok := look.Float(string(w)); ok && f < -200 {
					b.WriteByte(' ')
				}
				continue
			}
			b.WriteString(show(y, cmap, wide))
		}
	case pdfString:
		step := 1
		if wide {
			step = 2
		}
		for i := 0; i+step <= len(x); i += step {
			code := int(x[i])
			if wide {
				code = code<<8 | int(x[i+1])
			}
			switch t, ok := cmap[code]; {
			case ok:
				b.WriteString(t)
			case !wide && code >= 0x20 && code < 0x7f:
				b.WriteByte(byte(code))
			}
		}
	}
	return b.String()
}

// finish judges all the text that the pages show.
func (j *judge) finish() {
	t := strings.ToValidUTF8(strings.ReplaceAll(j.text.String(), "\x00", ""), "?")
	part := look.Report{}
	j.s.Text(&part, j.f, strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' {
			return ' '
		}
		return r
	}, t))
	for _, x := range part.Findings { // a page's line breaks are its own: what spans of text look like says nothing
		if x.Rule != "text-rows" && x.Rule != "text-rows-maybe" && x.Rule != "text-spaces" && !strings.HasPrefix(x.Rule, "text-encoded") {
			j.r.Findings = append(j.r.Findings, x)
		}
	}
}

// write writes the pages with what they draw: contents and resources, nothing
// else.
func (p *pdf) write(pages []pdfDict) []byte {
	w := &pdfWriter{pdf: p, number: map[int]int{}}
	kids := pdfArray{}
	tree := w.next()
	for _, pg := range pages {
		d := pdfDict{"Type": pdfName("Page"), "Parent": pdfRef(tree)}
		for _, k := range []string{"MediaBox", "CropBox", "Rotate", "Resources", "Contents", "Group", "UserUnit"} {
			if pg[k] != nil {
				d[k] = w.copy(pg[k], 0)
			}
		}
		n := w.next()
		w.objects[n-1] = d
		kids = append(kids, pdfRef(n))
	}
	w.objects[tree-1] = pdfDict{"Type": pdfName("Pages"), "Kids": kids, "Count": pdfWord(look.Itoa(len(pages)))}
	root := w.next()
	w.objects[root-1] = pdfDict{"Type": pdfName("Catalog"), "Pages": pdfRef(tree)}
	return w.bytes(root)
}

type pdfWriter struct {
	*pdf
	number  map[int]int
	objects []any
}

func (w *pdfWriter) next() int {
	w.objects = append(w.objects, nil)
	return len(w.objects)
}

// dropped are entries that draw nothing.
var dropped = elements("Metadata PieceInfo AF OC Properties StructParents StructParent Annots AA A LastModified Thumb B Alt ActualText Names")

func (w *pdfWriter) copy(v any, depth int) any {
	if depth > 60 {
		return nil
	}
	switch x := v.(type) {
	case pdfRef:
		if n, ok := w.number[int(x)]; ok {
			return pdfRef(n)
		}
		n := w.next()
		w.number[int(x)] = n
		w.objects[n-1] = w.copy(w.pdf.objects[int(x)], depth+1)
		return pdfRef(n)
	case pdfArray:
		out := make(pdfArray, len(x))
		for i, y := range x {
			out[i] = w.copy(y, depth+1)
		}
		return out
	case pdfDict:
		out := pdfDict{}
		for _, k := range look.Keys(x) {
			if !dropped[k] || x["Type"] == nil && x["Subtype"] == nil { // glyphs and fonts may be called A and B
				out[k] = w.copy(x[k], depth+1)
			}
		}
		return out
	case pdfStream:
		d, _ := w.copy(x.dict, depth+1).(pdfDict)
		d["Length"] = pdfWord(look.Itoa(len(x.raw)))
		return pdfStream{d, x.raw}
	}
	return v
}

func (w *pdfWriter) bytes(root int) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	at := make([]int, len(w.objects))
	for i, o := range w.objects {
		at[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n", i+1)
		put(&b, o)
		b.WriteString("\nendobj\n")
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, root, start)
	return b.Bytes()
}

// put writes a value, keys in order.
func put(b *bytes.Buffer, v any) {
	switch x := v.(type) {
	case pdfName:
		b.WriteByte('/')
		for _, c := range []byte(x) {
			if c <= 0x20 || c > 0x7e || delim(c) || c == '#' {
				fmt.Fprintf(b, "#%02X", c)
			} else {
				b.WriteByte(c)
			}
		}
	case pdfString:
		fmt.Fprintf(b, "<%x>", []byte(x))
	case pdfWord:
		b.WriteString(string(x))
	case pdfRef:
		fmt.Fprintf(b, "%d 0 R", int(x))
	case pdfArray:
		b.WriteByte('[')
		for i, y := range x {
			if i > 0 {
				b.WriteByte(' ')
			}
			put(b, y)
		}
		b.WriteByte(']')
	case pdfDict:
		b.WriteString("<<")
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, cmp.Compare[string])
		for _, k := range keys {
			put(b, pdfName(k))
			b.WriteByte(' ')
			put(b, x[k])
		}
		b.WriteString(">>")
	case pdfStream:
		put(b, x.dict)
		b.WriteString("\nstream\n")
		b.Write(x.raw)
		b.WriteString("\nendstream")
	default:
		b.WriteString("null")
	}
}
