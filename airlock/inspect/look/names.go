package look

import (
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Name judges a file's name: it is content too, and shown to people.
func (s *Scope) Name(r *Report, f File) {
	full := f.Name
	if i := strings.LastIndex(full, "!/"); i >= 0 {
		full = full[i+2:]
	}
	parts := strings.Split(strings.ReplaceAll(full, `\`, "/"), "/")
	switch {
	case !utf8.ValidString(full):
		r.Add(f, "file-name-control", Nowhere)
		return
	case len(full) > 200 || len(path.Base(full)) > 120:
		r.Add(f, "file-name-long", Nowhere)
	}
	if slices.Contains(parts, "..") || strings.HasPrefix(full, "/") || strings.HasPrefix(full, `\`) || len(full) > 1 && full[1] == ':' {
		r.Add(f, "file-name-path", Nowhere)
	}
	for _, p := range parts {
		low := strings.ToLower(p)
		switch {
		case low == ".git" || low == ".hg" || low == ".svn" || low == ".bzr":
			r.Add(f, "file-version-control", Nowhere)
		case strings.HasPrefix(p, ".") && p != "." && p != "..", low == "thumbs.db", low == "desktop.ini", low == "__macosx", strings.HasPrefix(low, "~$"), low == "__pycache__", low == ".ipynb_checkpoints":
			r.Add(f, "file-name-hidden", Nowhere)
		}
		if strings.TrimRight(p, ". ") != p || strings.TrimLeft(p, " ") != p {
			r.Add(f, "file-name-control", Nowhere)
		}
		stem, _, _ := strings.Cut(low, ".")
		if slices.Contains([]string{"con", "prn", "aux", "nul", "com1", "com2", "lpt1"}, stem) {
			r.Add(f, "file-name-hidden", Nowhere)
		}
	}
	for _, c := range full {
		if unicode.IsControl(c) {
			r.Add(f, "file-name-control", Nowhere)
			break
		}
	}
	if strings.ContainsAny(full, `:*?"<>|`) {
		r.Add(f, "file-name-control", Nowhere)
	}
	base := strings.ToLower(f.Base())
	if stem := strings.TrimSuffix(base, path.Ext(base)); dangerous[path.Ext(stem)] || dangerous[path.Ext(base)] {
		r.Add(f, "file-type-double", Nowhere)
	}
	h := s.scan(strings.TrimSuffix(full, path.Ext(full)))
	for _, p := range parts {
		h |= s.scan(strings.TrimSuffix(p, path.Ext(p)))
	}
	switch {
	case h&(hitInvisible|hitBidi|hitHomoglyph|hitControl) != 0:
		r.Add(f, "file-name-control", Nowhere)
	case h&(identifiers|hitNested) != 0:
		r.Add(f, "file-name-identifier", Nowhere)
	case h&(hitEncoded|hitEncodedMaybe) != 0:
		r.Add(f, "file-name-encoded", Nowhere)
	}
	if ws := strings.FieldsFunc(strings.TrimSuffix(f.Base(), path.Ext(f.Base())), func(c rune) bool { return !unicode.IsLetter(c) }); len(ws) >= 2 {
		for i := 0; i+1 < len(ws); i++ {
			a, b := strings.ToLower(ws[i]), strings.ToLower(ws[i+1])
			if unicode.IsUpper(rune(ws[i][0])) && unicode.IsUpper(rune(ws[i+1][0])) && givenNames[a] && surnames[b] {
				r.Add(f, "file-name-identifier", Nowhere)
				return
			}
		}
	}
}

// dangerous are endings of programs, that a harmless-looking name may carry.
var dangerous = map[string]bool{".exe": true, ".scr": true, ".bat": true, ".cmd": true, ".com": true, ".js": true, ".vbs": true, ".lnk": true, ".jar": true, ".msi": true, ".ps1": true, ".hta": true, ".dll": true, ".app": true, ".apk": true}
