// Package acro reads what ACRO and SACRO say of outputs: the file results.json
// that their finalise writes beside them.
//
// What it reads are claims: the tool ran in a workspace, and whoever can write
// an output can write its claim. They are shown to checkers beside the file and
// the Ark's own findings. The package judges nothing, and no verdict may rest on
// what it returns.
package acro

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ark-tre/ark/pkg/ark"
)

// ResultsName is the name of the file that holds the claims.
const ResultsName = "results.json"

// Limits of what is read and kept.
const (
	MaxBytes   = 8 << 20
	maxOutputs = 500
	maxMasks   = 200 // of one file
	maxText    = 2000
	maxNotes   = 20
)

// Claim is what ACRO says of one file. All of it is unreviewed.
type Claim struct {
	Version   string   `json:"version"`
	Output    string   `json:"output"` // ACRO's name for it
	Status    string   `json:"status"` // "pass", "review", "fail", or "unknown"
	Type      string   `json:"type,omitempty"`
	Method    string   `json:"method,omitempty"`
	Summary   string   `json:"summary,omitempty"`
	Exception string   `json:"exception,omitempty"` // why it should leave although a check failed
	Command   string   `json:"command,omitempty"`
	Comments  []string `json:"comments,omitempty"`
	Masks     []Mask   `json:"masks,omitempty"`
	More      int      `json:"more,omitempty"`     // masks that are not shown
	Altered   bool     `json:"altered,omitempty"`  // these bytes are not those that ACRO recorded
	Recorded  bool     `json:"recorded,omitempty"` // a checksum of it was given
}

// Mask is a cell that one of ACRO's checks marked. Rows and columns count from
// 1 as in a spreadsheet.
type Mask struct {
	Check string `json:"check"`
	Row   int    `json:"row"`
	Col   int    `json:"col"`
}

// Output is one output of the results with its files, in ACRO's own terms.
type Output struct {
	Name  string
	Files []string
	Claim Claim // of the output as a whole: without masks
}

// Results are the claims of one results.json.
type Results struct {
	Version string
	Outputs []Output // by name
	files   map[string]file
}

type file struct {
	output     int
	cells      map[string][][]int
	rows, cols int // of the frame that the cells count in, 0 where it is not given
}

type wire struct {
	Version *string               `json:"version"`
	Results map[string]wireOutput `json:"results"`
}

type wireOutput struct {
	UID        string          `json:"uid"`
	Status     string          `json:"status"`
	Type       string          `json:"type"`
	Properties json.RawMessage `json:"properties"`
	Files      []struct {
		Name string          `json:"name"`
		SDC  json.RawMessage `json:"sdc"`
	} `json:"files"`
	Outcome   json.RawMessage `json:"outcome"`
	Command   string          `json:"command"`
	Summary   string          `json:"summary"`
	Comments  []string        `json:"comments"`
	Exception string          `json:"exception"`
}

// Parse reads results.json. Fields that it does not know are left out; a file
// that is not ACRO's is an Invalid fault.
func Parse(data []byte) (*Results, error) {
	bad := ark.Faultf(ark.Invalid, "%s is not ACRO's: version and results are needed", ResultsName).Do("give the file that ACRO's finalise wrote")
	if len(data) > MaxBytes {
		return nil, ark.Faultf(ark.TooMuch, "%s is larger than %d MiB", ResultsName, MaxBytes>>20)
	}
	var w wire
	if err := json.Unmarshal(data, &w); err != nil || w.Version == nil || w.Results == nil {
		return nil, bad.Because(err)
	}
	if len(w.Results) > maxOutputs {
		return nil, ark.Faultf(ark.TooMuch, "%s names more than %d outputs", ResultsName, maxOutputs)
	}
	r := &Results{Version: clip(*w.Version, 40), files: map[string]file{}}
	for name := range w.Results {
		r.Outputs = append(r.Outputs, Output{Name: name})
	}
	slices.SortFunc(r.Outputs, func(a, b Output) int { return strings.Compare(a.Name, b.Name) })
	for i := range r.Outputs {
		o, in := &r.Outputs[i], w.Results[r.Outputs[i].Name]
		var properties struct {
			Method string `json:"method"`
		}
		_ = json.Unmarshal(in.Properties, &properties) // a claim without a method is one all the same
		o.Claim = Claim{Version: r.Version, Output: clip(o.Name, 200), Status: status(in.Status), Type: clip(in.Type, 60), Method: clip(properties.Method, 60),
			Summary: clip(in.Summary, maxText), Exception: clip(in.Exception, maxText), Command: clip(in.Command, maxText)}
		for _, c := range in.Comments[:min(len(in.Comments), maxNotes)] {
			o.Claim.Comments = append(o.Claim.Comments, clip(c, maxText))
		}
		rows, cols := frame(in.Outcome)
		for _, f := range in.Files {
			var sdc struct {
				Cells map[string][][]int `json:"cells"`
			}
			_ = json.Unmarshal(f.SDC, &sdc) // what is no list of cells marks none
			if _, twice := r.files[f.Name]; twice || f.Name == "" {
				continue // the first claim of a file stands
			}
			o.Files = append(o.Files, f.Name)
			r.files[f.Name] = file{i, sdc.Cells, rows, cols}
		}
	}
	return r, nil
}

