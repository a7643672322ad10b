package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ark-tre/ark/pkg/ark"
)

// Finding is something wrong with an exported log.
type Finding struct {
	Kind  string // one of the constants below
	Where string // file, and entry where it is known
	Entry int64  // the first entry concerned; -1 if it is not known
	Says  string
}

func (f Finding) String() string { return f.Kind + ": " + f.Where + ": " + f.Says }

// The kinds of findings.
const (
	Forged    = "forged"    // the checkpoint is not signed by the key
	Altered   = "altered"   // bytes differ from what was logged
	Dropped   = "dropped"   // an entry is missing from among the others
	Reordered = "reordered" // entries are there, in another order
	Truncated = "truncated" // the end, or a file, is missing
	Rewritten = "rewritten" // does not begin with what a checkpoint given out fixes
	Malformed = "malformed" // an entry that this log can't have written
	Repeated  = "repeated"  // an identifier twice
)

// Report is what Verify found.
type Report struct {
	Checkpoint         // the export's own, if it is authentic
	Against    []int64 // sizes of the older checkpoints that hold
	First      time.Time
	Last       time.Time // of the entries, by their own time
	Restored   []Restored
	Findings   []Finding
	Dismissed  int // further findings beyond maxFindings
}

// Restored is where the log says that it goes on from a backup.
type Restored struct {
	Entry int64
	Time  time.Time
}

// OK reports whether the log is whole and is what its checkpoint, and every
// checkpoint it was held against, says.
func (r Report) OK() bool { return len(r.Findings) == 0 && len(r.Checkpoint.Note) > 0 }

const maxFindings = 50

func (r *Report) find(kind, where string, entry int64, format string, args ...any) {
	if len(r.Findings) == maxFindings {
		r.Dismissed++
		return
	}
	r.Findings = append(r.Findings, Finding{kind, where, entry, fmt.Sprintf(format, args...)})
}

// Verify checks an exported log, offline: the checkpoint's signature, every
// entry against the tiles, every tile against those below it, the root against
// the checkpoint; and that the log begins with what each of the older signed
// checkpoints in against fixes. A finding is not an error; an error means that
// verifying was impossible. It reads the log once, in memory for one bundle
// per level and 24 bytes per entry (to find repeated identifiers).
func Verify(export fs.FS, verifierKeys []string, against ...[]byte) (Report, error) {
	if len(verifierKeys) == 0 {
		return Report{}, ark.Faultf(ark.Invalid, "there is no public key to verify with").Do("give the ledger's public key, from another source than the export")
	}
	known, err := parseKeys(verifierKeys)
	if err != nil {
		return Report{}, err
	}
	v := &verifier{get: dirGetter(export), seen: make(map[[16]byte]int64)}
	signed, err := v.get(headName)
	if ark.Is(err, ark.Unknown) {
		v.report.find(Truncated, headName, -1, "there is no checkpoint")
		return v.report, nil
	}
	if err != nil {
		return Report{}, err
	}
	v.report.Checkpoint, err = openCheckpoint(signed, known)
	if err != nil {
		v.report.find(Forged, headName, -1, "it is not signed by the key that was given, or has been changed")
	}
	for i, old := range against {
		c, oldErr := openCheckpoint(old, known)
		switch {
		case oldErr != nil:
			v.report.find(Forged, fmt.Sprintf("checkpoint to hold it against, number %d", i+1), -1, "it is not signed by the key that was given, or has been changed")
		case err == nil && c.Origin != v.report.Origin:
			v.report.find(Forged, fmt.Sprintf("checkpoint to hold it against, number %d", i+1), -1, "it belongs to another ledger")
		default:
			v.against = append(v.against, c)
		}
	}
	slices.SortFunc(v.against, func(a, b Checkpoint) int { return int(min(1, max(-1, a.Size-b.Size))) })
	if err != nil {
		return v.report, nil
	}
	return v.report, v.run()
}

