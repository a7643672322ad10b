package instance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/policies"
)

// The portal holds no key that opens anything. What its users may see it gets
// from the worker that may open it, over that worker's socket, after it has
// recorded the access. openable says what a worker hands out.
func openable(role string) func(objects.Ref) bool {
	switch role {
	case "airlock":
		return func(r objects.Ref) bool { return r.Zone == objects.Outputs || r.Zone == objects.Releases }
	case "publish":
		return func(r objects.Ref) bool {
			return r.Zone == objects.Versions && (strings.Contains(r.Name, "/synthetic/") || strings.HasSuffix(r.Name, "/manifest.json") || strings.HasSuffix(r.Name, "/destroyed.json")) ||
				r.Zone == objects.Payload && strings.HasSuffix(r.Name, "/quality.json") // counts, never values
		}
	case "linkage":
		return func(r objects.Ref) bool { // pairs of records for reviewers, one at a time
			return r.Zone == objects.Identifiers && strings.Contains(r.Name, "/review/")
		}
	case "intake":
		return func(r objects.Ref) bool {
			return r.Zone == objects.Landing && strings.HasSuffix(r.Name, "/quarantine.ndjson")
		}
	}
	return nil
}

// identityTable is user id → role, nil where this process is neither root nor
// one of the roles' users: there every role is the same user.
func identityTable(g policies.Grants) map[uint32]string {
	out := map[uint32]string{0: "root"}
	for i, r := range roleNames(g) {
		out[uint32(firstUser+i)] = r
	}
	if _, ours := out[uint32(os.Getuid())]; !ours {
		return nil
	}
	return out
}

// mayOpen lets the control plane connect, and nobody else.
func mayOpen() func(uint32) bool {
	of := roleOfUser()
	return func(uid uint32) bool { r := of(uid); return r == "control" || r == "*" }
}

// serveObjects hands out verified plaintext of the objects that may says, and
// pictures of their pages where this worker draws.
func serveObjects(ctx context.Context, l net.Listener, st *objects.Store, may func(objects.Ref) bool, draw drawer, who func(uint32) bool, log *slog.Logger) {
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, ConnContext: func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, peerKey{}, who(work.Peer(c)))
	}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ref objects.Ref
		if ok, _ := r.Context().Value(peerKey{}).(bool); !ok {
			http.Error(w, "refused", http.StatusForbidden)
			return
		}
		if r.URL.Path == pagesPath {
			servePages(w, r, draw, may, log)
			return
		}
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&ref); err != nil || !may(ref) {
			http.Error(w, "refused", http.StatusForbidden)
			return
		}
		body, err := st.Open(r.Context(), ref)
		if errors.Is(err, objects.ErrDamaged) {
			log.ErrorContext(r.Context(), "object is not what was stored", "zone", ref.Zone, "err", err)
			http.Error(w, "damaged", http.StatusGone)
			return
		}
		if err != nil {
			log.WarnContext(r.Context(), "object not handed out", "zone", ref.Zone, "err", err)
			http.Error(w, "not there", http.StatusNotFound)
			return
		}
		defer body.Close()
		w.Header().Set("Trailer", damagedTrailer)
		_, err = io.Copy(w, body)
		switch {
		case errors.Is(err, objects.ErrDamaged):
			log.ErrorContext(r.Context(), "object is not what was stored", "zone", ref.Zone, "err", err)
			w.Header().Set(damagedTrailer, "yes") // the stream ends whole, and says that it is not to be believed
		case err != nil:
			log.WarnContext(r.Context(), "object not handed out whole", "zone", ref.Zone, "err", err)
			panic(http.ErrAbortHandler) // the reader sees a broken stream, never a short file
		}
	})}
	go func() {
		<-ctx.Done()
		srv.Close()
	}()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		log.ErrorContext(ctx, "objects are not handed out any more", "err", err)
	}
}

type peerKey struct{}

// openers fetches objects from the workers that may open them.
type openers struct{ config Config }

// open returns the plaintext of ref from the worker that may open its zone.
func (o openers) open(ctx context.Context, ref objects.Ref) (io.ReadCloser, error) {
	role := ""
	for _, r := range []string{"airlock", "publish", "intake", "linkage"} {
		if openable(r)(ref) {
			role = r
		}
	}
	if role == "" {
		return nil, ark.Faultf(ark.Forbidden, "nobody hands that out")
	}
	resp, err := o.ask(ctx, role, "/open", ref)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusGone {
		resp.Body.Close()
		return nil, notAsStored(ref)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, ark.Faultf(ark.Unavailable, "the %s worker did not hand that out", role).Do("tell the operator; its log says why")
	}
	return &believed{resp: resp, ref: ref, sum: sha256.New()}, nil
}

// ask asks the worker of a role over its socket.
func (o openers) ask(ctx context.Context, role, path string, what any) (*http.Response, error) {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", o.config.socket(role))
	}, DisableKeepAlives: true}}
	body, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://worker"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, ark.Faultf(ark.Unavailable, "the %s worker does not answer", role).Do("try again in a moment").Because(err)
	}
	return resp, nil
}

// damagedTrailer follows the bytes of an object that turned out, on the way, not
// to be what was stored.
const damagedTrailer = "Ark-Damaged"

func notAsStored(ref objects.Ref) error {
	return ark.Faultf(ark.Internal, "the object in the zone %q is not what was stored", string(ref.Zone)).
		Do("don't use it; restore it from a backup and find out who changed the store").Because(objects.ErrDamaged)
}

// believed reads what a worker hands out. Its end is an error unless the bytes
// are those that the ref names: the portal verifies what the worker verified.
type believed struct {
	resp *http.Response
	ref  objects.Ref
	sum  hash.Hash
	n    int64
}

// Read implements io.Reader.
func (b *believed) Read(p []byte) (int, error) {
	n, err := b.resp.Body.Read(p)
	b.sum.Write(p[:n])
	b.n += int64(n)
	if err == io.EOF && (b.resp.Trailer.Get(damagedTrailer) != "" || b.n != b.ref.Size || hex.EncodeToString(b.sum.Sum(nil)) != b.ref.SHA256) {
		return n, notAsStored(b.ref)
	}
	return n, err
}

// Close implements io.Closer.
func (b *believed) Close() error { return b.resp.Body.Close() }
