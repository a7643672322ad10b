package instance

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/portal/viewer"
)

// TestPagesComeThroughTheSocket: pictures of what was submitted, to the portal
// alone; what was found wrong keeps its kind on the way.
func TestPagesComeThroughTheSocket(t *testing.T) {
	drawn := inspect.Drawn{Count: 2, From: 2, Pages: []inspect.Page{{PNG: []byte("\x89PNG"), Small: true}}}
	answers := map[string]error{"good": nil, "broken": errors.Join(inspect.ErrNotDrawn, errors.New("EOF")), "changed": objects.ErrDamaged, "away": errors.New("no program")}
	draw := func(_ context.Context, ref objects.Ref, from int) (inspect.Drawn, error) {
		if from != 2 {
			t.Errorf("asked for pages from %d", from)
		}
		return drawn, answers[ref.Name]
	}
	ask := func(draw drawer, who bool, ref objects.Ref) (viewer.Drawn, error) {
		dir, err := os.MkdirTemp("", "pages") // short: a socket's path is
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		config := Config{dir: dir}
		if err := os.MkdirAll(filepath.Dir(config.socket("airlock")), 0o700); err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("unix", config.socket("airlock"))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			serveObjects(ctx, l, nil, openable("airlock"), draw, func(uint32) bool { return who }, slog.New(slog.NewTextHandler(io.Discard, nil)))
			close(done)
		}()
		defer func() { stop(); <-done }()
		return openers{config}.pages(t.Context(), ref, 2)
	}
	of := func(zone objects.Zone, name string) objects.Ref { return objects.Ref{Zone: zone, Name: name} }
	d, err := ask(draw, true, of(objects.Outputs, "good"))
	if err != nil || d.Count != 2 || d.From != 2 || len(d.Pages) != 1 || string(d.Pages[0].PNG) != "\x89PNG" || !d.Pages[0].Small {
		t.Errorf("%+v, %v", d, err)
	}
	for _, c := range []struct {
		says string
		draw drawer
		who  bool
		ref  objects.Ref
		is   func(error) bool
	}{
		{"can't be drawn", draw, true, of(objects.Outputs, "broken"), func(err error) bool { return errors.Is(err, viewer.ErrNotDrawn) }},
		{"changed", draw, true, of(objects.Outputs, "changed"), func(err error) bool { return errors.Is(err, objects.ErrDamaged) }},
		{"away", draw, true, of(objects.Outputs, "away"), func(err error) bool { return ark.Is(err, ark.Unavailable) }},
		{"another caller", draw, false, of(objects.Outputs, "good"), func(err error) bool { return ark.Is(err, ark.Unavailable) }},
		{"another zone", draw, true, of(objects.Extracts, "good"), func(err error) bool { return ark.Is(err, ark.Unavailable) }},
		{"a worker that draws nothing", nil, true, of(objects.Outputs, "good"), func(err error) bool { return ark.Is(err, ark.Unavailable) }},
	} {
		if d, err := ask(c.draw, c.who, c.ref); !c.is(err) || d.Count != 0 {
			t.Errorf("%s: %+v, %v", c.says, d, err)
		}
	}
}
