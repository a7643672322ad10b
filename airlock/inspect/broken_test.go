package inspect

import (
	"bufio"
	"bytes"
	"io"
	"testing"

	"github.com/ark-tre/ark/airlock/inspect/wire"
)

// TestABrokenChildShowsPixelsOnly: what contradicts itself or is larger than a
// page may be is refused whole.
func TestABrokenChildShowsPixelsOnly(t *testing.T) {
	type frame struct {
		p wire.Page
		n int // bytes of pixels
	}
	end := frame{}
	good := frame{wire.Page{Number: 1, Count: 2, Wide: 2, High: 3}, 18}
	for _, c := range []struct {
		name   string
		frames []frame
		pages  int // 0: refused
	}{
		{"two pages", []frame{good, {wire.Page{Number: 2, Count: 2, Wide: 1, High: 1}, 3}, end}, 2},
		{"none", []frame{end}, 0},
		{"no end", []frame{good}, 0},
		{"a fault after a page", []frame{good, {wire.Page{Fault: "x"}, 0}}, 0},
		{"too few pixels", []frame{{wire.Page{Number: 1, Count: 1, Wide: 2, High: 3}, 17}, end}, 0},
		{"too many pixels", []frame{{wire.Page{Number: 1, Count: 1, Wide: 2, High: 3}, 19}, end}, 0},
		{"too wide", []frame{{wire.Page{Number: 1, Count: 1, Wide: wire.MaxWide + 1, High: 1}, 3 * (wire.MaxWide + 1)}, end}, 0},
		{"of no size", []frame{{wire.Page{Number: 1, Count: 1, Wide: 0, High: 1}, 0}, end}, 0},
		{"sizes that overflow", []frame{{wire.Page{Number: 1, Count: 1, Wide: 1 << 32, High: 1 << 32}, 0}, end}, 0},
		{"another page than asked for", []frame{{wire.Page{Number: 2, Count: 2, Wide: 1, High: 1}, 3}, end}, 0},
		{"a page twice", []frame{good, good, end}, 0},
		{"a page after the last", []frame{{wire.Page{Number: 1, Count: 0, Wide: 1, High: 1}, 3}, end}, 0},
		{"another count", []frame{good, {wire.Page{Number: 2, Count: 3, Wide: 1, High: 1}, 3}, end}, 0},
		{"more than are drawn at one time", func() (all []frame) {
			for i := range wire.MaxPages + 1 {
				all = append(all, frame{wire.Page{Number: i + 1, Count: 99, Wide: 1, High: 1}, 3})
			}
			return append(all, end)
		}(), 0},
	} {
		var said bytes.Buffer
		w := bufio.NewWriter(&said)
		for _, f := range c.frames {
			if err := wire.Write(w, f.p, bytes.Repeat([]byte{0x80}, f.n)); err != nil {
				t.Fatal(err)
			}
		}
		d, err := (&child{in: bufio.NewWriter(io.Discard), out: bufio.NewReader(&said)}).draw(nil, 1)
		if len(d.Pages) != c.pages || (err == nil) != (c.pages > 0) {
			t.Errorf("%s: %d pages, %v", c.name, len(d.Pages), err)
		}
	}
}
