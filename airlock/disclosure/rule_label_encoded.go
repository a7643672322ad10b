package disclosure

import (
	"encoding/base64"
	"math"
	"regexp"
)

// labelEncoded: a label that could carry data of its own.
func labelEncoded() Rule {
	return Rule{
		ID: "label-encoded", Effective: "2026-11-22",
		Clause:  "covert channels: labels must be words people read",
		Applies: "labels, headings and notes", Needs: "the table",
		Says: "A long random-looking label can carry records out.",
		check: func(v *view) []Finding {
			hexOr64 := regexp.MustCompile(`^[A-Za-z0-9+/_=-]{24,}$`)
			return v.identifier(func(text string, _, _ int) (Severity, bool) {
				for _, w := range tokensWide(text) {
					if hexOr64.MatchString(w) && LooksEncoded(w) {
						if _, err := base64.RawStdEncoding.DecodeString(w); len(w) >= 40 || err == nil || len(w) >= 32 {
							return SevFail, true
						}
						return SevReview, true
					}
				}
				return "", false
			}, "a label looks like encoded data", "use labels in words")
		},
	}
}

func tokensWide(s string) []string {
	var out []string
	start := 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == ' ' || s[i] == ',' || s[i] == ';' || s[i] == ':' {
			if i > start {
				out = append(out, s[start:i])
			}
			start = i + 1
		}
	}
	return out
}

// LooksEncoded reports whether a word is long and random enough to carry data of
// its own: 24 characters or more, over 3.2 bits each, digits and letters mixed.
func LooksEncoded(w string) bool { return len(w) >= 24 && entropy(w) > 3.2 && mixed(w) }

// entropy is the bits per character of s.
func entropy(s string) float64 {
	var n [256]int
	for i := range len(s) {
		n[s[i]]++
	}
	h := 0.0
	for _, k := range n {
		if k > 0 {
			p := float64(k) / float64(len(s))
			h -= p * math.Log2(p)
		}
	}
	return h
}

// mixed: digits and letters interleave, as they don't in snake_case names.
func mixed(s string) bool {
	changes, prev := 0, -1
	for i := range len(s) {
		k := 2
		switch ch := s[i]; {
		case isDigit(ch):
			k = 0
		case ch >= 'a' && ch <= 'z':
			k = 1
		case ch >= 'A' && ch <= 'Z':
			k = 3
		}
		if k != 2 && k != prev && prev >= 0 {
			changes++
		}
		if k != 2 {
			prev = k
		}
	}
	return changes*4 >= len(s)
}
