package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/inspect/known"
	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// inspectCmd looks at files in ark-inspect. One JSON line a file; exit status
// 0 none fails, 1 one fails, 2 misuse.
type inspectCmd struct {
	Permit      string   `help:"A permit, a JSON file: its disclosure profile says what may leave." type:"path" xor:"rules"`
	Profile     string   `help:"A shipped disclosure profile's name or a profile file: its list of files and its longest table hold." xor:"rules"`
	KnownValues string   `name:"known-values" help:"Values that must not leave, one a line: pseudonyms, record keys." type:"path"`
	Out         string   `help:"Write rebuilt, clean files into this folder." type:"path"`
	Records     int      `help:"How many records the extract holds: a model of as many parameters is refused."`
	Extract     string   `help:"The extract, a Parquet file or a folder of them: models are refused that hold rows of it."`
	Scanner     string   `help:"clamd's address, a socket or host:port; then every file must pass it." env:"ARK_CLAMD"`
	Weak        bool     `help:"Go on where the kernel lacks a part of the sandbox."`
	Rules       bool     `help:"List what is looked for instead."`
	JSON        bool     `name:"json" help:"Print JSON (always on)."`
	Files       []string `arg:"" optional:"" help:"Files, or folders of them." name:"file"`
}

// inspected is what is printed of one file.
type inspected struct {
	File     string               `json:"file"`
	Type     string               `json:"type"`
	Verdict  disclosure.Verdict   `json:"verdict"`
	Findings []disclosure.Finding `json:"findings"`
	Rebuilt  *string              `json:"rebuilt"`
}

// Run looks at every file and prints a line for each.
func (c inspectCmd) Run(ctx context.Context) error {
	if c.Rules {
		return printResult(look.Rules(), false)
	}
	if len(c.Files) == 0 {
		return ark.Faultf(ark.Invalid, "there is nothing to look at").Do("name the files")
	}
	allowed, rows, err := c.limits()
	if err != nil {
		return err
	}
	files, err := c.expand()
	if err != nil {
		return err
	}
	prog, err := program("ark-inspect")
	if err != nil {
		return err
	}
	values, err := c.known()
	if err != nil {
		return err
	}
	if values != nil {
		defer values.Close()
	}
	if c.Out != "" {
		if err := os.MkdirAll(c.Out, 0o700); err != nil {
			return ark.Faultf(ark.Invalid, "the folder for rebuilt files could not be made").Because(err)
		}
	}
	s, err := inspect.Inspector{Program: prog, Scanner: c.Scanner, Weak: c.Weak}.Start(ctx, values)
	if err != nil {
		return err
	}
	defer s.Close()
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	found, taken := false, map[string]bool{}
	for _, f := range files {
		r, err := f.look(ctx, s, inspect.Item{Allowed: allowed, MaxRows: rows, Records: c.Records, Tables: c.Extract != ""})
		if err == nil {
			r, err = holdsRecords(ctx, c.Extract, f.name, r)
		}
		if err != nil {
			return err
		}
		line := inspected{File: f.shown, Type: r.Type, Verdict: r.Verdict, Findings: r.Findings}
		if c.Out != "" && r.Rebuilt != nil {
			path, err := c.write(f.name, r, taken)
			if err != nil {
				return err
			}
			line.Rebuilt = &path
		}
		found = found || r.Verdict == disclosure.Fail
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	if found {
		return errFound
	}
	return nil
}

// limits are what a permit or profile says of files.
func (c inspectCmd) limits() ([]string, int, error) {
	name := c.Profile
	if c.Permit != "" {
		b, err := os.ReadFile(c.Permit)
		if err != nil {
			return nil, 0, ark.Faultf(ark.Invalid, "the permit could not be read").Because(err)
		}
		var p struct {
			Profile string `json:"profile"`
		}
		if err := json.Unmarshal(b, &p); err != nil || p.Profile == "" {
			return nil, 0, ark.Faultf(ark.Invalid, "the permit names no disclosure profile")
		}
		name = p.Profile
	}
	if name == "" {
		return nil, 0, nil
	}
	var all []policy.Profile
	for _, n := range strings.Split(name, "+") {
		p, err := policy.Open(n)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, p)
	}
	p := all[0]
	if len(all) > 1 {
		var err error
		if p, err = policy.Combine(all...); err != nil {
			return nil, 0, err
		}
	}
	return p.Files, p.MaxRows, nil
}

