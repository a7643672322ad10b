package disclosure

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Tables made to be slow or large are judged in bounded time, or refused.
func TestHostileTables(t *testing.T) {
	masked := func(n int) string {
		var b strings.Builder
		b.WriteString("r")
		for c := range n {
			fmt.Fprintf(&b, ",group %d", c)
		}
		b.WriteString(",Total\n")
		for r := range n {
			fmt.Fprintf(&b, "row %d", r)
			for range n {
				b.WriteString(",*")
			}
			fmt.Fprintf(&b, ",%d\n", 1000+r)
		}
		b.WriteString("Total")
		for c := range n {
			fmt.Fprintf(&b, ",%d", 1000+c)
		}
		b.WriteString(",20000\n")
		return b.String()
	}
	for name, s := range map[string]string{
		"all-masked":     masked(20),
		"too-many-masks": masked(60),
		"wide":           strings.Repeat("a,", 1999) + "b\n" + strings.Repeat("1,", 1999) + "2\n",
		"too-wide":       strings.Repeat("a,", 3000) + "b\n1\n",
		"one-long-cell":  "a,n\n" + strings.Repeat("9", 1<<20) + ",1\n",
		"digits":         "a,n\nx," + strings.Repeat("1,", 20) + "\n",
		"brackets":       "a,n\nx,\"" + strings.Repeat("(", 100000) + "\"\n",
		"deep-header":    strings.Repeat("a,b,c\n", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			v, _, err := CheckTable(context.Background(), profile(t, "ark"), File{Name: "t.csv", Reader: strings.NewReader(s)})
			if err != nil {
				t.Fatal(err)
			}
			if v == Pass {
				t.Error("it passes")
			}
			if d := time.Since(began); d > 20*time.Second {
				t.Errorf("it took %v", d)
			} else {
				t.Logf("%s in %v", v, d)
			}
		})
	}
}
