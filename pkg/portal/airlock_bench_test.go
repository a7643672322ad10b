package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// TestAirlockAtSize prints how long the server takes for the airlock's pages
// with 10,000 open requests and an outbox of 10,400 files. Run by make bench.
func TestAirlockAtSize(t *testing.T) {
	if os.Getenv("ARK_BENCH") == "" {
		t.Skip("ARK_BENCH is not set: this measures, it does not test")
	}
	b := newBench(t)
	b.people()
	b.data()
	_, ws := b.active("At size")
	request := b.submit(ws)
	b.checked(request, "review")
	const open, files = 10_000, 10_400
	ctx := context.Background()
	b.must(b.st.Act(ctx, store.Actor{System: "worker"}, "job.finish", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		var doc, line string
		var place, due int64
		var project, author string
		if err := tx.QueryRowContext(ctx, `SELECT project, author, doc FROM requests WHERE id = $1`, request).Scan(&project, &author, &doc); err != nil {
			return nil, err
		}
		if err := tx.QueryRowContext(ctx, `SELECT place, due, doc FROM request_lines WHERE id = $1`, request).Scan(&place, &due, &line); err != nil {
			return nil, err
		}
		for i := range open - 1 {
			id := tx.NewID(ark.PrefixRequest)
			if _, err := tx.ExecContext(ctx, `INSERT INTO requests (id, project, author, state, doc) VALUES ($1,$2,$3,'submitted',$4)`, id, project, author, strings.ReplaceAll(doc, request, id)); err != nil {
				return nil, err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO request_lines (id, project, class, state, risk, place, due, claims, doc) VALUES ($1,$2,'','submitted','medium',$3,$4,0,$5)`, id, project, place+int64(i), due+int64(i), strings.ReplaceAll(line, request, id)); err != nil {
				return nil, err
			}
		}
		return []store.Event{{Type: "test.seeded"}}, nil
	}))
	outbox := map[string]string{}
	for i := range files {
		outbox[fmt.Sprintf("result-%05d.csv", i)] = "a,b\n1,2\n"
	}
	b.p.cfg.Rooms.Enclave = testEnclave{outbox}
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, page := range []struct{ who, path, what string }{
		{"checker1", "/queue", "queue, first page"},
		{"checker1", "/queue?from=9950", "queue, last page"},
		{"checker1", "/queue?whose=unclaimed&risk=medium", "queue, filtered"},
		{"checker1", "/home", "a checker's home"},
		{"checker1", "/queue/" + request, "review page"},
		{"researcher", "/workspaces/" + ws, "workspace with its outbox"},
		{"researcher", "/workspaces/" + ws + "/submit", "files to submit"},
	} {
		var took []time.Duration
		for range 60 {
			start := time.Now()
			b.get(page.who, page.path)
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		fmt.Printf("%-28s p50 %5.1f ms  p95 %5.1f ms\n", page.what, ms(took[len(took)/2]), ms(took[len(took)*95/100]))
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	raw, _ := json.Marshal(map[string]int{"open": open, "files": files})
	fmt.Printf("%s: %d MiB of heap in use, %d MiB held from the system (portal, database and this client in one process)\n", raw, after.HeapInuse>>20, after.Sys>>20)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
