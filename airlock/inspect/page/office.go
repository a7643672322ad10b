package page

import (
	"github.com/ark-tre/ark/airlock/disclosure"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/markup"
	"github.com/ark-tre/ark/airlock/inspect/pack"
	"github.com/ark-tre/ark/airlock/inspect/sheet"
)

// what to think of a part of a DOCX or PPTX, the first line that fits. Parts
// with an empty rule are read, or hold how things look.
var officeParts = []struct {
	shape *regexp.Regexp
	rule  string
}{
	{regexp.MustCompile(`(?i)vbaProject|vbaData|activeX|customUI|webextension|taskpanes|ctrlProps|keyMapCustomizations|attachedToolbars`), "page-active"},
	{regexp.MustCompile(`^(ppt|word)/printerSettings/printerSettings\d+\.bin$`), "page-metadata"},
	{regexp.MustCompile(`(?i)embeddings/|oleObject|package\d*\.bin|afchunk|altChunk|\.bin$`), "page-attachment"},
	{regexp.MustCompile(`(?i)comments|commentAuthors|people\.xml|notesSlides/|annotations`), "page-comment"},
	{regexp.MustCompile(`(?i)/charts?/|/chartEx|/diagrams/|/drawings/`), "page-data-maybe"},
	{regexp.MustCompile(`^\[Content_Types\]\.xml$|^_rels/\.rels$|^docProps/(app|core|custom)\.xml$|\.rels$`), ""},
	{regexp.MustCompile(`^docProps/thumbnail\.(jpe?g|png|emf|wmf)$`), "page-metadata"},
	{regexp.MustCompile(`^customXml/`), "page-metadata"},
	{regexp.MustCompile(`^word/(document|styles|stylesWithEffects|settings|webSettings|fontTable|numbering|footnotes|endnotes|header\d*|footer\d*)\.xml$|^word/(theme|glossary)/`), ""},
	{regexp.MustCompile(`^ppt/(presentation|presProps|viewProps|tableStyles|revisionInfo|changesInfos?)\.xml$|^ppt/(slides|slideLayouts|slideMasters|notesMasters|handoutMasters|theme)/[A-Za-z]+\d*\.xml$|^ppt/printerSettings/|^ppt/tags/`), ""},
	{regexp.MustCompile(`^(word|ppt)/media/`), ""},
	{regexp.MustCompile(`^word/fonts/|^ppt/fonts/`), "page-part-unknown"},
}

// Office looks at a DOCX or PPTX document. It is not written again: what is
// clean goes to a checker, and leaves as text or PDF.
func Office(media string) func(*look.Scope, look.File) look.Report {
	return func(s *look.Scope, f look.File) look.Report {
		r := look.Report{Media: media}
		parts, ok := pack.Open(s, &r, f)
		if !ok {
			return r
		}
		o := office{s: s, r: &r, f: f}
		for _, p := range parts {
			o.part(p)
		}
		if !o.body {
			r.Add(f, "file-unreadable", look.Nowhere)
			return r
		}
		s.Text(&r, f, o.text.String())
		r.Findings = slices.DeleteFunc(r.Findings, func(x disclosure.Finding) bool { return x.Rule == "text-spaces" })
		r.Add(f, "page-needs-eyes", look.Nowhere)
		r.Rebuilt, r.Ending = []byte(strings.TrimSpace(blank.ReplaceAllString(o.text.String(), "\n\n"))+"\n"), "txt"
		return r
	}
}

var blank = regexp.MustCompile(`\n{3,}`)

type office struct {
	s    *look.Scope
	r    *look.Report
	f    look.File
	text strings.Builder
	body bool
	pics int
}

func (o *office) part(p pack.Member) {
	rule, known := "page-part-unknown", false
	for _, x := range officeParts {
		if x.shape.MatchString(p.Name) {
			rule, known = x.rule, true
			break
		}
	}
	if rule != "" {
		o.r.Add(o.f, rule, look.Nowhere, "part", path.Dir(p.Name))
	}
	switch {
	case !known:
	case strings.Contains(p.Name, "/media/"):
		if o.pics++; o.f.Depth < look.MaxDepth {
			o.r.Take(o.s.Inspect(look.File{Name: o.f.Name + "!/" + path.Base(p.Name), Data: p.Data, Depth: o.f.Depth + 1}))
		}
	case strings.HasPrefix(p.Name, "docProps/") && strings.HasSuffix(p.Name, ".xml"):
		o.r.Add(o.f, "page-metadata", look.Nowhere)
		if sheet.Properties(o.s, o.r, o.f, p.Data, path.Base(p.Name) == "custom.xml", "page-metadata-data") != nil {
			o.r.Add(o.f, "file-unreadable", look.Nowhere)
		}
	case strings.HasSuffix(p.Name, ".xml") || strings.HasSuffix(p.Name, ".rels"):
		if o.xml(p) != nil {
			o.r.Add(o.f, "file-unreadable", look.Nowhere)
		}
	}
	o.body = o.body || p.Name == "word/document.xml" || p.Name == "ppt/presentation.xml"
}

