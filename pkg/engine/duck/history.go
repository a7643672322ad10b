package duck

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"sync"
	"time"
)

// Entry is one statement in the user's own history. It stays in the private
// home, inside the workspace.
type Entry struct {
	At        time.Time `json:"at"`
	SQL       string    `json:"sql"`
	Rows      int       `json:"rows"`
	ElapsedMS int64     `json:"elapsed_ms"`
	OK        bool      `json:"ok"`
}

// history keeps the last entries in a file. Losing it loses nothing else, so
// it never fails a query.
type history struct {
	mu   sync.Mutex
	root *os.Root
	last []Entry
}

const (
	historyFile = ".sql-history.ndjson"
	historyKept = 200
	historySQL  = 32 << 10
)

func openHistory(home string) *history {
	h := &history{}
	if home == "" {
		return h
	}
	root, err := os.OpenRoot(home)
	if err != nil {
		return h
	}
	h.root = root
	f, err := root.Open(historyFile)
	if err != nil {
		return h
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 2*historySQL)
	for in.Scan() {
		var e Entry
		if json.Unmarshal(in.Bytes(), &e) == nil {
			h.keep(e)
		}
	}
	return h
}

func (h *history) keep(e Entry) {
	h.last = append(h.last, e)
	if len(h.last) > historyKept {
		h.last = slices.Delete(h.last, 0, len(h.last)-historyKept)
	}
}

// add keeps an entry and writes the file anew.
func (h *history) add(e Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.SQL, _ = clip(e.SQL, historySQL)
	h.keep(e)
	if h.root == nil {
		return
	}
	f, err := h.root.OpenFile(historyFile+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	out := json.NewEncoder(f)
	for _, e := range h.last {
		if err = out.Encode(e); err != nil {
			break
		}
	}
	if f.Close() == nil && err == nil {
		h.root.Rename(historyFile+".part", historyFile)
	}
}

// list returns the entries, latest first.
func (h *history) list() []Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := slices.Clone(h.last)
	slices.Reverse(out)
	if out == nil {
		out = []Entry{}
	}
	return out
}
