package pack

import (
	"archive/zip"
	"bytes"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// ZIP looks at an archive and at every member of it, and packs the clean
// members anew.
func ZIP(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/zip"}
	members, ok := Open(s, &r, f)
	if !ok {
		return r
	}
	if len(members) == 0 {
		r.Add(f, "file-empty", look.Nowhere)
		return r
	}
	walk(s, &r, f, members)
	return r
}

// walk looks at members and makes the new archive when all are clean.
func walk(s *look.Scope, r *look.Report, f look.File, members []Member) {
	if f.Depth >= look.MaxDepth {
		r.Add(f, "archive-deep", look.Nowhere)
		return
	}
	slices.SortStableFunc(members, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	clean := []Member{}
	for _, m := range members {
		if s.Context.Err() != nil {
			r.Add(f, "file-slow", look.Nowhere)
			return
		}
		inner := look.File{Name: f.Name + "!/" + m.Name, Data: m.Data, Depth: f.Depth + 1}
		if escapes(m.Name) {
			r.Add(f, "archive-path", look.Nowhere)
		}
		got := s.Inspect(inner)
		for i := range got.Tables {
			got.Tables[i].Sheet = strings.Trim(m.Name+"!"+got.Tables[i].Sheet, "!")
		}
		r.Take(got)
		if got.Rebuilt == nil {
			clean = nil
		}
		if clean != nil {
			name := m.Name
			if got.Ending != "" {
				name = strings.TrimSuffix(name, path.Ext(name)) + "." + got.Ending
			}
			clean = append(clean, Member{Name: name, Data: got.Rebuilt})
		}
	}
	if clean != nil && !escapesAny(clean) {
		r.Rebuilt, r.Ending = Zip(clean), "zip"
	}
}

func escapesAny(ms []Member) bool {
	return slices.ContainsFunc(ms, func(m Member) bool { return escapes(m.Name) })
}

// escapes reports whether a member's name leads out of its archive.
func escapes(n string) bool {
	n = strings.ReplaceAll(n, `\`, "/")
	return strings.HasPrefix(n, "/") || len(n) > 1 && n[1] == ':' || slices.Contains(strings.Split(n, "/"), "..")
}

// Zip packs members, the same bytes for the same members.
func Zip(ms []Member) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range ms {
		h := &zip.FileHeader{Name: m.Name, Method: zip.Deflate, Modified: time.Time{}}
		if m.Name == "mimetype" { // first and as it is, as OpenDocument asks
			h.Method = zip.Store
		}
		if out, err := w.CreateHeader(h); err == nil {
			_, _ = out.Write(m.Data) // a buffer takes it all
		}
	}
	_ = w.Close()
	return b.Bytes()
}
