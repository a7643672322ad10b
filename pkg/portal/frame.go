package portal

import (
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/portal/edge"
	"github.com/ark-tre/ark/pkg/portal/ui"
)

// menus are the items of each role's header, at most five.
func menu(role ark.Role) []ui.Link {
	switch role {
	case ark.Researcher:
		return []ui.Link{{Text: "Home", Href: "/home"}, {Text: "Catalogue", Href: "/catalogue"}, {Text: "Projects", Href: "/projects"}, {Text: "Workspaces", Href: "/workspaces"}, {Text: "Outputs", Href: "/outputs"}}
	case ark.Custodian:
		return []ui.Link{{Text: "Home", Href: "/home"}, {Text: "Requests", Href: "/reviews"}, {Text: "My data", Href: "/my-data"}, {Text: "Projects", Href: "/projects"}, {Text: "Releases", Href: "/releases"}}
	case ark.Checker:
		return []ui.Link{{Text: "Home", Href: "/home"}, {Text: "Queue", Href: "/queue"}, {Text: "Projects", Href: "/projects"}, {Text: "Releases", Href: "/releases"}}
	case ark.DataEngineer:
		return []ui.Link{{Text: "Home", Href: "/home"}, {Text: "Sources", Href: "/sources"}, {Text: "Linkage", Href: "/linkage"}, {Text: "Datasets", Href: "/datasets"}, {Text: "Latency", Href: "/latency"}}
	case ark.Operator:
		return []ui.Link{{Text: "Home", Href: "/home"}, {Text: "People", Href: "/users"}, {Text: "Workspaces", Href: "/workspaces"}, {Text: "Projects", Href: "/projects"}, {Text: "System", Href: "/system"}}
	case ark.LayReviewer:
		return []ui.Link{{Text: "Home", Href: "/home"}, {Text: "Requests", Href: "/reviews"}, {Text: "Projects", Href: "/projects"}}
	case ark.Auditor:
		return []ui.Link{{Text: "Home", Href: "/home"}, {Text: "Ledger", Href: "/ledger"}, {Text: "Projects", Href: "/projects"}, {Text: "Releases", Href: "/releases"}, {Text: "System", Href: "/system"}}
	default:
		return nil
	}
}

// publicPages are in the footer of every page, and the menu of the public.
func publicPages() []ui.Link {
	return []ui.Link{{Text: "Register", Href: "/register"}, {Text: "How we keep data safe", Href: "/safe"}, {Text: "Check us", Href: "/check"}, {Text: "Ledger", Href: "/ledger"}, {Text: "Your choice", Href: "/choice"}}
}

// roleWords is a role as people say it.
func roleWords(r ark.Role) string {
	if r == ark.Checker {
		return "Output checker"
	}
	return title(string(r))
}

// frame is what surrounds the page of this call.
func (p *Portal) frame(c *Call) ui.Frame {
	f := ui.Frame{Region: p.cfg.Region, Home: p.home(c), Demonstration: p.cfg.Demonstration, Version: p.cfg.Version,
		Reference: edge.Reference(c.Ctx()), Public: publicPages()}
	if c.Viewer == nil {
		f.Nav = publicPages()
	} else {
		f.Nav = menu(c.Viewer.Role)
		f.User = &ui.User{Name: c.Viewer.Name, Role: roleWords(c.Viewer.Role), Waiting: len(p.waiting(c))}
		if c.Viewer.Role == "" {
			f.User.Role = ""
		}
	}
	for i, l := range f.Nav {
		f.Nav[i].Current = c.R.URL.Path == l.Href || strings.HasPrefix(c.R.URL.Path, l.Href+"/")
	}
	return f
}

// home is where the brand leads.
func (p *Portal) home(c *Call) string {
	if c.Viewer != nil {
		return "/home"
	}
	return "/"
}
