package linkage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// leastKey is how long a key for encodings must be, in bytes: an NHS number or
// a name under a key that can be guessed is no secret.
const leastKey = 32

// Encode returns f with keyed encodings in the place of identifiers: HMAC-SHA256
// of canonical values and parts of them, 80 bits each, every part under a key of
// its own. The columns in keep go through as they are. It takes f over.
//
// Who has the key can try names until they fit; who has many encodings can
// guess common names by how often they come. So encodings are identifiers, and
// are kept as such.
func Encode(f *frame.Frame, key []byte, keep ...string) (*frame.Frame, error) {
	if len(key) < leastKey {
		return nil, ark.Faultf(ark.Invalid, "the key is shorter than %d bytes", leastKey).Do("make one of random bytes and share it among the organisations, not with who links")
	}
	out := &frame.Frame{N: f.N, Sources: f.Sources, Source: f.Source}
	for _, name := range keep {
		c := f.Col(name)
		if c == nil {
			return nil, ark.Faultf(ark.Invalid, "the input has no such column").At("", 0, name).Do("name a column of the input")
		}
		if model.RoleOf(name) != model.Ignored {
			return nil, ark.Faultf(ark.Invalid, "the column says who a person is, so it does not go through as it is").At("", 0, name).Do("name another column")
		}
		out.Cols = append(out.Cols, c)
	}
	c := canonical(f)
	made := 0
	for _, p := range model.Parts() {
		col := c.Col(string(p.Role))
		if col == nil {
			continue
		}
		made++
		in := frame.NewInterner()
		renumber := make([]uint32, col.Dict.Len())
		mac := hmac.New(sha256.New, key)
		for id := uint32(1); int(id) < col.Dict.Len(); id++ {
			v := partOf(p.Of, col.Dict.At(id))
			if v == "" {
				continue
			}
			mac.Reset()
			mac.Write([]byte("ark linkage 1\x1f" + p.Name + "\x1f" + v))
			renumber[id] = in.String(base32.StdEncoding.EncodeToString(mac.Sum(nil)[:10]))
		}
		ids := make([]uint32, len(col.IDs))
		for i, id := range col.IDs {
			ids[i] = renumber[id]
		}
		out.Cols = append(out.Cols, &frame.Column{Name: p.Name, IDs: ids, Dict: in.Dict()})
	}
	if made == 0 {
		return nil, ark.Faultf(ark.Invalid, "no columns were found that say who a person is").Do("name columns as in docs/linkage-spec.md")
	}
	return out, nil
}

// partOf is the part of a canonical value that goes under the key.
func partOf(of, v string) string {
	date := len(v) == 10
	switch {
	case of == "whole":
		return v
	case of == "sound":
		return engine.Soundex(v)
	case of == "start":
		r := []rune(v)
		return string(r[:min(3, len(r))])
	case of == "outcode":
		code, _, _ := strings.Cut(v, " ")
		if len(v) >= 5 && code == v { // canonical postcodes may hold no space: the inward part is three long
			code = v[:len(v)-3]
		}
		return code
	case of == "year" && len(v) >= 4:
		return v[:4]
	case of == "year_month" && date:
		return v[:7]
	case of == "year_day" && date:
		return v[:4] + v[8:]
	case of == "month_day" && date:
		return v[5:]
	}
	return ""
}
