package differencing

import (
	"context"
	"testing"
)

func TestExposure(t *testing.T) {
	h := New()
	load(t, h, release("a", count(0, span(0, 100)...), count(0, span(0, 100)...)))
	load(t, h, release("b", count(4, span(0, 93)...)))
	load(t, h, release("c", count(0, span(50, 300)...)))
	for _, c := range []struct {
		of   string
		want Exposure
	}{
		{"a", Exposure{2, 100, 0}}, {"ab", Exposure{3, 7, 7}}, {"c", Exposure{1, 250, 0}}, {"abc", Exposure{4, 7, 7}}, {"", Exposure{}},
	} {
		got, err := h.Exposure(context.Background(), func(s Summary) bool {
			for _, id := range c.of {
				if s.ID == string(id) {
					return true
				}
			}
			return false
		}, 10)
		if err != nil || got != c.want {
			t.Errorf("%q: %+v, %v; want %+v", c.of, got, err, c.want)
		}
	}
}
