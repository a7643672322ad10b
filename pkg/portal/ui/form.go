package ui

import (
	"net/url"
	"strings"
)

// Form is a form that posts.
type Form struct {
	ID        string
	Action    string
	Fields    []Field
	Submit    Button
	Cancel    *Link
	Multipart bool // carries files
	Guard     bool // ask before leaving with unsent text
	Hidden    []Pair
	More      []Button // further ways to send: name and value in Fields[0]
}

func (Form) block() string { return "form" }

// Field is one question. Kind is text, email, number, password, code, area,
// select, radios, checks, check, date, file or note.
type Field struct {
	Kind     string
	Name     string
	Label    string
	Hint     string
	Value    string
	Values   []string // of checks
	Options  []Option
	Error    string
	Rows     int
	Narrow   bool
	Big      bool // the label is the page's heading question
	Required bool
	Suffix   string
	Max      int // of characters, shown as a countdown
	Accept   string
	Multiple bool
	Auto     string // autocomplete
}

// Option is one choice.
type Option struct {
	Value, Text, Hint string
	Chosen            bool
	Off               string // why it can't be chosen
}

// Filled puts what was typed, and what was wrong with it, back into the
// fields: a form never loses an answer.
func Filled(fields []Field, typed url.Values, problems []Problem) []Field {
	out := make([]Field, len(fields))
	for i, f := range fields {
		if vs, ok := typed[f.Name]; ok {
			f.Value, f.Values = strings.Join(vs, "\n"), vs
			if f.Kind == "password" || f.Kind == "code" || f.Kind == "file" {
				f.Value = ""
			}
			for j := range f.Options {
				f.Options[j].Chosen = false
			}
		} else if typed != nil && f.Kind == "checks" {
			f.Values = nil
			for j := range f.Options {
				f.Options[j].Chosen = false
			}
		}
		for _, p := range problems {
			if p.Field == f.Name && f.Name != "" {
				f.Error = strings.TrimSpace(p.Text + " " + p.Remedy)
			}
		}
		out[i] = f
	}
	return out
}

// Picked reports whether option o of the field is chosen.
func (f Field) Picked(o Option) bool {
	if o.Chosen {
		return true
	}
	for _, v := range f.Values {
		if v == o.Value {
			return true
		}
	}
	return f.Value == o.Value && o.Value != "" && f.Kind != "checks"
}

// Describes lists the ids that describe the field to a screen reader.
func (f Field) Describes() string {
	var ids []string
	if f.Hint != "" {
		ids = append(ids, f.Name+"-hint")
	}
	if f.Error != "" {
		ids = append(ids, f.Name+"-error")
	}
	if f.Max > 0 {
		ids = append(ids, f.Name+"-info")
	}
	return strings.Join(ids, " ")
}