// xml reads one part: its text in order, and what hides in it.
func (o *office) xml(p pack.Member) error {
	add := func(rule string) { o.r.Add(o.f, rule, look.Nowhere, "part", path.Dir(p.Name)) }
	shown := strings.HasPrefix(p.Name, "word/document") || strings.HasPrefix(p.Name, "ppt/slides/") || strings.HasPrefix(p.Name, "word/header") || strings.HasPrefix(p.Name, "word/foot") || strings.HasPrefix(p.Name, "word/endnotes")
	content := shown || strings.Contains(p.Name, "chart") || strings.Contains(p.Name, "diagram") || strings.HasPrefix(p.Name, "customXml/") || strings.Contains(p.Name, "drawing")
	m := markup.New(p.Data)
	length, points := 0, 0
	for {
		ok, err := m.Next()
		if !ok {
			if strings.HasPrefix(p.Name, "customXml/") && length > 1500 {
				add("page-hidden")
			}
			if points > 200 {
				add("page-data")
			}
			return err
		}
		switch m.Kind {
		case markup.Comment:
			if len(m.Data) > 100 {
				add("page-hidden")
			}
			o.s.Word(o.r, o.f, look.Nowhere, m.Data)
		case markup.Start:
			switch m.Name {
			case "ins", "del", "moveFrom", "moveTo", "rPrChange", "pPrChange", "cellIns", "cellDel", "delText", "sectPrChange", "tblPrChange":
				if m.Space == "w" && m.Attr("author")+m.Attr("date") != "" || m.Name == "delText" {
					add("page-changes")
				}
			case "vanish", "specVanish", "webHidden":
				if v := m.Attr("val"); shown && v != "0" && v != "false" && v != "off" {
					add("page-hidden")
				}
			case "commentRangeStart", "commentReference":
				add("page-comment")
			case "color":
				if shown && strings.EqualFold(m.Attr("val"), "FFFFFF") && m.Inside("rPr") {
					add("page-hidden")
				}
			case "sz":
				if v := m.Attr("val"); shown && (v == "1" || v == "2" || v == "3") && m.Inside("rPr") {
					add("page-hidden")
				}
			case "fldSimple", "instrText", "altChunk", "object", "OLEObject", "control":
				if m.Name != "fldSimple" && m.Name != "instrText" {
					add("page-attachment")
				}
				o.s.Word(o.r, o.f, look.Nowhere, m.Attr("instr"))
				if field := strings.ToUpper(m.Attr("instr")); strings.Contains(field, "DDE") || strings.Contains(field, "INCLUDE") {
					add("page-outside")
				}
			case "sld":
				if m.Attr("show") == "0" {
					add("page-hidden")
				}
			case "cNvPr", "docPr":
				o.s.Word(o.r, o.f, look.Nowhere, m.Attr("descr")+" "+m.Attr("title"))
				if len(m.Attr("descr")) > 400 || m.Attr("hidden") == "1" && shown {
					add("page-hidden")
				}
			case "Relationship":
				kind := path.Base(m.Attr("Type"))
				if strings.EqualFold(m.Attr("TargetMode"), "External") {
					if kind == "hyperlink" {
						o.r.Add(o.f, "page-outside-maybe", look.Nowhere)
						o.s.Word(o.r, o.f, look.Nowhere, m.Attr("Target"))
					} else {
						add("page-outside")
					}
				}
			case "docVar":
				add("page-hidden")
			case "externalData":
				add("page-data")
			case "pt":
				points++
			}
		case markup.End:
			if shown && (m.Name == "p" || m.Name == "tr") {
				o.text.WriteByte('\n')
			}
			if shown && m.Name == "tc" {
				o.text.WriteByte('\t')
			}
		case markup.Text:
			if length += len(strings.TrimSpace(m.Data)); !content || strings.TrimSpace(m.Data) == "" {
				continue
			}
			if shown && (m.Inside("t") || m.Inside("delText")) {
				o.text.WriteString(m.Data)
				continue
			}
			if m.Inside("instrText") {
				if field := strings.ToUpper(m.Data); strings.Contains(field, "DDE") || strings.Contains(field, "INCLUDE") {
					add("page-outside")
				}
			}
			o.s.Word(o.r, o.f, look.Nowhere, m.Data)
		}
	}
}
