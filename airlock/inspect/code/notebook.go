package code

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect/look"
)

type notebook struct {
	Cells    []nbCell                   `json:"cells"`
	Metadata map[string]json.RawMessage `json:"metadata"`
	Format   int                        `json:"nbformat"`
	Minor    int                        `json:"nbformat_minor"`
}

type nbCell struct {
	Kind        string                     `json:"cell_type"`
	Source      lines                      `json:"source"`
	Metadata    map[string]json.RawMessage `json:"metadata"`
	Outputs     []nbOutput                 `json:"outputs"`
	Attachments map[string]json.RawMessage `json:"attachments"`
	ID          string                     `json:"id"`
	Count       *int                       `json:"execution_count"`
}

type nbOutput struct {
	Kind      string                     `json:"output_type"`
	Text      lines                      `json:"text"`
	Data      map[string]json.RawMessage `json:"data"`
	Name      string                     `json:"name"`
	Traceback []string                   `json:"traceback"`
	Value     string                     `json:"evalue"`
}

// lines is a text that a notebook writes as one string or as many.
type lines string

// UnmarshalJSON reads either writing.
func (l *lines) UnmarshalJSON(b []byte) error {
	var many []string
	if json.Unmarshal(b, &many) == nil {
		*l = lines(strings.Join(many, ""))
		return nil
	}
	return json.Unmarshal(b, (*string)(l))
}

// Notebook looks at a Jupyter notebook, and writes one without outputs,
// attachments and metadata.
func Notebook(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/x-ipynb+json"}
	var n notebook
	if !look.TextLike(f.Data) || json.Unmarshal(f.Data, &n) != nil || n.Format != 4 || n.Cells == nil || duplicateKeys(f.Data) || unknown(f.Data, "cells", "metadata", "nbformat", "nbformat_minor") {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	nbMetadata(s, &r, f, n.Metadata, "kernelspec", "language_info", "kernel_info", "colab", "toc", "authors", "title", "orig_nbformat", "vscode", "interpreter", "jupytext")
	line := 0
	for i := range n.Cells {
		c := &n.Cells[i]
		src := string(c.Source)
		if !slices.Contains([]string{"code", "markdown", "raw"}, c.Kind) {
			r.Add(f, "file-unreadable", look.Nowhere)
		}
		part := look.Report{}
		s.Text(&part, f, src)
		if c.Kind == "code" {
			Literals(s, &part, f, src, 0)
		}
		for k := range part.Findings {
			if w := &part.Findings[k].Where; w.Line > 0 {
				w.Line += line
			}
			part.Findings[k].Evidence["cell"] = look.Itoa(i + 1)
		}
		r.Take(part)
		line += strings.Count(src, "\n") + 1
		if len(c.Attachments) > 0 {
			r.Add(f, "notebook-attachment", disclosure.Where{Line: line}, "cell", look.Itoa(i+1))
		}
		nbMetadata(s, &r, f, c.Metadata, "tags", "collapsed", "scrolled", "jupyter", "pycharm", "id", "editable", "deletable", "slideshow", "trusted", "execution", "vscode", "colab", "name", "outputId", "colab_type", "jupyter.source_hidden")
		if len(c.ID) > 64 {
			r.Add(f, "notebook-metadata", look.Nowhere, "cell", look.Itoa(i+1))
		}
		outputs(s, &r, f, c, i+1)
	}
	r.Add(f, "code-needs-eyes", look.Nowhere)
	r.Rebuilt = strip(n)
	return r
}

// outputs judges what a cell has printed: words without figures are taken
// away, anything that can show rows fails.
func outputs(s *look.Scope, r *look.Report, f look.File, c *nbCell, at int) {
	for _, o := range c.Outputs {
		text := string(o.Text) + o.Value + strings.Join(o.Traceback, "\n")
		rich := o.Kind == "error"
		for _, kind := range look.Keys(o.Data) {
			raw := o.Data[kind]
			var t lines
			if kind == "text/plain" && json.Unmarshal(raw, &t) == nil {
				text += string(t)
			} else {
				rich = true
			}
		}
		part := look.Report{}
		s.Text(&part, f, text)
		r.Take(part)
		digits := 0
		for _, c := range text {
			if c >= '0' && c <= '9' {
				digits++
			}
		}
		if rich || digits > 12 || strings.Count(text, "\n") > 6 || len(text) > 400 {
			r.Add(f, "notebook-output", look.Nowhere, "cell", look.Itoa(at))
		} else {
			r.Add(f, "notebook-output-removed", look.Nowhere, "cell", look.Itoa(at))
		}
	}
}

// nbMetadata refuses metadata beyond what programs write.
func nbMetadata(s *look.Scope, r *look.Report, f look.File, m map[string]json.RawMessage, usual ...string) {
	for _, k := range look.Keys(m) {
		v := m[k]
		if k == "widgets" {
			r.Add(f, "notebook-widgets", look.Nowhere)
			continue
		}
		if !slices.Contains(usual, k) && len(v) > 40 || len(v) > 1500 {
			r.Add(f, "notebook-metadata", look.Nowhere)
		}
		s.Word(r, f, look.Nowhere, k+" "+string(v))
	}
}

// strip writes the notebook again: sources only.
func strip(n notebook) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	out := map[string]any{"nbformat": 4, "nbformat_minor": 4, "metadata": kernel(n.Metadata)}
	cells := []map[string]any{}
	for _, c := range n.Cells {
		src := strings.SplitAfter(strings.TrimRight(string(tidy(string(c.Source))), "\n"), "\n")
		m := map[string]any{"cell_type": c.Kind, "metadata": map[string]any{}, "source": src}
		if c.Kind == "code" {
			m["execution_count"], m["outputs"] = nil, []any{}
		}
		cells = append(cells, m)
	}
	out["cells"] = cells
	enc.SetIndent("", " ")
	if enc.Encode(out) != nil {
		return nil
	}
	return b.Bytes()
}

// kernel keeps the language that a notebook is in.
func kernel(m map[string]json.RawMessage) map[string]any {
	var k struct {
		Name     string `json:"name"`
		Language string `json:"language"`
		Display  string `json:"display_name"`
	}
	_ = json.Unmarshal(m["kernelspec"], &k) // absent or odd: python3
	if k.Name == "" || len(k.Name) > 20 {
		k.Name, k.Display, k.Language = "python3", "Python 3", "python"
	}
	return map[string]any{"kernelspec": map[string]any{"name": k.Name, "display_name": k.Name, "language": k.Language}}
}
