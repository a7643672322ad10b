package files

import (
	_ "embed" // the report page
	"encoding/json"
	"html/template"
	"io"
)

//go:embed report.html
var page string

// writePage writes the report as one page that needs nothing else: match
// weights, m and u, a histogram, and the waterfall of any pattern.
func writePage(w io.Writer, r Report) error {
	t, err := template.New("report").Parse(page)
	if err != nil {
		return err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return t.Execute(w, struct {
		Report
		Data template.JS
	}{r, template.JS(data)}) // json.Marshal escapes <, > and &
}
