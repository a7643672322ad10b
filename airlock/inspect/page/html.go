package page

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/ark-tre/ark/airlock/inspect/code"
	"github.com/ark-tre/ark/airlock/inspect/look"
)

// kept are the elements of a rebuilt page.
var kept = elements("html head title meta body h1 h2 h3 h4 h5 h6 p br hr div span section article header footer main nav aside ul ol li dl dt dd table thead tbody tfoot tr th td caption colgroup col b i u s em strong small sub sup code pre kbd blockquote q cite abbr time figure figcaption img a center font tt samp var mark del ins wbr")

// active are those that run, fetch or take input.
var active = elements("iframe frame frameset object embed applet audio video source track portal form input button textarea select option base template slot canvas dialog")

func elements(list string) map[string]bool {
	m := map[string]bool{}
	for _, e := range strings.Fields(list) {
		m[e] = true
	}
	return m
}

// libraries are the beginnings by which the plotting and document libraries
// are known whose scripts tools put into pages. They are removed either way:
// being known only spares the page a refusal.
var libraries = regexp.MustCompile(`(?i)plotly\.js v|Copyright \(c\)? ?(20\d\d[-–0-9]*,? )?Plotly|@license|MathJax|requirejs|Bokeh|BokehJS|vega-?(lite|embed)|jquery|htmlwidgets|d3js\.org|bootstrap|\* Licensed under|highlight\.js|Copyright \(c\) 2012 - 20\d\d, Anaconda|pandoc|Released under the|mpld3|leaflet|DataTables`)

// hosts are those that tools load these libraries from.
var hosts = regexp.MustCompile(`^https?://(cdn\.plot\.ly|cdn\.jsdelivr\.net|cdnjs\.cloudflare\.com|unpkg\.com|cdn\.bokeh\.org|cdn\.pydata\.org|mathjax\.rstudio\.com|code\.jquery\.com|d3js\.org|vega\.github\.io|mpld3\.github\.io)/`)

// reaches are calls by which a script sends data out or runs more.
var reaches = regexp.MustCompile(`(?i)\bfetch\s*\(|XMLHttpRequest|sendBeacon|WebSocket|EventSource|\beval\s*\(|new Function\s*\(|document\.write|new Image\s*\(|importScripts|RTCPeerConnection|\batob\s*\(|window\.open|location\.(href|assign|replace)`)

type htmlPage struct {
	s      *look.Scope
	r      *look.Report
	f      look.File
	out    strings.Builder
	texts  strings.Builder
	tables []look.Table
	images int
}

// HTML looks at a web page and writes one of text, tables and pictures.
func HTML(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "text/html"}
	if !utf8.Valid(f.Data) || bytes.IndexByte(f.Data, 0) >= 0 {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	p := &htmlPage{s: s, r: &r, f: f}
	doc, err := html.Parse(bytes.NewReader(f.Data))
	if err != nil {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	p.comments(f.Data)
	p.node(doc, 0)
	shown := look.Report{}
	s.Text(&shown, f, p.texts.String())
	for _, x := range shown.Findings { // blanks of a page's source are not seen
		if x.Rule != "text-spaces" {
			r.Findings = append(r.Findings, x)
		}
	}
	for _, t := range p.tables {
		s.Table(&r, f, t)
	}
	r.Tables = p.tables
	r.Add(f, "page-needs-eyes", look.Nowhere)
	r.Rebuilt = []byte("<!DOCTYPE html>\n" + p.out.String() + "\n")
	return r
}

// comments judges what the page says to nobody.
func (p *htmlPage) comments(data []byte) {
	z := html.NewTokenizer(bytes.NewReader(data))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				p.r.Add(p.f, "file-unreadable", look.Nowhere)
			}
			return
		case html.CommentToken:
			t := string(z.Text())
			p.s.Word(p.r, p.f, look.Nowhere, t)
			if len(t) > 300 && !libraries.MatchString(t) {
				p.r.Add(p.f, "page-hidden", look.Nowhere, "comment", look.Itoa(len(t)))
			}
		}
	}
}