// frame counts the rows and columns of an outcome: column → row → what was said.
func frame(raw json.RawMessage) (rows, cols int) {
	var out map[string]map[string]json.RawMessage
	if json.Unmarshal(raw, &out) != nil {
		return 0, 0
	}
	for _, c := range out {
		rows = max(rows, len(c))
	}
	return rows, len(out)
}

func status(s string) string {
	if s = strings.ToLower(strings.TrimSpace(s)); s == "pass" || s == "review" || s == "fail" {
		return s
	}
	return "unknown"
}

func clip(s string, most int) string {
	s = strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD")
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// Of is the claim about the file of a name, with its marked cells placed in the
// bytes of that file; nil where there is none.
func (r *Results) Of(name string, data []byte) *Claim {
	f, ok := r.files[name]
	if !ok {
		return nil
	}
	c := r.Outputs[f.output].Claim
	c.Comments = slices.Clone(c.Comments)
	down, right, rows, cols := f.offset(data)
	checks := make([]string, 0, len(f.cells))
	for k := range f.cells {
		checks = append(checks, k)
	}
	slices.Sort(checks)
	for _, k := range checks {
		for _, at := range f.cells[k] {
			if len(at) != 2 || at[0] < 0 || at[1] < 0 || at[0]+down >= rows || at[1]+right >= cols {
				continue // not a cell of this file
			}
			if len(c.Masks) == maxMasks {
				c.More++
				continue
			}
			c.Masks = append(c.Masks, Mask{clip(k, 60), at[0] + down + 1, at[1] + right + 1})
		}
	}
	return &c
}

// offset is how many rows of headings and columns of labels a file has before
// the cells that a mask counts, and how large it is. ACRO counts in the frame of
// the outcome, whose size is known where the outcome is given.
func (f file) offset(data []byte) (down, right, rows, cols int) {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	in.FieldsPerRecord, in.LazyQuotes, in.ReuseRecord = -1, true, true
	for {
		rec, err := in.Read()
		if err != nil {
			break
		}
		rows, cols = rows+1, max(cols, len(rec))
	}
	down, right = 1, 1
	if f.rows > 0 && rows > f.rows {
		down = rows - f.rows
	}
	if f.cols > 0 && cols > f.cols {
		right = cols - f.cols
	}
	return down, right, rows, cols
}

// Checksum compares a file's SHA-256 with what ACRO recorded of it in
// checksums/NAME.txt. The checksum lies where the file lies, so it proves
// nothing of where the file came from; that it differs is worth knowing.
func (c *Claim) Checksum(recorded []byte, sha256 string) {
	have := strings.ToLower(strings.TrimSpace(string(recorded)))
	if len(have) != 64 {
		return
	}
	c.Recorded, c.Altered = true, have != strings.ToLower(sha256)
}

// Words says in plain words what a check of ACRO looks for.
func Words(check string) string {
	switch check {
	case "MinimumThresholdCheck":
		return "few people"
	case "NKCheck":
		return "the largest contributors dominate"
	case "PPercentCheck":
		return "one contributor can be estimated"
	case "RequiredZeroCheck", "PresenceOfZeroCheck":
		return "a zero"
	case "MissingValuesCheck":
		return "missing values"
	case "NegativeValuesCheck":
		return "negative values"
	case "AllSameValuesCheck":
		return "all values are the same"
	}
	return check
}

// String is the mask's place as a spreadsheet names it.
func (m Mask) String() string {
	col := ""
	for n := m.Col; n > 0; n = (n - 1) / 26 {
		col = string(rune('A'+(n-1)%26)) + col
	}
	return col + strconv.Itoa(m.Row)
}
