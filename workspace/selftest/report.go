package selftest

import (
	"fmt"
	"io"
	"time"
)

// Outcome is what became of one attempt. The zero value is no outcome at all,
// which fails.
type Outcome string

// The outcomes. Everything but Refused fails the report.
const (
	Refused   Outcome = "refused"
	Succeeded Outcome = "SUCCEEDED"
)

// Result is one attempt's outcome. How holds the kernel's word for a refusal.
type Result struct {
	Attempt string  `json:"attempt"`
	Tries   string  `json:"tries"`
	Outcome Outcome `json:"outcome"`
	How     string  `json:"how"`
}

// Report is the outcome of a whole self-test.
type Report struct {
	Results []Result      `json:"results"`
	Took    time.Duration `json:"took_ns"`
}

// AtLeast is how many attempts a report must hold to count as one.
const AtLeast = 30

// Passed says whether every attempt was refused and none was left out. An
// empty or short report does not pass.
func (r Report) Passed() bool { return len(r.Results) >= AtLeast && len(r.Failures()) == 0 }

// Failures returns the results that were not refusals.
func (r Report) Failures() []Result {
	var out []Result
	for _, one := range r.Results {
		if one.Outcome != Refused {
			out = append(out, one)
		}
	}
	return out
}

// WriteTo prints the report as a table.
func (r Report) WriteTo(w io.Writer) (int64, error) {
	var n int64
	for _, one := range r.Results {
		k, err := fmt.Fprintf(w, "%-9s  %-24s  %s (%s)\n", one.Outcome, one.Attempt, one.Tries, one.How)
		n += int64(k)
		if err != nil {
			return n, err
		}
	}
	k, err := fmt.Fprintf(w, "%d attempts, %d not refused, %s\n", len(r.Results), len(r.Failures()), r.Took.Round(time.Millisecond))
	return n + int64(k), err
}