func (p *htmlPage) node(n *html.Node, depth int) {
	if depth > 400 {
		p.r.Add(p.f, "file-unreadable", look.Nowhere)
		return
	}
	switch n.Type {
	case html.TextNode:
		p.texts.WriteString(n.Data)
		if t := strings.TrimSpace(n.Data); t != "" || n.Data != "" {
			p.out.WriteString(html.EscapeString(n.Data))
		}
		return
	case html.ElementNode:
		if !p.element(n) {
			return
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		p.node(c, depth+1)
	}
	if n.Type == html.ElementNode {
		if n.DataAtom == atom.Table {
			p.table(n)
		}
		if block[n.Data] {
			p.texts.WriteString("\n")
		} else if n.DataAtom == atom.Td || n.DataAtom == atom.Th {
			p.texts.WriteString(" ")
		}
		if n.DataAtom != atom.Br && n.DataAtom != atom.Img && n.DataAtom != atom.Hr && n.DataAtom != atom.Meta && n.DataAtom != atom.Col && n.DataAtom != atom.Wbr {
			p.out.WriteString("</" + n.Data + ">")
		}
	}
}

var block = elements("p div tr li h1 h2 h3 h4 h5 h6 pre table section br dt dd title caption")

// element judges an element and opens it in the new page; false: it and what
// it holds stay out.
func (p *htmlPage) element(n *html.Node) bool {
	attr := map[string]string{}
	for _, a := range n.Attr {
		attr[strings.ToLower(a.Key)] = a.Val
		if k := strings.ToLower(a.Key); strings.HasPrefix(k, "on") && len(k) > 3 {
			p.r.Add(p.f, "page-active", look.Nowhere, "attribute", "on…")
		} else if strings.HasPrefix(k, "data-") || k == "title" || k == "alt" || k == "aria-label" || k == "content" || k == "value" {
			p.s.Word(p.r, p.f, look.Nowhere, a.Val)
			if len(a.Val) > 400 {
				p.r.Add(p.f, "page-hidden", look.Nowhere, "attribute", look.Itoa(len(a.Val)))
			}
		}
	}
	switch n.Data {
	case "script":
		p.script(n, attr)
		return false
	case "style":
		css := inner(n)
		if strings.Contains(css, "@import") || strings.Contains(strings.ReplaceAll(css, `url("data:`, ""), "url(http") {
			p.r.Add(p.f, "page-outside-maybe", look.Nowhere)
		}
		return false
	case "link":
		if h := attr["href"]; h != "" && !strings.HasPrefix(h, "#") && !strings.HasPrefix(h, "data:text/css") {
			if hosts.MatchString(h) || !strings.Contains(h, "//") {
				p.r.Add(p.f, "page-outside-maybe", look.Nowhere)
			} else {
				p.r.Add(p.f, "page-outside", look.Nowhere)
			}
		}
		return false
	case "noscript":
		return false
	case "svg":
		p.svg(n)
		return false
	case "meta":
		if strings.EqualFold(attr["http-equiv"], "refresh") {
			p.r.Add(p.f, "page-active", look.Nowhere, "element", "refresh")
		}
		return false
	case "img":
		p.image(attr["src"])
		return false
	}
	if active[n.Data] {
		rule := "page-active"
		if n.Data == "form" || n.Data == "input" || n.Data == "textarea" || n.Data == "select" || n.Data == "button" || n.Data == "option" {
			rule = "page-form"
		}
		if n.Data == "canvas" || n.Data == "template" {
			rule = "page-hidden"
		}
		p.r.Add(p.f, rule, look.Nowhere, "element", n.Data)
		return false
	}
	if hidden(attr) {
		if t := strings.TrimSpace(inner(n)); t != "" {
			p.r.Add(p.f, "page-hidden", look.Nowhere, "element", n.Data)
			p.s.Word(p.r, p.f, look.Nowhere, t[:min(len(t), 20000)])
		}
		return false
	}
	if !kept[n.Data] {
		if strings.Contains(n.Data, "-") || n.Data == "details" || n.Data == "math" {
			p.r.Add(p.f, "page-hidden", look.Nowhere, "element", "unknown")
		}
		return false
	}
	if h := attr["href"]; n.Data == "a" && strings.HasPrefix(strings.ToLower(strings.TrimSpace(h)), "javascript:") || n.Data == "a" && strings.HasPrefix(h, "data:") {
		p.r.Add(p.f, "page-active", look.Nowhere, "address", "script or data")
	} else if n.Data == "a" && h != "" {
		p.s.Word(p.r, p.f, look.Nowhere, h)
		if len(h) > 300 {
			p.r.Add(p.f, "page-outside", look.Nowhere)
		}
	}
	p.out.WriteString("<" + n.Data)
	for _, k := range []string{"colspan", "rowspan"} {
		if v := attr[k]; v != "" && len(v) < 4 && strings.Trim(v, "0123456789") == "" {
			p.out.WriteString(` ` + k + `="` + v + `"`)
		}
	}
	p.out.WriteString(">")
	return true
}

// hidden reports whether an element shows nothing.
func hidden(attr map[string]string) bool {
	if _, ok := attr["hidden"]; ok {
		return true
	}
	st := strings.ReplaceAll(strings.ToLower(attr["style"]), " ", "")
	for _, w := range []string{"display:none", "visibility:hidden", "font-size:0", "opacity:0;", "left:-9", "top:-9", "text-indent:-9", "color:transparent", "color:#fff;", "color:white", "color:#ffffff", "clip:rect(0"} {
		if strings.Contains(st+";", w) && !(strings.HasPrefix(w, "color:") && strings.Contains(st, "background")) {
			return true
		}
	}
	return false
}

func inner(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return b.String()
}

// script judges a script, which never stays.
func (p *htmlPage) script(n *html.Node, attr map[string]string) {
	p.r.Add(p.f, "page-script-removed", look.Nowhere)
	if src := attr["src"]; src != "" {
		switch {
		case hosts.MatchString(src):
			p.r.Add(p.f, "page-outside-maybe", look.Nowhere)
		case strings.HasPrefix(src, "data:"):
			p.r.Add(p.f, "page-active", look.Nowhere, "script", "data")
		default:
			p.r.Add(p.f, "page-outside", look.Nowhere)
		}
	}
	text := inner(n)
	if strings.TrimSpace(text) == "" {
		return
	}
	if len(text) > 20000 && libraries.MatchString(text[:20000]) && !strings.HasSuffix(attr["type"], "json") {
		return
	}
	if len(text) > 100 && libraries.MatchString(text[:min(len(text), 400)]) && !strings.Contains(text, "newPlot") {
		p.data(text, false)
		return
	}
	if reaches.MatchString(text) && !strings.Contains(text, "Plotly.") && !strings.Contains(text, "requirejs") && !strings.Contains(text, "Bokeh") {
		p.r.Add(p.f, "page-active", look.Nowhere, "script", "reaches out")
	}
	p.data(text, true)
}

// untemplated drops the colours and fonts that plotly writes with every plot.
func untemplated(text string) string {
	for {
		i := strings.Index(text, `"template":{`)
		if i < 0 {
			return text
		}
		depth, j := 0, i+len(`"template":`)
		for ; j < len(text); j++ {
			if text[j] == '{' {
				depth++
			} else if text[j] == '}' {
				if depth--; depth == 0 {
					break
				}
			}
		}
		text = text[:i] + `"":0` + text[min(j+1, len(text)):]
	}
}

var bdata = regexp.MustCompile(`"bdata"\s*:\s*"([A-Za-z0-9+/=\\]+)"`)

// packed are long words of base64, such as bokeh packs arrays in.
var packed = regexp.MustCompile(`"[A-Za-z0-9+/]{400,}={0,2}"`)

// data judges the figures that a script carries: plots keep their data so.
// little says that a little of it is worth a look as well.
func (p *htmlPage) data(text string, little bool) {
	part := look.Report{}
	code.Literals(p.s, &part, p.f, untemplated(text), 0)
	n := 0
	for _, m := range bdata.FindAllStringSubmatch(text, 64) { // plotly's packed arrays
		raw, _ := base64.StdEncoding.DecodeString(strings.NewReplacer(`\u002f`, "/", `\u002b`, "+", `\`, "").Replace(m[1]))
		n = max(n, len(raw))
	}
	for _, m := range packed.FindAllString(text, 64) { // others', in base64
		n = max(n, len(m))
	}
	switch {
	case part.Has("code-literals") || n > 800:
		p.r.Add(p.f, "page-data", look.Nowhere, "bytes", look.Itoa(len(text)))
	case !little:
	case part.Has("code-literals-maybe") || n > 0 || len(text) > 400:
		p.r.Add(p.f, "page-data-maybe", look.Nowhere, "bytes", look.Itoa(len(text)))
	}
	for line := range strings.Lines(text) {
		if len(line) > 1<<20 {
			line = line[:1<<20]
		}
		w := look.Report{}
		p.s.Word(&w, p.f, look.Nowhere, line)
		for _, x := range w.Findings {
			if strings.HasPrefix(x.Rule, "identifier-known") || x.Rule == "identifier-nhs-number" || x.Rule == "identifier-pseudonym" || x.Rule == "text-invisible" {
				p.r.Add(p.f, x.Rule, look.Nowhere)
			}
		}
	}
}

// svg looks at a drawing inside the page.
func (p *htmlPage) svg(n *html.Node) {
	var b bytes.Buffer
	if html.Render(&b, n) != nil {
		return
	}
	got := p.s.Inspect(look.File{Name: p.f.Name + "!/drawing.svg", Data: b.Bytes(), Depth: p.f.Depth + 1})
	p.r.Take(got)
}

// image looks at a picture inside the page and puts its clean copy there.
func (p *htmlPage) image(src string) {
	kind, data, ok := strings.Cut(src, ";base64,")
	ending := map[string]string{"data:image/png": "png", "data:image/jpeg": "jpg"}[kind]
	switch {
	case src == "":
	case strings.HasPrefix(src, "data:image/svg+xml"):
		p.r.Add(p.f, "page-hidden", look.Nowhere, "element", "img")
	case !ok || ending == "":
		p.r.Add(p.f, "page-outside", look.Nowhere)
	default:
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(data), ""))
		if p.images++; err != nil || p.images > 100 {
			p.r.Add(p.f, "page-hidden", look.Nowhere, "element", "img")
			return
		}
		got := p.s.Inspect(look.File{Name: p.f.Name + "!/picture" + look.Itoa(p.images) + "." + ending, Data: raw, Depth: p.f.Depth + 1})
		p.r.Take(got)
		if got.Rebuilt != nil {
			media := map[string]string{"png": "image/png", "jpg": "image/jpeg"}[ending]
			if got.Ending == "png" {
				media = "image/png"
			}
			p.out.WriteString(`<img src="data:` + media + `;base64,` + base64.StdEncoding.EncodeToString(got.Rebuilt) + `">`)
		}
	}
}

// table lays a page's table out.
func (p *htmlPage) table(n *html.Node) {
	t := look.Table{Text: true}
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && n.DataAtom == atom.Tr {
			var row []string
			for c := n.FirstChild; c != nil; c = c.NextSibling {
				if c.Type == html.ElementNode && (c.DataAtom == atom.Td || c.DataAtom == atom.Th) {
					row = append(row, strings.TrimSpace(inner(c)))
				}
			}
			t.Rows = append(t.Rows, row)
			return
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	if len(t.Rows) > 1 && len(p.tables) < 200 {
		t.Sheet = "table " + look.Itoa(len(p.tables)+1)
		p.tables = append(p.tables, t)
	}
}
