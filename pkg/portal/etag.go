package portal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// tagged holds an answer of the API back until it is whole, so that it can
// carry an ETag and be left out when the asker has it already. Only answers
// that are small pass through it; streams do not.
type tagged struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (t *tagged) WriteHeader(status int) { t.status = status }

// Write implements http.ResponseWriter.
func (t *tagged) Write(b []byte) (int, error) { return t.body.Write(b) }

// Unwrap is for http.ResponseController.
func (t *tagged) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// send sends what was held: 304 without a body when the asker named its tag.
// The tag is of the bytes, so it says nothing that the answer does not.
func (t *tagged) send(r *http.Request) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	if t.status == http.StatusOK && t.body.Len() > 0 {
		sum := sha256.Sum256(t.body.Bytes())
		tag := `"` + hex.EncodeToString(sum[:12]) + `"`
		t.Header().Set("ETag", tag)
		if names(r.Header.Values("If-None-Match"), tag) {
			t.Header().Del("Content-Type")
			t.Header().Del("Content-Length")
			t.ResponseWriter.WriteHeader(http.StatusNotModified)
			return
		}
	}
	t.ResponseWriter.WriteHeader(t.status)
	_, _ = t.ResponseWriter.Write(t.body.Bytes()) // the asker left: nobody is there to tell
}

// names reports whether a list of tags holds tag, or any.
func names(lists []string, tag string) bool {
	for _, list := range lists {
		for _, x := range strings.Split(list, ",") {
			if x = strings.TrimPrefix(strings.TrimSpace(x), "W/"); x == tag || x == "*" {
				return true
			}
		}
	}
	return false
}
