// Package kinds is the list of kinds of files that ark-inspect understands, and
// the one way a file is looked at: name, size, what it is by its content, the
// kind's own inspector, and the rebuilt file looked at once more.
//
// It runs inside ark-inspect and may touch the bytes it is given only. It must
// never let a file through that no inspector of its kind has read to its end.
package kinds

import (
	"bytes"
	"context"
	"path"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect/code"
	"github.com/ark-tre/ark/airlock/inspect/delim"
	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/pack"
	"github.com/ark-tre/ark/airlock/inspect/picture"
	"github.com/ark-tre/ark/airlock/inspect/sheet"
)

type inspector func(*look.Scope, look.File) look.Report

// kind is what a file of an ending must be, by its first bytes, and who looks.
type kind struct {
	media string
	is    func([]byte) bool
	look  inspector
	as    []string // endings of the same kind, as profiles name it
}

func begins(with ...string) func([]byte) bool {
	return func(b []byte) bool {
		for _, w := range with {
			if bytes.HasPrefix(b, []byte(w)) {
				return true
			}
		}
		return false
	}
}

// textual: no known binary beginning, and text throughout.
func textual(b []byte) bool {
	return !begins("%PDF", "PK\x03\x04", "{\\rtf", "\x1f\x8b", "GIF8", "RIFF", "\x7fELF", "MZ")(b) && look.TextLike(b)
}

func jsonish(b []byte) bool {
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\ufeff")), " \t\r\n")
	return len(b) > 0 && textual(b) && !bytes.HasPrefix(b, []byte("<"))
}

