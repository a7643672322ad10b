package duck

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRival is the other side of `ark bench data`: it runs the statements of
// ARK_RIVAL_SQL, separated by lines of two hyphens, in a plain DuckDB without
// any of Ark's walls, and prints the wall time of the last one, the processor
// time and the peak memory of the process.
func TestRival(t *testing.T) {
	text := os.Getenv("ARK_RIVAL_SQL")
	if text == "" {
		t.Skip("the benchmark sets ARK_RIVAL_SQL")
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var took time.Duration
	for _, one := range strings.Split(text, "\n--\n") {
		began := time.Now()
		if _, err := db.ExecContext(context.Background(), one); err != nil {
			t.Fatal(err)
		}
		took = time.Since(began)
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("rival wall %.3f cpu %.3f peak %d\n", took.Seconds(), float64(u.Utime.Nano()+u.Stime.Nano())/1e9, u.Maxrss>>10)
}
