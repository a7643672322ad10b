// Package wire is what is said between a worker and ark-inspect over the
// child's standard input and output: frames of a JSON head and plain bytes.
//
// It may touch the reader and writer it is given and nothing else. It must
// never trust a length: what comes from the child is hostile.
package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/engine/walls"
)

// Hello is the child's first frame: the walls that stand around it. User is
// the user id it runs as, seen from inside.
type Hello struct {
	Walls walls.Report `json:"walls"`
	User  int          `json:"user"`
	Known int64        `json:"known"` // how many known values it was given
	Fault string       `json:"fault,omitempty"`
}

// Ask is one file to look at; its bytes follow.
type Ask struct {
	Name    string   `json:"name"`
	Allowed []string `json:"allowed,omitempty"` // endings that may leave; none: every kind that is understood
	MaxRows int      `json:"max_rows,omitempty"`
	Records int      `json:"records,omitempty"` // of the extract; 0: not known
	Anyway  bool     `json:"anyway,omitempty"`  // rebuild what fails too
	Tables  bool     `json:"tables,omitempty"`  // give tables back, as disclosure.WriteSheets writes them, and numbers of models
}

// Answer is what was found; the rebuilt file, the sheets and the numbers follow,
// in this order, each as long as said.
type Answer struct {
	Type     string               `json:"type"`
	Verdict  disclosure.Verdict   `json:"verdict"`
	Findings []disclosure.Finding `json:"findings"`
	Rebuilt  int                  `json:"rebuilt"` // bytes; -1: none
	Ending   string               `json:"ending,omitempty"`
	Sheets   int                  `json:"sheets"`            // bytes of the stream of sheets; -1: none
	Numbers  int                  `json:"numbers,omitempty"` // bytes of a model's numbers, as PutNumbers writes them
}

// PutNumbers writes runs of numbers, each after its length.
func PutNumbers(runs [][]float32) []byte {
	var b []byte
	for _, r := range runs {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(r)))
		for _, v := range r {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return b
}

// Numbers reads what PutNumbers wrote.
func Numbers(b []byte) ([][]float32, error) {
	var out [][]float32
	for len(b) > 0 {
		if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4)/4 {
			return nil, errors.New("wire: a run of numbers is shorter than it says")
		}
		r := make([]float32, binary.LittleEndian.Uint32(b))
		for i := range r {
			r[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4+4*i:]))
		}
		out, b = append(out, r), b[4+4*len(r):]
	}
	return out, nil
}

// The most that a frame may hold.
const (
	maxHead = 8 << 20
	MaxBody = 320 << 20
)

// Write writes one frame.
func Write(w *bufio.Writer, head any, body ...[]byte) error {
	h, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("wire: %w", err)
	}
	n := 0
	for _, b := range body {
		n += len(b)
	}
	var size [12]byte
	binary.LittleEndian.PutUint32(size[:], uint32(len(h)))
	binary.LittleEndian.PutUint64(size[4:], uint64(n))
	_, err = w.Write(size[:])
	_, err2 := w.Write(h)
	err = errors.Join(err, err2)
	for _, b := range body {
		_, err2 = w.Write(b)
		err = errors.Join(err, err2)
	}
	return errors.Join(err, w.Flush())
}

// Read reads one frame of at most most bytes of body.
func Read(r io.Reader, head any, most int64) ([]byte, error) {
	var size [12]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n, m := int64(binary.LittleEndian.Uint32(size[:])), binary.LittleEndian.Uint64(size[4:])
	if n > maxHead || m > uint64(most) {
		return nil, errors.New("wire: a frame is larger than it may be")
	}
	h := make([]byte, n)
	if _, err := io.ReadFull(r, h); err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	if err := json.Unmarshal(h, head); err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	body := make([]byte, m)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	return body, nil
}