// known makes the set of known values.
func (c inspectCmd) known() (*os.File, error) {
	if c.KnownValues == "" {
		return nil, nil
	}
	in, err := os.Open(c.KnownValues)
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the known values could not be opened").Because(err)
	}
	defer in.Close()
	set, _, err := known.Make("", in)
	return set, err
}

// fileArg is one file to look at: where it is, what it is called to the
// inspector and what it is called in the output.
type fileArg struct {
	path, name, shown string
	odd               bool // a link or special file, inside a folder that was named
}

// expand lists the files, folders opened in order.
func (c inspectCmd) expand() ([]fileArg, error) {
	var out []fileArg
	for _, p := range c.Files {
		st, err := os.Stat(p)
		if err != nil {
			return nil, ark.Faultf(ark.Invalid, "a file to look at could not be found: %s", baseName(p)).Because(err)
		}
		if !st.IsDir() {
			out = append(out, fileArg{path: p, name: submitted(p), shown: p, odd: !st.Mode().IsRegular()})
			continue
		}
		n := len(out)
		err = filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			inside, err := filepath.Rel(p, path)
			if err != nil {
				return err
			}
			if base := filepath.Base(filepath.Clean(p)); strings.HasPrefix(base, ".") && base != "." && base != ".." {
				inside = filepath.Join(base, inside)
			}
			out = append(out, fileArg{path: path, name: filepath.ToSlash(inside), shown: path, odd: !d.Type().IsRegular()})
			return nil
		})
		if err != nil {
			return nil, ark.Faultf(ark.Invalid, "a folder could not be read").Because(err)
		}
		if len(out) == n {
			return nil, ark.Faultf(ark.Invalid, "a folder holds no file: %s", baseName(p))
		}
	}
	return out, nil
}

// submitted is a file's name with what of its folders tells what it is.
func submitted(p string) string {
	parts := strings.Split(filepath.ToSlash(filepath.Clean(p)), "/")
	for i, x := range parts {
		if slices.Contains([]string{".git", ".hg", ".svn"}, x) {
			return strings.Join(parts[i:], "/")
		}
	}
	return baseName(p)
}

// look has the file looked at. What is no plain file is refused unopened.
func (f fileArg) look(ctx context.Context, s *inspect.Session, it inspect.Item) (inspect.Result, error) {
	if f.odd {
		r := look.Refuse(look.File{Name: f.name}, "application/octet-stream", "file-link")
		return inspect.Result{Type: r.Media, Verdict: r.Verdict(), Findings: r.Findings}, nil
	}
	st, err := os.Stat(f.path)
	var data []byte
	switch {
	case err != nil:
	case st.Size() > inspect.MaxFile:
		data = make([]byte, inspect.MaxFile+1) // refused by its size, unread
	default:
		data, err = os.ReadFile(f.path)
	}
	if err != nil {
		return inspect.Result{}, ark.Faultf(ark.Invalid, "a file to look at could not be read: %s", baseName(f.path)).Because(err)
	}
	it.Name, it.Data = f.name, data
	return s.Look(ctx, it)
}

// write puts a rebuilt file into the folder under its own name, with a number
// before it when that is taken.
func (c inspectCmd) write(name string, r inspect.Result, taken map[string]bool) (string, error) {
	base := baseName(name)
	if r.Ending != "" {
		base = strings.TrimSuffix(base, filepath.Ext(base)) + "." + r.Ending
	}
	free := base
	for n := 2; taken[free]; n++ {
		free = strconv.Itoa(n) + "-" + base
	}
	taken[free] = true
	path := filepath.Join(c.Out, free)
	if err := os.WriteFile(path, r.Rebuilt, 0o600); err != nil {
		return "", ark.Faultf(ark.Invalid, "a rebuilt file could not be written").Because(errors.Join(err, fmt.Errorf("%s", free)))
	}
	return path, nil
}