func dirGetter(dir fs.FS) getter {
	return func(name string) ([]byte, error) {
		data, err := fs.ReadFile(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, ark.Faultf(ark.Unknown, "there is no file %q in the export", name).Do("export the ledger again").Because(err)
		}
		if err != nil {
			return nil, ark.Faultf(ark.Unavailable, "the export can't be read").Do("check the folder and its permissions").Because(err)
		}
		return data, nil
	}
}

type verifier struct {
	get     getter
	report  Report
	against []Checkpoint // by size
	seen    map[[16]byte]int64

	entries spine // the tree over the entries as they are
	tiles   spine // the tree over the lowest tiles as they are
	levels  []level
	shifted bool // entries were found to be missing: what follows is out of place
}

// level collects the hashes of one level of tiles until a tile is complete.
type level struct {
	hashes []tlog.Hash
	number int64
}

func (v *verifier) run() error {
	size := v.report.Size
	v.hold(0)
	for n := int64(0); n*width < size; n++ {
		err := v.bundle(n, int(min(width, size-n*width)))
		if err != nil {
			return err
		}
	}
	for i := range v.levels { // the partial tiles at the right edge
		err := v.tile(i)
		if err != nil {
			return err
		}
	}
	v.root()
	for _, c := range v.against {
		if c.Size > size {
			v.report.find(Truncated, fmt.Sprintf("entry %d", size), size,
				"a checkpoint of %d entries was given out, and this log ends after %d%s", c.Size, size, v.declared(c.Size))
		}
	}
	return nil
}

// root compares both trees with what the checkpoint signs.
func (v *verifier) root() {
	want := v.report.Root
	entries, tiles := v.entries.root() == want, v.tiles.root() == want
	switch {
	case entries && tiles:
	case tiles:
		if len(v.report.Findings) == 0 {
			v.report.find(Altered, headName, -1, "the entries are not what the checkpoint signs")
		}
	case entries:
		if len(v.report.Findings) == 0 {
			v.report.find(Altered, headName, -1, "the tiles are not what the checkpoint signs")
		}
	default:
		v.report.find(Rewritten, headName, -1, "neither the entries nor the tiles are what the checkpoint signs")
	}
}

// hold compares both trees, of the given size now, with the older checkpoints
// of that size.
func (v *verifier) hold(size int64) {
	for _, c := range v.against {
		switch {
		case c.Size != size:
		case v.entries.root() == c.Root:
			v.report.Against = append(v.report.Against, size)
		default:
			v.report.find(Rewritten, fmt.Sprintf("entries 0 to %d", size-1), 0,
				"they are not what the checkpoint of %d entries, given out earlier, fixes%s", size, v.declared(size))
		}
	}
}

// declared says, after a finding about a checkpoint given out, where the log
// itself tells of its loss.
func (v *verifier) declared(size int64) string {
	for _, r := range v.report.Restored {
		if r.Entry < size {
			return fmt.Sprintf(": entry %d tells that it was restored from a backup on %s, so at least %d entries that the checkpoint covers are lost",
				r.Entry, r.Time.Format(time.DateOnly), size-r.Entry)
		}
	}
	return ""
}

// spine is a Merkle tree while it grows: its complete subtrees, largest first.
type spine []struct {
	height int
	hash   tlog.Hash
}

func (s *spine) add(h tlog.Hash) {
	height := 0
	for n := len(*s); n > 0 && (*s)[n-1].height == height; n-- {
		h = tlog.NodeHash((*s)[n-1].hash, h)
		*s = (*s)[:n-1]
		height++
	}
	*s = append(*s, struct {
		height int
		hash   tlog.Hash
	}{height, h})
}

func (s spine) root() tlog.Hash {
	if len(s) == 0 {
		h, _ := tlog.TreeHash(0, nil) // never fails
		return h
	}
	h := s[len(s)-1].hash
	for i := len(s) - 2; i >= 0; i-- {
		h = tlog.NodeHash(s[i].hash, h)
	}
	return h
}
