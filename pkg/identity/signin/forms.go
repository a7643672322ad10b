package signin

import (
	"io"
	"strings"

	"golang.org/x/net/html"
)

// form is a form's target and its input fields with their values.
type form struct {
	action string
	fields map[string]string
}

func (f *form) has(field string) bool { _, ok := f.fields[field]; return ok }

// readForms returns the forms of a page and the text of its alert.
func readForms(r io.Reader) (forms []form, alert string) {
	z := html.NewTokenizer(r)
	var depth int
	var said strings.Builder
	for {
		switch z.Next() {
		case html.ErrorToken:
			return forms, strings.Join(strings.Fields(said.String()), " ")
		case html.TextToken:
			if depth > 0 {
				said.Write(z.Text())
				said.WriteByte(' ')
			}
		case html.EndTagToken:
			if depth > 0 {
				depth--
			}
		case html.SelfClosingTagToken:
			readTag(z.Token(), &forms)
		case html.StartTagToken:
			t := z.Token()
			if t.Data == "input" || t.Data == "br" || t.Data == "meta" || t.Data == "link" {
				readTag(t, &forms)
				continue
			}
			if depth > 0 || attr(t, "role") == "alert" {
				depth++
			}
			readTag(t, &forms)
		}
	}
}

func readTag(t html.Token, forms *[]form) {
	switch t.Data {
	case "form":
		*forms = append(*forms, form{action: attr(t, "action"), fields: map[string]string{}})
	case "input":
		if n := len(*forms); n > 0 && attr(t, "name") != "" {
			(*forms)[n-1].fields[attr(t, "name")] = attr(t, "value")
		}
	}
}

func attr(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
