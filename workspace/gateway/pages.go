package gateway

import (
	"html/template"
	"net/http"
	"strings"

	"github.com/ark-tre/ark/workspace/apps"
)

// The gateway's own few pages; they hold nothing that began in a workspace.
func page() *template.Template {
	return template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>{{if .Refresh}}<meta http-equiv="refresh" content="{{.Refresh}}">{{end}}
<style>body{font:1.125rem/1.5 Arial,sans-serif;margin:2rem auto;max-width:42rem;padding:0 1rem;color:#212b32}a{color:#005eb8}li{margin:.5rem 0}</style></head>
<body><main><h1>{{.Title}}</h1>{{if .Text}}<p>{{.Text}}</p>{{end}}
{{if .Links}}<ul>{{range .Links}}<li><a href="{{.To}}">{{.Name}}</a>: {{.What}}</li>{{end}}</ul>{{end}}
{{if .Portal}}<p><a href="{{.Portal}}">Back to your projects</a></p>{{end}}</main></body></html>
`))
}

type link struct{ To, Name, What string }

type content struct {
	Title, Text, Refresh, Portal string
	Links                        []link
}

func write(w http.ResponseWriter, status int, c content) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = page().Execute(w, c)
}

// entered follows a ticket: the next request comes from this origin itself.
func entered(w http.ResponseWriter, to string) {
	write(w, http.StatusOK, content{Title: "Opening your workspace", Refresh: "0;url=" + to, Links: []link{{to, "Continue", "if the page does not change by itself"}}})
}

// home lists the workspace's apps.
func home(w http.ResponseWriter, s Session) {
	c := content{Title: "Your workspace", Text: "What you make here stays here. Put files for checking into the folder outbox and submit them from the project's page."}
	list, err := apps.Named(s.Apps...)
	if err != nil {
		list = nil
	}
	for _, app := range list {
		what := map[string]link{
			apps.SQL:     {Name: "SQL", What: "ask questions of the extract"},
			apps.Jupyter: {Name: "JupyterLab", What: "notebooks in Python, and a terminal"},
		}[app.Name]
		what.To = app.Base + app.Home
		c.Links = append(c.Links, what)
	}
	write(w, http.StatusOK, c)
}

// refuse answers with a page for people and a line for programs.
func (g *Gateway) refuse(w http.ResponseWriter, r *http.Request, status int, why string) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(why + "\n"))
		return
	}
	c := content{Title: "Not now", Text: why, Portal: g.config.Portal}
	if w.Header().Get("Retry-After") != "" {
		c.Title, c.Refresh = "One moment", "1"
	}
	write(w, status, c)
}
