package portal

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"sort"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

const codesBytes = 8 << 20

func (p *Portal) codeListRoutes() []Route {
	return []Route{
		{Pattern: "GET /code-lists", Action: "self.read", On: whole, Serve: p.codeLists},
		{Pattern: "POST /code-lists", Action: "codelist.add", On: whole, Serve: p.addCodeList, Body: codesBytes},
		{Pattern: "GET /code-lists/{ref}", Action: "self.read", On: whole, Serve: p.codeList},
		{Pattern: "GET /code-lists/{ref}/codes.csv", Action: "self.read", On: whole, Serve: p.codeListCSV},
	}
}

func (p *Portal) codeLists(c *Call) error {
	return p.draw(c, p.codeListsPage(c))
}

func (p *Portal) codeListsPage(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var all []catalogue.CodeList
		var dir *directory
		if err := c.view(func(q store.Querier) error {
			var err error
			if all, err = catalogue.CodeLists(c.Ctx(), q); err != nil {
				return err
			}
			dir, err = readDirectory(c.Ctx(), q)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		sort.SliceStable(all, func(i, j int) bool {
			return all[i].Name < all[j].Name || all[i].Name == all[j].Name && all[i].Number > all[j].Number
		})
		t := ui.Table{Caption: "Code lists, the newest version first", Columns: ui.Cols("List", "Title", "System", "#Codes", "By", "Added"), Empty: &ui.Empty{Text: "No code list has been added yet."}}
		for _, l := range all {
			t.Rows = append(t.Rows, []ui.Cell{{Text: l.Ref(), Href: "/code-lists/" + l.Ref(), Head: true}, {Text: l.Title}, {Text: catalogue.CodeSystems()[l.System]}, {Text: number(l.Size)}, {Text: dir.org(l.Org)}, {Text: day(l.At)}})
		}
		systems := ui.Field{Kind: "select", Name: "system", Label: "Code system", Hint: "Every code is checked by its own rule."}
		for _, k := range slices.Sorted(maps.Keys(catalogue.CodeSystems())) {
			systems.Options = append(systems.Options, ui.Option{Value: k, Text: capital(catalogue.CodeSystems()[k])})
		}
		fields := []ui.Field{{Kind: "text", Narrow: true, Name: "name", Label: "Name", Hint: "Lower-case letters, digits and hyphens. A known name of your organisation gets its next version."}, {Kind: "text", Name: "title", Label: "Title"}, systems,
			{Kind: "text", Name: "origin", Label: "Where it comes from", Hint: "Publisher and licence, if it is not your own."}, {Kind: "area", Name: "codes", Label: "Codes", Hint: "CSV with the columns code and term, with that header line.", Rows: 10}}
		return ui.Page{Back: &ui.Link{Text: "Catalogue", Href: "/catalogue"}, Head: "Code lists", Errors: wrong, Lead: "Sets of codes with a name and a version. A version never changes: an application, a question or a contract that names it means the same for ever.",
			Body: []ui.Block{t, ui.Head2{Text: "Use one"}, ui.Code{Text: "code IN LIST 'kidney-disease@2'"}, ui.Text{Text: "in a filter; or in a contract, under code_lists: list: kidney-disease@2"},
				ui.Head2{Text: "Add a list, or its next version"}, ui.Form{Action: "/code-lists", Guard: true, Fields: ui.Filled(fields, typed, wrong), Submit: ui.Button{Text: "Add", Off: c.Off("codelist.add", "Ark", "ark")}}}}, nil
	}
}

func (p *Portal) addCodeList(c *Call) error {
	return c.Attempt(p.codeListsPage(c), func(form url.Values) (string, error) {
		codes, err := catalogue.ReadCodes(form.Get("system"), strings.NewReader(strings.TrimSpace(form.Get("codes"))))
		if err != nil {
			return "", err
		}
		l, err := p.cfg.Rooms.Catalogue.AddCodeList(c.Ctx(), c.Actor, catalogue.CodeList{Name: strings.TrimSpace(form.Get("name")), Title: strings.TrimSpace(form.Get("title")), System: form.Get("system"), Origin: form.Get("origin"), Codes: codes})
		if err != nil {
			return "", err
		}
		return "/code-lists/" + l.Ref(), nil
	})
}

func (p *Portal) readCodeList(c *Call, ref string) (l *catalogue.CodeList, dir *directory, err error) {
	err = c.view(func(q store.Querier) error {
		if l, err = catalogue.GetCodeList(c.Ctx(), q, ref); err != nil {
			return notThere(err)
		}
		dir, err = readDirectory(c.Ctx(), q)
		return err
	})
	return l, dir, err
}

func (p *Portal) codeList(c *Call) error {
	l, dir, err := p.readCodeList(c, c.R.PathValue("ref"))
	if err != nil {
		return err
	}
	const most = 500
	t := ui.Table{Caption: "Codes", Columns: ui.Cols("Code", "Term")}
	for _, x := range l.Codes[:min(most, len(l.Codes))] {
		t.Rows = append(t.Rows, []ui.Cell{{Text: x.Code, Head: true}, {Text: x.Term}})
	}
	page := ui.Page{Back: &ui.Link{Text: "Code lists", Href: "/code-lists"}, Above: "Code list", Head: l.Title, Lead: l.Ref() + ", " + count(l.Size, "code") + " of " + catalogue.CodeSystems()[l.System] + ".",
		Body: []ui.Block{ui.Summary{Rows: []ui.Row{{Key: "Made by", Text: dir.user(l.By) + ", " + dir.org(l.Org)}, {Key: "Added", Text: when(l.At)}, {Key: "Where it comes from", Text: orText(l.Origin, "their own")}, {Key: "Hash of the codes", Text: l.Hash}}},
			ui.Actions{Buttons: []ui.Button{{Text: "Download as CSV", Href: "/code-lists/" + l.Ref() + "/codes.csv", Look: "secondary"}}}, t}}
	if len(l.Codes) > most {
		page.Body = append(page.Body, ui.Text{Soft: true, Text: "The first " + number(most) + " are shown; the file has all."})
	}
	return c.Page(page)
}

func (p *Portal) codeListCSV(c *Call) error {
	l, _, err := p.readCodeList(c, c.R.PathValue("ref"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := l.WriteCSV(&b); err != nil {
		return err
	}
	return c.attach("text/csv; charset=utf-8", l.Name+"-"+number(l.Number)+".csv", b.Bytes())
}

type codeListIn struct {
	Body struct {
		Name   string `json:"name" maxLength:"63"`
		Title  string `json:"title" minLength:"1" maxLength:"300"`
		System string `json:"system" enum:"snomed,icd10,dmd,loinc,other"`
		Origin string `json:"origin,omitempty" maxLength:"1000"`
		CSV    string `json:"csv" maxLength:"8000000" doc:"Columns code and term, with that header line"`
	}
}

type codeListRefIn struct {
	Ref string `path:"ref" maxLength:"80" doc:"name@version"`
}

func (p *Portal) codeListOperations(a *API) error {
	return errors.Join(
		operation(a, Op{Method: get, Path: "/code-lists", Action: "self.read", On: "Ark", Tag: "Data", Summary: "Every version of every code list, without the codes"}, func(c *Call, in *Paged) (*Body[List[catalogue.CodeList]], error) {
			all, err := read(c, catalogue.CodeLists)
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(l catalogue.CodeList) string { return l.ID }, *in), nil
		}),
		operation(a, Op{Method: get, Path: "/code-lists/{ref}", Action: "self.read", On: "Ark", Tag: "Data", Summary: "A version of a code list, with its codes"}, func(c *Call, in *codeListRefIn) (*Body[*catalogue.CodeList], error) {
			return read(c, func(ctx context.Context, q store.Querier) (*catalogue.CodeList, error) {
				l, err := catalogue.GetCodeList(ctx, q, in.Ref)
				return l, notThere(err)
			})
		}),
		operation(a, Op{Method: post, Path: "/code-lists", Action: "codelist.add", On: "Ark", Tag: "Data", Summary: "Add a code list, or its next version", Body: 10 << 20}, func(c *Call, in *codeListIn) (*Body[*catalogue.CodeList], error) {
			codes, err := catalogue.ReadCodes(in.Body.System, strings.NewReader(in.Body.CSV))
			if err != nil {
				return nil, err
			}
			l, err := p.cfg.Rooms.Catalogue.AddCodeList(c.Ctx(), c.Actor, catalogue.CodeList{Name: in.Body.Name, Title: in.Body.Title, System: in.Body.System, Origin: in.Body.Origin, Codes: codes})
			return &Body[*catalogue.CodeList]{l}, err
		}),
	)
}

// notThere makes of a code list that is not there a page that is not there.
func notThere(err error) error {
	if ark.Is(err, ark.Invalid) {
		return ark.Faultf(ark.Unknown, "there is no such code list").Do("see the page of code lists").Because(err)
	}
	return err
}
