package ui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed templates/*.html
var sources embed.FS

// Addresses gives the address of an asset.
type Addresses interface {
	URL(name string) (string, error)
}

// Printer draws pages. It is made once and used from many goroutines.
type Printer struct{ set *template.Template }

// NewPrinter reads the templates. A broken one is an error at the start, not
// on somebody's page.
func NewPrinter(assets Addresses) (*Printer, error) {
	p := &Printer{}
	t := template.New("").Option("missingkey=error").Funcs(template.FuncMap{
		"asset":  assets.URL,
		"draw":   p.draw,
		"raw":    func(x Prose) template.HTML { return template.HTML(x.html) }, //nolint:gosec // Prose is made from constants only
		"add":    func(a, b int) int { return a + b },
		"dict":   dict,
		"option": func(f Field, i int) string { return optionID(f.Name, i) },
	})
	t, err := t.ParseFS(sources, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("ui: read templates: %w", err)
	}
	p.set = t
	return p, nil
}

// optionID is the id of a radio or check; the first has the field's own name,
// so that a link in the error summary lands on it.
func optionID(name string, i int) string {
	if i == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, i+1)
}

func dict(kv ...any) (map[string]any, error) {
	if len(kv)%2 != 0 {
		return nil, fmt.Errorf("ui: dict wants pairs")
	}
	m := make(map[string]any, len(kv)/2)
	for i := 0; i < len(kv); i += 2 {
		k, ok := kv[i].(string)
		if !ok {
			return nil, fmt.Errorf("ui: dict wants names")
		}
		m[k] = kv[i+1]
	}
	return m, nil
}

// draw renders one block.
func (p *Printer) draw(b Block) (template.HTML, error) {
	if b == nil {
		return "", nil
	}
	var buf bytes.Buffer
	if err := p.set.ExecuteTemplate(&buf, b.block(), b); err != nil {
		return "", err
	}
	return template.HTML(buf.String()), nil //nolint:gosec // html/template escaped it
}

// Print writes the whole page, or nothing and an error.
func (p *Printer) Print(w io.Writer, f Frame, page Page) error {
	var buf bytes.Buffer
	err := p.set.ExecuteTemplate(&buf, "layout", map[string]any{"Frame": f, "Page": page})
	if err != nil {
		return fmt.Errorf("ui: draw page: %w", err)
	}
	_, err = w.Write(buf.Bytes())
	return err
}

// constant is a string that only source code can make: no variable of type
// string converts to it without saying so.
type constant string

// NewProse makes a block of markup from a constant of this program.
func NewProse(html constant) Prose { return Prose{html: string(html)} }
