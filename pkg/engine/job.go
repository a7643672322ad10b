package engine

import (
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/engine/walls"
)

// Tables maps a table's name in SQL to a Parquet file in the working folder.
type Tables map[string]string

// What a job does.
const (
	DoQuery = "query" // load the tables, lock the engine, run SQL, return rows
	DoView  = "view"  // run SQL of Ark's own making over views, return rows
	DoCopy  = "copy"  // run SQL of Ark's own making over views, write Out as Parquet
	DoBuild = "build" // write Out as a DuckDB file holding the tables
	DoProbe = "probe" // report the walls and do nothing
)

// Job is what ark-engine reads from its standard input, as JSON.
type Job struct {
	Do      string `json:"do"`
	Folder  string `json:"folder"`
	Scratch string `json:"scratch,omitempty"` // "": the folder
	Tables  Tables `json:"tables,omitempty"`
	SQL     string `json:"sql,omitempty"`
	Out     string `json:"out,omitempty"`
	MaxRows int    `json:"max_rows,omitempty"`
	Limits  Limits `json:"limits"`
}

// Limits bound one job. A zero field takes the default.
type Limits struct {
	Memory  int64 `json:"memory"`  // bytes, default 1 GiB
	Threads int   `json:"threads"` // default 2
	Seconds int   `json:"seconds"` // default 600
	Disk    int64 `json:"disk"`    // bytes of the largest file, and of spilled data; default 64 GiB
	// Weak lets the engine run where the kernel has no Landlock. It is for
	// trial on one box only; seccomp and the namespaces stay.
	Weak bool `json:"weak,omitempty"`
}

// OrDefault returns l with every zero field at its default.
func (l Limits) OrDefault() Limits {
	if l.Memory <= 0 {
		l.Memory = 1 << 30
	}
	if l.Threads <= 0 {
		l.Threads = 2
	}
	if l.Seconds <= 0 {
		l.Seconds = 600
	}
	if l.Disk <= 0 {
		l.Disk = 64 << 30
	}
	return l
}

// Answer is what ark-engine writes to its standard output, as JSON.
type Answer struct {
	Columns   []Column     `json:"columns,omitempty"`
	Rows      [][]*string  `json:"rows,omitempty"` // text of each cell as package cell writes it; null for null
	Truncated bool         `json:"truncated,omitempty"`
	Written   int64        `json:"written,omitempty"` // rows written to Out
	Walls     walls.Report `json:"walls"`
	Fault     *Refusal     `json:"fault,omitempty"`
}

// Refusal is an ark.Fault without its cause.
type Refusal struct {
	Kind   int    `json:"kind"`
	Says   string `json:"says"`
	Remedy string `json:"remedy,omitempty"`
	Class  string `json:"class,omitempty"` // the engine's own class of error, for operators
}

// Column is one column of a result.
type Column struct {
	Name string    `json:"name"`
	Type cell.Type `json:"type"`
}

// MaxRows is how many rows a query returns unless it is told less.
const MaxRows = 100_000

// Result is the rows of a query.
type Result struct {
	Columns   []Column
	Rows      [][]cell.Value
	Truncated bool // there were more rows than asked for
	Walls     walls.Report
}
