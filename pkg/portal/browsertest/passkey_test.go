package browsertest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/identity/issuer"
)

// TestPasskeys registers and uses a passkey in a real Chromium, whose
// authenticator is virtual, at the real issuer and the real relying party. Each
// has an origin of its own under localhost, as in an Ark on one box.
func TestPasskeys(t *testing.T) {
	needBrowser(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	origin, id := "http://localhost:"+port, "http://id.localhost:"+port
	dir, err := issuer.OpenFileDirectory(filepath.Join(t.TempDir(), "accounts.json"))
	if err != nil {
		t.Fatal(err)
	}
	const password = "demonstration only"
	chloe, err := issuer.NewAccount("chloe", "Chloe", "chloe@example.org", password, issuer.DefaultArgon, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Add(t.Context(), chloe); err != nil {
		t.Fatal(err)
	}
	var recorded []string
	iss, err := issuer.New(issuer.Options{Issuer: id, Directory: dir, KeyFile: filepath.Join(t.TempDir(), "keys.json"), Demonstration: true,
		Demo:   []issuer.DemoAccount{{UserName: "chloe", Label: "Chloe", Password: password}},
		Client: issuer.Client{ID: "portal", Secret: "a secret of the portal", RedirectURI: origin + "/signed-in"},
		Record: func(_ context.Context, e issuer.PasskeyEvent) error { recorded = append(recorded, e.Act); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	party, err := identity.New(identity.Config{Issuer: id, ClientID: "portal", ClientSecret: "a secret of the portal", FlowKey: make([]byte, 32),
		RedirectURL: origin + "/signed-in", Prompt: "login", Client: &http.Client{Transport: identity.Transport(), Timeout: time.Minute}, Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) { answer(w, party.Begin(w, r, "/")) })
	mux.HandleFunc("GET /step-up", func(w http.ResponseWriter, r *http.Request) {
		answer(w, party.BeginStepUp(w, r, "/", chloe.Subject, "request.release/Request/req_1"))
	})
	mux.HandleFunc("GET /signed-in", func(w http.ResponseWriter, r *http.Request) {
		p, _, err := party.Finish(w, r)
		if err != nil {
			answer(w, err)
			return
		}
		who := "somebody else"
		if p.Subject == chloe.Subject {
			who = "chloe"
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<link rel="icon" href="data:,"><p id="proof">%s %s two-factors=%v step-up=%v</p>`, who, strings.Join(p.AMR, " "), p.SecondFactor, p.StepUp)
	})
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == iss.Host() {
			iss.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})}}
	server.Start()
	t.Cleanup(server.Close)
	shots := os.Getenv("ARK_SHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Minute)
	defer stop()
	out, err := exec.CommandContext(ctx, "node", "passkey.mjs", origin, id, absolute(t, shots)).CombinedOutput()
	t.Logf("\n%s", out)
	if err != nil {
		t.Errorf("passkeys: %v (set ARK_SHOTS to a folder to see its pictures)", err)
	}
	if got := strings.Join(recorded, " "); got != "registered revoked" {
		t.Errorf("recorded %q", got)
	}
}
