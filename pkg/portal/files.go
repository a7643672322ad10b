package portal

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// plainFile is a file name that every system takes: other characters become
// underscores.
func plainFile(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, name)
}

// base64Hex turns a hash in hex into base64, "" if it is no hex.
func base64Hex(h string) string {
	b, err := hex.DecodeString(h)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(b)
}
