package disclosure

import (
	"cmp"
	"slices"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Verdict is the outcome of a check.
type Verdict string

// The verdicts. The empty Verdict is never pass.
const (
	Pass   Verdict = "pass"
	Review Verdict = "review"
	Fail   Verdict = "fail"
)

// Severity is the weight of one finding.
type Severity string

// The severities: info changes no verdict.
const (
	SevFail   Severity = "fail"
	SevReview Severity = "review"
	SevInfo   Severity = "info"
)

// Finding is one thing found, in the one shape every check of the airlock
// uses. Says and Repair hold no content of the file; Where and Evidence may,
// and are for those who may see the file.
type Finding struct {
	Rule     string            `json:"rule"`
	Severity Severity          `json:"severity"`
	File     string            `json:"file"`
	Where    Where             `json:"where"`
	Says     string            `json:"says"`
	Evidence map[string]string `json:"evidence"`
	Repair   string            `json:"repair"`

	row, col int // the order within a file
}

// Where points into a file: the sheet of a workbook, a cell reference in the
// spreadsheet manner, the line of a text file, and the cell by its labels.
type Where struct {
	Sheet string   `json:"sheet"`
	Ref   string   `json:"ref"`
	Line  int      `json:"line"`
	Cell  *CellRef `json:"cell"`
}

// CellRef names a cell by its row labels and column headers.
type CellRef struct {
	Row []string `json:"row"`
	Col []string `json:"col"`
}

// Result is a verdict with its findings, as the command prints it.
type Result struct {
	Verdict  Verdict   `json:"verdict"`
	Findings []Finding `json:"findings"`
}

// Judge gives the verdict that findings amount to.
func Judge(findings []Finding) Verdict {
	v := Pass
	for _, f := range findings {
		switch f.Severity {
		case SevFail:
			return Fail
		case SevReview:
			v = Review
		case SevInfo:
		default:
			return Fail // an unknown severity is not a pass
		}
	}
	return v
}

// Sort orders findings by rule, file, row and column.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.File, b.File),
			cmp.Compare(a.row, b.row), cmp.Compare(a.col, b.col), cmp.Compare(a.Says, b.Says))
	})
}

// severity turns a profile's choice into a finding's; Allow is reported as info.
func severity(s policy.Severity) Severity {
	switch s {
	case policy.Allow:
		return SevInfo
	case policy.Review:
		return SevReview
	default:
		return SevFail
	}
}
