package apps

import (
	"github.com/ark-tre/ark/pkg/ark"
)

// App is one program of a workspace. Paths are as seen inside.
type App struct {
	Name   string   `json:"name"`
	Args   []string `json:"args"`
	Env    []string `json:"env,omitempty"` // beside Environment
	Dir    string   `json:"dir"`
	Socket string   `json:"socket"` // file name in RunFolder
	Base   string   `json:"base"`   // path prefix of its pages, with both slashes
	Home   string   `json:"home"`   // its first page, below Base
	Strip  bool     `json:"strip"`  // it sees paths without Base
}

// Where things are inside a workspace.
const (
	RunFolder = "/run/ark"
	Self      = "/ark/enclaved" // the program that holds Supervise
	Engine    = "/ark/engine"
	Ark       = "/ark/ark"     // the command line: ark table, ark check
	Inspect   = "/ark/inspect" // what ark check opens files with
	Top       = "/workspace"
)

// The names of the apps.
const (
	SQL     = "sql"
	Jupyter = "jupyter"
)

// Named returns the apps of the given names, in their order.
func Named(names ...string) ([]App, error) {
	var out []App
	for _, name := range names {
		switch name {
		case SQL:
			out = append(out, sqlApp())
		case Jupyter:
			out = append(out, jupyterApp())
		default:
			return nil, ark.Faultf(ark.Invalid, "there is no app called %q", name).Do("choose from sql and jupyter")
		}
	}
	return out, nil
}

// Environment is what every app's process starts with.
func Environment() []string {
	return []string{
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"HOME=" + Top + "/home",
		"USER=researcher", "LOGNAME=researcher", "SHELL=/bin/bash",
		"LANG=C.UTF-8", "TMPDIR=/tmp", "TERM=xterm-256color", "TZ=UTC",
		"PYTHONPATH=/opt/ark/python", "PYTHONDONTWRITEBYTECODE=1",
		"MPLCONFIGDIR=/tmp/matplotlib",
	}
}

// sqlApp is the engine over the attached extract.
func sqlApp() App {
	return App{
		Name: SQL,
		Args: []string{Engine, "serve", "--db", Top + "/extract/extract.duckdb", "--socket", RunFolder + "/sql.sock",
			"--home", logFolder, "--outbox", Top + "/outbox", "--spill", Top + "/home/.ark", "--memory", "768"},
		Dir:    "/tmp",
		Socket: "sql.sock",
		Base:   "/sql/",
		Strip:  true,
	}
}

// jupyterApp is JupyterLab, configured by files of the root file system.
func jupyterApp() App {
	return App{
		Name: Jupyter,
		Args: []string{"/usr/bin/python3", "-m", "jupyterlab"},
		Env: []string{
			"JUPYTER_CONFIG_PATH=/opt/ark/jupyter", "JUPYTER_PATH=/opt/ark/python/share/jupyter",
			"JUPYTERLAB_DIR=/opt/ark/python/share/jupyter/lab", "JUPYTER_RUNTIME_DIR=/tmp/jupyter",
			"JUPYTER_CONFIG_DIR=" + Top + "/home/.jupyter", "JUPYTER_DATA_DIR=" + Top + "/home/.local/share/jupyter",
			"IPYTHONDIR=" + Top + "/home/.ipython", "JUPYTER_PLATFORM_DIRS=0",
		},
		Dir:    Top + "/home",
		Socket: "jupyter.sock",
		Base:   "/jupyter/",
		Home:   "lab",
	}
}
