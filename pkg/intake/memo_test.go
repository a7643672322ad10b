package intake

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/pseudonym"
)

// What is remembered of persons is what they are named anew, also when there
// are more of them than are remembered, and it is found again.
func TestPersonMemo(t *testing.T) {
	h, err := pseudonym.New([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	var m personMemo
	hits := 0
	who := func(i int) []byte {
		if i%7 == 0 {
			return []byte(fmt.Sprintf("%d-%060d", i, i)) // too long
		}
		return []byte(fmt.Sprintf("p%0*d", i%40, i))
	}
	for _, people := range []int{1000, 1000, 2 * personSlots, 1000, 1000} {
		for i := 0; i < people; i += 100 {
			hashes := m.warm(func(yield func([]byte) bool) {
				for k := range 100 {
					if !yield(who(i + k)) {
						return
					}
				}
			})
			for k, hash := range hashes {
				text := who(i + k)
				s, hit := m.slot(text, hash)
				if (s == nil) != (len(text) > 47) {
					t.Fatalf("%q: remembered %t", text, s != nil)
				}
				if s == nil {
					continue
				}
				if !hit {
					s.code = h.PersonRecordKey("s", text)
					continue
				}
				hits++
				if s.code != h.PersonRecordKey("s", text) {
					t.Fatalf("%q has another's key", text)
				}
			}
		}
	}
	if hits < 1500 {
		t.Errorf("only %d were remembered", hits)
	}
}
