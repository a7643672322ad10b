package identity

import (
	"net/url"
	"strings"
)

// SafeReturn returns where to send a user after signing in: raw itself if it is
// a path on this site, "/" for anything else. Everything a browser could read
// as another site is refused: schemes, "//host", backslashes, control
// characters, encoded slashes at the start, and the sign-in pages themselves
// can't loop because the caller's own path is never stored.
func SafeReturn(raw string) string {
	if raw == "" || len(raw) > 2000 || raw[0] != '/' {
		return "/"
	}
	for i := range len(raw) {
		if c := raw[i]; c < 0x20 || c == 0x7f || c == '\\' || c >= 0x80 {
			return "/"
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "/"
	}
	// The decoded path is looked at too: some servers decode before redirecting.
	if !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(u.Path, "\\\r\n\t\x00") {
		return "/"
	}
	for _, part := range strings.Split(u.Path, "/") {
		if part == ".." || part == "." {
			return "/"
		}
	}
	return u.RequestURI()
}
