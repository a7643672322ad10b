package nhsnumber

import (
	"fmt"
	"testing"
)

func TestKnownNumbers(t *testing.T) {
	for s, want := range map[string]bool{
		"9434765919": true, "9000000009": true, "9693632109": true, "9733162868": true, // published test patients
		"9434765918": false, "943476591": false, "94347659199": false, "943476591X": false, "": false,
		"0000000000": false, "9999999999": false, "1111111111": false,
	} {
		if got := Valid(s); got != want {
			t.Errorf("Valid(%q) = %v, want %v", s, got, want)
		}
	}
}

// The 999 range holds 909,091 numbers by the sum alone; 9999999999 is one of
// them and is blocked.
func TestTestRangeHolds909091(t *testing.T) {
	n := 0
	for i := range 1_000_000 {
		if _, ok := CheckDigit(fmt.Sprintf("999%06d", i)); ok {
			n++
		}
	}
	if n != 909_091 {
		t.Errorf("999 range holds %d, want 909091", n)
	}
}

func TestEveryWrongDigitIsSeen(t *testing.T) {
	good := []byte("9434765919")
	for i := range good {
		for d := byte('0'); d <= '9'; d++ {
			b := append([]byte(nil), good...)
			if b[i] == d {
				continue
			}
			b[i] = d
			if Valid(string(b)) {
				t.Errorf("wrong digit at %d passes", i)
			}
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{"943 476 5919": "9434765919", "943-476-5919": "9434765919", "x y": "xy", "": ""} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}
