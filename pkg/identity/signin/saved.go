package signin

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/identity"
)

// Saved keeps the command line's sessions in one file of mode 0600: the session
// cookie per Ark, nothing else. The portal's idle and absolute limits apply.
type Saved struct {
	Path string
}

// DefaultSaved is the file under the user's configuration folder, such as
// ~/.config/ark/sessions.json.
func DefaultSaved() (Saved, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return Saved{}, ark.Faultf(ark.Unavailable, "there is no folder for the saved session").Do("set HOME or XDG_CONFIG_HOME").Because(err)
	}
	return Saved{filepath.Join(dir, "ark", "sessions.json")}, nil
}

// entry is one saved session.
type entry struct {
	Cookie string    `json:"cookie"` // name=value
	Saved  time.Time `json:"saved"`
}

// Save stores the session that client holds at base.
func (s Saved) Save(client *http.Client, base string, now time.Time) error {
	u, key, err := place(base)
	if err != nil {
		return err
	}
	for _, c := range client.Jar.Cookies(u) {
		if c.Name == "ark" || c.Name == "__Host-ark" {
			return s.change(func(all map[string]entry) { all[key] = entry{c.Name + "=" + c.Value, now.UTC()} })
		}
	}
	return ark.Faultf(ark.Unsigned, "there is no session to save").Do("sign in first")
}

// Client returns a client that carries the session saved for base, or an
// Unsigned fault.
func (s Saved) Client(base string) (*http.Client, error) {
	u, key, err := place(base)
	if err != nil {
		return nil, err
	}
	all, err := s.read()
	if err != nil {
		return nil, err
	}
	e, ok := all[key]
	name, value, cut := strings.Cut(e.Cookie, "=")
	if !ok || !cut {
		return nil, ark.Faultf(ark.Unsigned, "you are not signed in to that Ark").Do("run ark sign-in")
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: u.Scheme == "https", HttpOnly: true}})
	return &http.Client{Jar: jar, Transport: identity.Transport(), Timeout: 5 * time.Minute}, nil
}

// Forget removes the session saved for base.
func (s Saved) Forget(base string) error {
	_, key, err := place(base)
	if err != nil {
		return err
	}
	return s.change(func(all map[string]entry) { delete(all, key) })
}

func place(base string) (*url.URL, string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil, "", ark.Faultf(ark.Invalid, "the address of the Ark is not a URL").Do("give one such as http://localhost:8080")
	}
	return u, u.Scheme + "://" + strings.ToLower(u.Host), nil
}

func (s Saved) read() (map[string]entry, error) {
	all := map[string]entry{}
	info, err := os.Stat(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, ark.Faultf(ark.Forbidden, "the file of saved sessions may be read by others").Do("delete it and sign in again")
	}
	b, err := os.ReadFile(s.Path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, ark.Faultf(ark.Invalid, "the file of saved sessions can't be read").Do("delete it and sign in again").Because(err)
	}
	return all, nil
}

func (s Saved) change(f func(map[string]entry)) error {
	all, err := s.read()
	if err != nil {
		return err
	}
	f(all)
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o700); err != nil {
		return err
	}
	t, err := os.CreateTemp(filepath.Dir(s.Path), ".sessions-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(t.Name())
	_, err = t.Write(b)
	if closed := t.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(t.Name(), s.Path)
}
