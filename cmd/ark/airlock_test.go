package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/identity/signin"
)

// TestEveryActOfTheAirlockHasItsCommand runs each command of the table against
// a server that writes down what it is asked: the command asks for exactly the
// operation that the table names.
func TestEveryActOfTheAirlockHasItsCommand(t *testing.T) {
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"R","state":"submitted"}`)
	}))
	defer srv.Close()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	saved, err := signin.DefaultSaved()
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(u, []*http.Cookie{{Name: "ark", Value: "x", Path: "/"}})
	if err := saved.Save(&http.Client{Jar: jar}, srv.URL, time.Now()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("../../airlock/testdata/faces.tsv")
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 4 || f[0] == "action" || strings.HasPrefix(line, "#") || f[3] == "-" {
			continue
		}
		played++
		want := f[2]
		if want == "-" {
			want = f[1]
		} else {
			method, path, _ := strings.Cut(want, " ")
			want = method + " /api/v1" + path
		}
		args := strings.Fields(f[3])
		if i := len(args) - 1; args[i] == "OUT" {
			args[i] = filepath.Join(t.TempDir(), "out")
		}
		id := args[2]
		if args[1] == "published" && len(args) > 3 {
			id = args[3]
		}
		if i := slices.Index(args, "TABLE"); i > 0 {
			args[i] = filepath.Join(t.TempDir(), "table.csv")
			if err := os.WriteFile(args[i], []byte("ward,count\na,60\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(f[3], "--resubmit=") {
			id = "R"
		}
		want = strings.ReplaceAll(want, "{id}", id)
		asked = nil
		if code := run(append(args, "--origin="+srv.URL)); code != 0 {
			t.Errorf("ark %s: status %d", f[3], code)
		}
		if got := strings.Join(asked, ", "); !strings.Contains(got+",", want+",") {
			t.Errorf("ark %s asked for %s, not %s", f[3], got, want)
		}
	}
	if played < 28 {
		t.Errorf("only %d commands were played", played)
	}
}
