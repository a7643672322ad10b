package selftest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/volume"
)

// PlantPrefix begins the name of everything the attempts leave in the outbox,
// and FilePrefix of what they write elsewhere and take away themselves.
const (
	PlantPrefix = "ark-selftest-"
	FilePrefix  = ".ark-selftest"
)

// plants are the traps a workspace can set in its outbox for the daemon that
// reads it: name, what it is, how to make it.
func plants() []struct {
	name, tries, open string
	make              func(path string, t Target) error
} {
	type plant = struct {
		name, tries, open string
		make              func(path string, t Target) error
	}
	return []plant{
		{"link.csv", "a link to a file of the host", "", func(p string, t Target) error { return os.Symlink(t.HostFiles[0], p) }},
		{"folder", "a link to a folder of the host", "/bait.txt", func(p string, t Target) error { return os.Symlink(filepath.Dir(t.HostFiles[0]), p) }},
		{"proc", "a magic link to the reader's own root", "/etc/passwd", func(p string, _ Target) error { return os.Symlink("/proc/self/root", p) }},
		{"hard.csv", "a file with a second name", "", func(p string, _ Target) error {
			return errors.Join(os.WriteFile(p, []byte("x"), 0o600), os.Link(p, p+".2"))
		}},
		{"pipe.csv", "a pipe, to hang the reader", "", func(p string, _ Target) error { return unix.Mkfifo(p, 0o600) }},
		{"socket.csv", "a socket", "", func(p string, _ Target) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: p})
			if err == nil {
				l.SetUnlinkOnClose(false)
				l.Close()
			}
			return err
		}},
	}
}

// plant sets every trap; it runs inside.
func plant(t Target) error {
	var err error
	for _, p := range plants() {
		err = errors.Join(err, p.make(filepath.Join(t.Outbox, PlantPrefix+p.name), t))
	}
	return err
}

// Planted tries the host's reader on the traps in outbox. A trap that isn't
// there is no refusal.
func Planted(outbox string) []Result {
	var out []Result
	for _, p := range plants() {
		r := Result{Attempt: "outbox-" + p.name, Tries: "trick the outbox reader with " + p.tries}
		name := PlantPrefix + p.name
		if _, err := os.Lstat(filepath.Join(outbox, name)); err != nil {
			r.How = "the trap was not set"
			out = append(out, r)
			continue
		}
		f, _, err := volume.OpenFile(outbox, name+p.open)
		listed := readable(outbox, name)
		switch {
		case err == nil:
			f.Close()
			r.Outcome, r.How = Succeeded, "the reader opened it"
		case listed:
			r.Outcome, r.How = Succeeded, "it was listed as a file that may leave"
		default:
			var fault *ark.Fault
			r.Outcome, r.How = Refused, err.Error()
			if errors.As(err, &fault) {
				r.How = fault.Says
			}
		}
		out = append(out, r)
	}
	return out
}

func readable(outbox, name string) bool {
	entries, err := volume.List(outbox)
	if err != nil {
		return true // can't tell: not a refusal
	}
	for _, e := range entries {
		if e.Name == name && e.Refused == "" {
			return true
		}
	}
	return false
}

// reportFile is where the sandbox leaves its report, in its run folder.
const reportFile = "selftest.json"

// Args are the arguments that make the program inside run every attempt.
func (t Target) Args() ([]string, error) {
	text, err := json.Marshal(t)
	return []string{"attempts", string(text)}, err
}

// WriteReport leaves r in the run folder; it runs inside.
func WriteReport(folder string, r Report) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, reportFile), text, 0o600)
}

// ReadReport reads the report from the run folder of a sandbox that has ended.
// Only results of known attempts count, each once and all of them.
func ReadReport(folder string) (Report, error) {
	f, _, err := volume.OpenFile(folder, reportFile)
	if err != nil {
		return Report{}, ark.Faultf(ark.Unavailable, "the self-test left no report").Because(err)
	}
	defer f.Close()
	var r Report
	if err := json.NewDecoder(io.LimitReader(f, 1<<20)).Decode(&r); err != nil {
		return Report{}, ark.Faultf(ark.Unavailable, "the self-test's report is unreadable").Because(err)
	}
	want := Names()
	if len(r.Results) != len(want) {
		return r, ark.Faultf(ark.Unavailable, "the self-test made %d of %d attempts", len(r.Results), len(want))
	}
	for i, name := range want {
		if r.Results[i].Attempt != name {
			return r, fmt.Errorf("the self-test's report names another attempt")
		}
	}
	return r, nil
}
