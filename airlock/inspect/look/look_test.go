package look

import (
	"slices"
	"testing"
)

// Every look-alike is outside ASCII and stands for a letter or digit inside.
func TestLookalikes(t *testing.T) {
	for k, v := range lookalike {
		if k < 0x80 || v >= 0x80 {
			t.Errorf("%q stands for %q", k, v)
		}
	}
}

// What is found in one text.
func TestScan(t *testing.T) {
	known := map[string]bool{"j4m8p2r6t1": true}
	s := &Scope{Known: func(b []byte) bool { return known[string(b)] }}
	for text, want := range map[string]hit{
		"plain words of a label":                0,
		"1,234,567":                             0,
		"943 476 5919":                          hitNHS | hitTenDigits,
		"9434765919":                            hitNHS | hitTenDigits,
		"0.9434765919":                          0,
		"9434765918":                            hitTenDigits,
		"LS6 3AB":                               hitPostcode,
		"vitamin B12 2mg":                       0,
		"jo@example.org":                        hitContact,
		"07700 900123":                          hitContact,
		"AB 12 34 56 C":                         hitContact,
		"data-0cc175b9c0f1b6a831c399e269772661": hitEncodedMaybe,
		"J4M8-P2R6-T1":                          hitKnown,
		"1t6r2p8m4j":                            hitKnown,
		"nor\u200bth":                           hitInvisible,
		"abc\u202etxt":                          hitBidi,
		"N\u043erth":                            hitHomoglyph,
		"\u03b2-blocker, 5 \u03bcg/l":           0,
	} {
		if got := s.scan(text); got != want {
			t.Errorf("%q: %b, want %b", text, got, want)
		}
	}
}

// The list of rules is whole: every rule says what it found, and all that
// fails or is reviewed says what to do.
func TestRules(t *testing.T) {
	all := Rules()
	if len(all) < 100 || !slices.IsSortedFunc(all, func(a, b Rule) int { return slices.Compare([]byte(a.ID), []byte(b.ID)) }) {
		t.Errorf("%d rules, or out of order", len(all))
	}
	for _, r := range all {
		if r.Says == "" || r.Repair == "" && r.Severity != info {
			t.Errorf("%s says nothing", r.ID)
		}
	}
}
