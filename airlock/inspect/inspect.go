// Package inspect has files looked at by ark-inspect, a program of its own that
// holds no power when it reads its first byte, and takes what it says for what
// a hostile child might say.
//
//	in := inspect.Inspector{Program: "bin/ark-inspect"}
//	s, err := in.Start(ctx, nil)
//	res, err := s.Look(ctx, inspect.Item{Name: "table.csv", Data: data})
//
// A file whose reader crashes, or takes too long, gets the verdict fail; the
// next file gets a new child. This package may start that program, and ask a
// malware scanner; it must never read a submitted file itself.
package inspect

import (
	"context"
	"strconv"
	"time"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/pkg/ark"
)

// MaxFile is the largest file that may leave, in bytes.
const MaxFile = look.MaxFile

// Inspector starts ark-inspect. The zero Inspector refuses: it names no
// program.
type Inspector struct {
	Program string
	// Weak goes on where the kernel has no Landlock or grants no namespaces.
	Weak bool
	// Memory bounds the child, in bytes; 0: its default.
	Memory uint64
	// Scanner is clamd's address, a path or host:port. When it is set and does
	// not answer, every file fails. Empty: no scanner is asked.
	Scanner string
	// PerFile is how long one file may take; 0: 45 seconds.
	PerFile time.Duration
}

// Item is one file to look at.
type Item struct {
	Name    string
	Data    []byte
	Allowed []string // endings that may leave; none: every kind that is understood
	MaxRows int      // most rows of a table; 0: the default
	Records int      // how many records the extract holds; 0: not known
	Anyway  bool     // rebuild what fails too: people may decide that it leaves
	Tables  bool     // give tables back, and the numbers of models
}

// Result is what was found of one file.
type Result struct {
	Type     string
	Verdict  disclosure.Verdict
	Findings []disclosure.Finding
	Rebuilt  []byte      // the clean file; nil: there is none
	Ending   string      // of the rebuilt file's name, when it is another
	Sheets   []byte      // its tables as disclosure.ReadSheets takes them; nil: none
	Numbers  [][]float32 // of a model, as it stores them, for package rows; nil: none
}

// HoldsRecords is the finding of a model in which so many records of the
// extract were found.
func HoldsRecords(name string, records int) disclosure.Finding {
	f := refused(name, "model-extract-record").Findings[0]
	f.Evidence["records"] = strconv.Itoa(records)
	return f
}

// NotRebuilt is the finding of a file of which no clean one can be made.
func NotRebuilt(name string) disclosure.Finding {
	return refused(name, "file-not-rebuilt").Findings[0]
}

// refused is the result of a file that was not looked at to its end.
func refused(name, rule string) Result {
	r := look.Refuse(look.File{Name: name}, "application/octet-stream", rule)
	return Result{Type: r.Media, Verdict: r.Verdict(), Findings: r.Findings}
}

// missing is why there is no inspection here.
func (in Inspector) missing() error {
	return ark.Faultf(ark.Unavailable, "there is no ark-inspect here, so no file can be looked at").Do("build ark-inspect beside ark: make build")
}

// Files looks at each item in turn, in one child.
func (in Inspector) Files(ctx context.Context, known Known, items ...Item) ([]Result, error) {
	s, err := in.Start(ctx, known)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out := make([]Result, 0, len(items))
	for _, it := range items {
		r, err := s.Look(ctx, it)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}
