package sheet

import (
	"path"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/markup"
)

// charts reads what charts keep and compares it with what cells show; pictures
// are looked at as files.
func (b *book) charts(members []part) {
	for _, p := range members {
		switch {
		case strings.HasPrefix(p.Name, "xl/media/"):
			if b.f.Depth >= look.MaxDepth {
				b.r.Add(b.f, "archive-deep", look.Nowhere)
				return
			}
			got := b.s.Inspect(look.File{Name: b.f.Name + "!/" + path.Base(p.Name), Data: p.Data, Depth: b.f.Depth + 1})
			b.r.Take(got)
		case (strings.HasPrefix(p.Name, "xl/charts/") || strings.HasPrefix(p.Name, "xl/drawings/")) && strings.HasSuffix(p.Name, ".xml"):
			if err := b.chart(p); err != nil {
				b.r.Add(b.f, "file-unreadable", look.Nowhere)
			}
		case strings.HasPrefix(p.Name, "xl/charts/") || strings.HasPrefix(p.Name, "xl/drawings/"):
			if strings.HasSuffix(p.Name, ".rels") {
				dir, base := path.Split(p.Name)
				if _, err := b.relations(strings.TrimSuffix(dir, "_rels/") + strings.TrimSuffix(base, ".rels")); err != nil {
					b.r.Add(b.f, "file-unreadable", look.Nowhere)
				}
				continue
			}
			b.r.Add(b.f, "sheet-part-unknown", look.Nowhere, "part", partName(p.Name))
		}
	}
}

// chart judges the points that a chart keeps and the texts of a drawing.
func (b *book) chart(p part) error {
	m := markup.New(p.Data)
	missing, points := 0, 0
	for {
		ok, err := m.Next()
		if !ok {
			if missing > 0 && missing*5 > points {
				b.r.Add(b.f, "sheet-chart-data", look.Nowhere, "points", look.Itoa(missing))
			}
			return err
		}
		if m.Kind == markup.Start && m.Name == "externalData" {
			b.r.Add(b.f, "sheet-connection", look.Nowhere)
		}
		if m.Kind == markup.Start && m.Name == "cNvPr" {
			b.s.Word(b.r, b.f, look.Nowhere, m.Attr("descr")+" "+m.Attr("title"))
			if yes(m.Attr("hidden")) {
				b.r.Add(b.f, "sheet-hidden-cells", look.Nowhere)
			}
			if len(m.Attr("descr")) > 400 {
				b.r.Add(b.f, "sheet-properties-data", look.Nowhere)
			}
		}
		if m.Kind != markup.Text || strings.TrimSpace(m.Data) == "" {
			continue
		}
		switch {
		case m.Inside("v") && (m.Inside("numCache") || m.Inside("strCache") || m.Inside("numLit") || m.Inside("strLit")):
			points++
			if !b.shows(m.Data) {
				missing++
			}
		default:
			b.s.Word(b.r, b.f, look.Nowhere, m.Data)
		}
	}
}

// shows reports whether a visible cell holds a chart's value.
func (b *book) shows(v string) bool {
	if b.shown[v] || b.shown[strings.TrimSpace(v)] {
		return true
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return false
	}
	return b.shown[strconv.FormatFloat(n, 'g', -1, 64)] || b.shown[strconv.FormatFloat(n, 'f', -1, 64)] || n > 0 && n < 80000 && b.shown[serial(n)]
}

// properties judges the document's properties.
func (b *book) properties() {
	for _, name := range []string{"docProps/core.xml", "docProps/app.xml", "docProps/custom.xml"} {
		data, ok := b.parts[name]
		if !ok {
			continue
		}
		b.r.Add(b.f, "sheet-properties", look.Nowhere)
		if err := Properties(b.s, b.r, b.f, data, name == "docProps/custom.xml", "sheet-properties-data"); err != nil {
			b.r.Add(b.f, "file-unreadable", look.Nowhere)
		}
	}
}

// Properties judges one part of an Office document's properties.
func Properties(s *look.Scope, r *look.Report, f look.File, data []byte, custom bool, rule string) error {
	m := markup.New(data)
	total, n := 0, 0
	for {
		ok, err := m.Next()
		if !ok {
			if custom && (total > 200 || n > 8) {
				r.Add(f, rule, look.Nowhere)
			}
			return err
		}
		if m.Kind != markup.Text || strings.TrimSpace(m.Data) == "" {
			continue
		}
		s.Word(r, f, look.Nowhere, m.Data)
		total += len(m.Data)
		n++
		if !m.Inside("TitlesOfParts") && !m.Inside("HeadingPairs") && (len(m.Data) > 160 || strings.Count(m.Data, ",") > 12) {
			r.Add(f, rule, look.Nowhere)
		}
	}
}
