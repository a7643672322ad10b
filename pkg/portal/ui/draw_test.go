package ui

import (
	"bytes"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

type fixed struct{}

func (fixed) URL(name string) (string, error) { return "/assets/x/" + name, nil }

// TestHostileTextIsText puts markup in every string of a page and looks for it
// in the drawn page as markup.
func TestHostileTextIsText(t *testing.T) {
	p, err := NewPrinter(fixed{})
	if err != nil {
		t.Fatal(err)
	}
	const evil = `"><script>alert(1)</script><img src=x onerror=y>'{{`
	blocks := []Block{Head2{}, Head3{}, Text{}, Said{}, Inset{}, Warning{}, Bullets{}, Links{}, Code{}, Details{}, Columns{}, Part{}, Actions{},
		Summary{}, Tasks{}, Cards{}, Figures{}, Meters{}, Timeline{}, Empty{}, Apps{}, Pager{}, Search{}, Results{}, Table{}, Form{}}
	page := Page{}
	fill(reflect.ValueOf(&page).Elem(), evil, 0)
	page.Body = nil
	for _, b := range blocks {
		v := reflect.New(reflect.TypeOf(b)).Elem()
		fill(v, evil, 0)
		page.Body = append(page.Body, v.Interface().(Block))
	}
	var frame Frame
	fill(reflect.ValueOf(&frame).Elem(), evil, 0)
	var out bytes.Buffer
	if err := p.Print(&out, frame, page); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script>alert", "<img src=x", "onerror=y>"} {
		if strings.Contains(out.String(), bad) {
			i := strings.Index(out.String(), bad)
			t.Errorf("%q is markup: …%s…", bad, out.String()[max(0, i-120):min(out.Len(), i+60)])
		}
	}
	if n := strings.Count(out.String(), "alert(1)"); n < 60 {
		t.Errorf("the text was shown only %d times; was it lost?", n)
	}
}

// TestScriptAddressesAreDefused gives a javascript: address to links.
func TestScriptAddressesAreDefused(t *testing.T) {
	p, err := NewPrinter(fixed{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	const evil = "javascript:alert(1)"
	if err := p.Print(&out, Frame{Nav: []Link{{Href: evil}}}, Page{Back: &Link{Href: evil}, Body: []Block{Links{Items: []Link{{Href: evil}}}, Apps{Items: []App{{Href: evil}}},
		Form{Action: evil}, Actions{Buttons: []Button{{Href: evil}, {Action: evil}}}}}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), evil) {
		t.Error("a script address was drawn")
	}
}

// fill sets every string reachable from v to s, two elements in every list.
func fill(v reflect.Value, s string, depth int) {
	if depth > 6 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), s, depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), s, depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), s, depth+1)
			}
		}
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[Block]() {
			v.Set(reflect.ValueOf(Text{Text: s}))
		}
	}
}

func TestFilledKeepsWhatWasTyped(t *testing.T) {
	fields := []Field{{Kind: "text", Name: "title", Value: "old"}, {Kind: "checks", Name: "p", Options: []Option{{Value: "a", Chosen: true}, {Value: "b"}}}, {Kind: "code", Name: "otp"}}
	got := Filled(fields, url.Values{"title": {"new"}, "p": {"b"}, "otp": {"123456"}}, []Problem{{Field: "title", Text: "Too short.", Remedy: "Say more."}})
	if got[0].Value != "new" || got[0].Error != "Too short. Say more." {
		t.Errorf("title: %+v", got[0])
	}
	if got[1].Picked(Option{Value: "a"}) || !got[1].Picked(Option{Value: "b"}) {
		t.Errorf("choices: %+v", got[1])
	}
	if got[2].Value != "" {
		t.Error("a one-time code was put back")
	}
}
