package apps

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
)

func TestSuperviseRefusesOutsideASandbox(t *testing.T) {
	if err := Supervise(t.Context(), nil); !ark.Is(err, ark.Invalid) {
		t.Fatalf("got %v: it would end every process of this machine", err)
	}
}

func TestApps(t *testing.T) {
	list, err := Named(SQL, Jupyter)
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range list {
		if app.Base != "/"+app.Name+"/" || app.Socket != filepath.Base(app.Socket) || !filepath.IsAbs(app.Args[0]) || app.Dir == "" {
			t.Errorf("%s is not reached by the rules of the house: %+v", app.Name, app)
		}
		for _, variable := range append(Environment(), app.Env...) {
			if name, _, ok := strings.Cut(variable, "="); !ok || strings.Contains(name, "TOKEN") || strings.Contains(name, "SECRET") {
				t.Errorf("%s has the variable %q", app.Name, variable)
			}
		}
	}
	if _, err := Named("sh"); !ark.Is(err, ark.Invalid) {
		t.Errorf("an unknown app gave %v", err)
	}
}
