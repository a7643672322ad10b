package page

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// write writes the pages with what they draw: contents and resources, nothing
// else: streams folded anew, pictures drawn anew; false where a part can't be
// followed.
func (p *pdf) write(pages []pdfDict) (made []byte, ok bool) {
	w := &pdfWriter{pdf: p, number: map[int]int{}}
	w.draws(pages)
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
	return w.bytes(root), !w.unknown
}

type pdfWriter struct {
	*pdf
	number  map[int]int
	objects []any
	drawing map[int]bool // objects that say what is drawn, by their number in the original
	unknown bool         // something could not be followed
	id      int          // of the object that is copied
}

// draws notes the objects that say what is drawn: contents of pages and glyphs.
func (w *pdfWriter) draws(pages []pdfDict) {
	w.drawing = map[int]bool{}
	note := func(v any) {
		if r, ok := v.(pdfRef); ok {
			w.drawing[int(r)] = true
			if to, ok := w.pdf.objects[int(r)].(pdfRef); ok {
				w.drawing[int(to)] = true
			}
		}
	}
	for _, pg := range pages {
		note(pg["Contents"])
		if a, ok := w.get(pg["Contents"]).(pdfArray); ok {
			for _, x := range a {
				note(x)
			}
		}
	}
	for _, o := range w.pdf.objects {
		for _, glyph := range w.dict(w.dict(o)["CharProcs"]) {
			note(glyph)
		}
	}
}

// said is a content stream as its operators: without comments, and without
// pictures inside it, which are not understood.
func (w *pdfWriter) said(b []byte) []byte {
	var out bytes.Buffer
	l := &lexer{in: b}
	for {
		v, err := l.value()
		if errors.Is(err, io.EOF) {
			return out.Bytes()
		}
		if err != nil || v == pdfWord("BI") {
			w.unknown = true
			return nil
		}
		put(&out, v)
		out.WriteByte('\n')
	}
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
		w.id = int(x)
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
		id := w.id
		if w.get(x.dict["Subtype"]) == pdfName("Image") {
			p, ok := w.redrawn(x, depth)
			w.unknown = w.unknown || !ok
			return p
		}
		d, _ := w.copy(x.dict, depth+1).(pdfDict)
		b, ok := w.decode(x)
		if x.dict["DecodeParms"] != nil || !ok {
			w.unknown = true
			return nil
		}
		if w.drawing[id] || w.get(x.dict["Subtype"]) == pdfName("Form") || x.dict["PatternType"] != nil {
			b = w.said(b)
		}
		return folded(d, b)
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