// list gives the kinds by the ending of a file's name.
func list() map[string]kind {
	zip := begins("PK\x03\x04", "PK\x05\x06")
	m := map[string]kind{
		"csv":   {"text/csv", textual, delim.CSV, nil},
		"tsv":   {"text/tab-separated-values", textual, delim.CSV, []string{"csv"}},
		"json":  {"application/json", jsonish, code.JSON, nil},
		"xlsx":  {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", zip, sheet.XLSX, nil},
		"png":   {"image/png", begins("\x89PNG\r\n\x1a\n"), picture.PNG, nil},
		"jpg":   {"image/jpeg", begins("\xff\xd8\xff"), picture.JPEG, nil},
		"jpeg":  {"image/jpeg", begins("\xff\xd8\xff"), picture.JPEG, []string{"jpg"}},
		"ipynb": {"application/x-ipynb+json", jsonish, code.Notebook, nil},
		"txt":   {"text/plain", textual, code.Prose("text/plain"), nil},
		"log":   {"text/plain", textual, code.Prose("text/plain"), []string{"txt"}},
		"md":    {"text/markdown", textual, code.Prose("text/markdown"), nil},
		"zip":   {"application/zip", zip, pack.ZIP, nil},
	}
	for ending, media := range map[string]string{"py": "text/x-python", "r": "text/x-r", "rmd": "text/markdown", "qmd": "text/markdown", "sql": "application/sql", "do": "text/x-stata", "sas": "text/x-sas", "sps": "text/x-spss",
		"jl": "text/x-julia", "sh": "text/x-sh", "yaml": "application/yaml", "yml": "application/yaml", "toml": "application/toml", "stan": "text/x-stan", "tex": "text/x-tex", "bib": "text/x-bibtex", "cfg": "text/plain", "ini": "text/plain"} {
		m[ending] = kind{media, textual, code.Source(media), []string{"txt", "md"}}
	}
	m["ndjson"], m["jsonl"] = kind{"application/json", jsonish, code.JSON, []string{"json"}}, kind{"application/json", jsonish, code.JSON, []string{"json"}}
	more(m)
	return m
}

// Options say what may leave and how much is done.
type Options struct {
	Allowed []string // endings; none: every kind on the list
	MaxRows int
	Known   func([]byte) bool
	Records int  // of the extract, for models: no more parameters than that; 0: not known
	Anyway  bool // hand a rebuilt file over though it fails, for those who may decide that it leaves
}

// Look looks at one submitted file.
func Look(ctx context.Context, o Options, name string, data []byte) look.Report {
	kinds := list()
	r := run(ctx, o, kinds, look.File{Name: name, Data: data})
	if r.Rebuilt != nil && r.Hopeless() && !o.Anyway {
		r.Rebuilt = nil
	}
	if r.Rebuilt == nil || !r.Fails() && r.Ending == "" && bytes.Equal(r.Rebuilt, data) {
		return r
	}
	// A rebuilt file is handed on only if it is itself found clean.
	again := look.File{Name: rebuiltName(name, r.Ending), Data: r.Rebuilt}
	twice := run(ctx, Options{MaxRows: o.MaxRows, Known: o.Known, Records: o.Records}, kinds, again)
	if twice.Fails() && !(o.Anyway && covers(r, twice)) {
		r.Rebuilt = nil
	}
	return r
}

// covers reports whether a file failed for everything that its rebuilt one
// fails for.
func covers(r, rebuilt look.Report) bool {
	for _, x := range rebuilt.Findings {
		if x.Severity == disclosure.SevFail && !slices.ContainsFunc(r.Findings, func(y disclosure.Finding) bool { return y.Rule == x.Rule && y.Severity == x.Severity }) {
			return false
		}
	}
	return true
}

func rebuiltName(name, ending string) string {
	if ending == "" {
		return name
	}
	return strings.TrimSuffix(name, path.Ext(name)) + "." + ending
}

// run looks at one file and, through its scope, at what lies inside.
func run(ctx context.Context, o Options, kinds map[string]kind, f look.File) look.Report {
	s := &look.Scope{Context: ctx, Known: o.Known, MaxRows: o.MaxRows, Records: o.Records, Anyway: o.Anyway, Room: look.NewRoom()}
	s.Inspect = func(inner look.File) look.Report { return one(s, o, kinds, inner) }
	r := one(s, o, kinds, f)
	if ctx.Err() != nil {
		return look.Refuse(f, r.Media, "file-slow")
	}
	return r
}

func one(s *look.Scope, o Options, kinds map[string]kind, f look.File) look.Report {
	var named look.Report
	s.Name(&named, f)
	k, ok := kinds[f.Ext()]
	var r look.Report
	switch {
	case len(f.Data) == 0:
		r = look.Refuse(f, "application/octet-stream", "file-empty")
	case f.Depth == 0 && len(f.Data) > look.MaxFile:
		r = look.Refuse(f, "application/octet-stream", "file-too-large")
	case !ok:
		rule := "file-type-not-allowed"
		if strings.TrimSpace(f.Ext()) == "" {
			rule = "file-unknown"
		}
		r = look.Refuse(f, sniff(f.Data), rule, "ending", clip(f.Ext()))
	case f.Depth == 0 && !allowed(o.Allowed, f.Ext(), k):
		r = look.Refuse(f, k.media, "file-type-not-allowed", "ending", clip(f.Ext()), "allowed", strings.Join(o.Allowed, " "))
	case encrypted(f.Data):
		r = look.Refuse(f, sniff(f.Data), "file-encrypted")
	case f.Ext() == "dta" && len(f.Data) > 3 && f.Data[0] >= 102 && f.Data[0] <= 115: // Stata 3 to 12
		r = look.Refuse(f, k.media, "file-old-form", "format", look.Itoa(int(f.Data[0])))
	case !k.is(f.Data):
		r = look.Refuse(f, sniff(f.Data), "file-type-mismatch", "ending", clip(f.Ext()))
	default:
		r = k.look(s, f)
		if two := polyglot(f); two != "" {
			r.Add(f, "file-two-types", look.Nowhere, "also", two)
		}
	}
	r.Findings = append(named.Findings, r.Findings...)
	return r
}

func clip(s string) string { return s[:min(len(s), 12)] }

// allowed reports whether a profile's list of endings takes a kind.
func allowed(list []string, ext string, k kind) bool {
	if len(list) == 0 || slices.Contains(list, ext) {
		return true
	}
	return slices.ContainsFunc(k.as, func(a string) bool { return slices.Contains(list, a) })
}

// encrypted tells Office files with a password, and PGP.
func encrypted(b []byte) bool {
	ole := begins("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")(b)
	return ole && bytes.Contains(b, utf16le("EncryptedPackage")) || begins("-----BEGIN PGP MESSAGE", "Salted__", "age-encryption.org/", "\x85\x01\x0c")(b)
}

func utf16le(s string) []byte {
	var out []byte
	for _, c := range s {
		out = append(out, byte(c), 0)
	}
	return out
}

// polyglot names a second type that the same bytes can be read as. The strict
// readers leave no room before, between or after their parts; what is left are
// markers that lie inside text.
func polyglot(f look.File) string {
	switch f.Ext() {
	case "zip", "xlsx", "ods", "docx", "pptx":
		return ""
	}
	head := f.Data[:min(len(f.Data), 1024)]
	switch {
	case f.Ext() != "pdf" && bytes.Contains(head, []byte("%PDF-1")):
		return "application/pdf"
	case bytes.Contains(f.Data, []byte("PK\x05\x06")) && bytes.Contains(f.Data, []byte("PK\x01\x02")):
		return "application/zip"
	}
	return ""
}
