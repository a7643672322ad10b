package pack

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/ulikunitz/xz"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// TAR looks at a tape archive and its members, and packs the clean ones as ZIP.
func TAR(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/x-tar"}
	tape(s, &r, f, f.Data)
	return r
}

func tape(s *look.Scope, r *look.Report, f look.File, data []byte) {
	in := bytes.NewReader(data)
	t := tar.NewReader(in)
	var ms []Member
	names := map[string]bool{}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.Add(f, "archive-damaged", look.Nowhere)
			return
		}
		for k, v := range h.PAXRecords {
			if k != "path" && k != "mtime" && k != "atime" && k != "ctime" && k != "size" && k != "comment" && !strings.HasPrefix(k, "LIBARCHIVE.") || k == "comment" || len(v) > 300 {
				r.Add(f, "archive-comment", look.Nowhere)
			}
		}
		if escapes(h.Name) {
			r.Add(f, "archive-path", look.Nowhere)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			continue
		case tar.TypeReg:
		default:
			r.Add(f, "archive-link", look.Nowhere)
			continue
		}
		if names[strings.ToLower(path.Clean(h.Name))] {
			r.Add(f, "archive-duplicate", look.Nowhere)
		}
		names[strings.ToLower(path.Clean(h.Name))] = true
		if h.Size < 0 || !s.Room.Take(h.Size, 1) {
			r.Add(f, "archive-bomb", look.Nowhere)
			return
		}
		body, err := io.ReadAll(t)
		if err != nil || int64(len(body)) != h.Size {
			r.Add(f, "archive-damaged", look.Nowhere)
			return
		}
		ms = append(ms, Member{Name: strings.TrimPrefix(h.Name, "./"), Data: body})
	}
	if rest := data[len(data)-in.Len():]; len(bytes.Trim(rest, "\x00")) > 0 {
		r.Add(f, "archive-hidden-data", look.Nowhere, "bytes", look.Itoa(len(rest)))
	}
	if len(ms) == 0 {
		r.Add(f, "file-empty", look.Nowhere)
		return
	}
	walk(s, r, f, ms)
}

// Unfold decompresses gzip, bzip2 or xz within the room, or says which rule is
// broken. name is what a gzip header calls the file.
func Unfold(s *look.Scope, data []byte) (out []byte, name, rule string) {
	in := bytes.NewReader(data)
	var z io.Reader
	var err error
	switch {
	case bytes.HasPrefix(data, []byte("\x1f\x8b")):
		var g *gzip.Reader
		if g, err = gzip.NewReader(in); err == nil {
			g.Multistream(false)
			if name = g.Name; g.Comment != "" || len(g.Extra) > 0 {
				return nil, name, "archive-comment"
			}
			z = g
		}
	case bytes.HasPrefix(data, []byte("BZh")):
		z = bzip2.NewReader(in)
	case bytes.HasPrefix(data, []byte("\xfd7zXZ\x00")):
		z, err = xz.NewReader(in)
	default:
		return nil, "", "file-unreadable"
	}
	if err != nil {
		return nil, name, "archive-damaged"
	}
	most := min(s.Room.Bytes, max(1<<20, int64(len(data))*look.MaxRatio))
	out, err = io.ReadAll(io.LimitReader(z, most+1))
	switch {
	case err != nil:
		return nil, name, "archive-damaged"
	case int64(len(out)) > most || !s.Room.Take(int64(len(out)), 1):
		return nil, name, "archive-bomb"
	case in.Len() > 0:
		return nil, name, "archive-hidden-data"
	}
	return out, name, ""
}

// GZIP looks at a compressed file and at what it holds.
func GZIP(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/gzip"}
	out, name, rule := Unfold(s, f.Data)
	if rule != "" {
		r.Add(f, rule, look.Nowhere)
		return r
	}
	inner := strings.TrimSuffix(f.Base(), path.Ext(f.Base()))
	if f.Ext() == "tgz" {
		inner += ".tar"
	}
	if name != "" && name != inner {
		s.Name(&r, look.File{Name: f.Name + "!/" + name})
		r.Add(f, "archive-other-name", look.Nowhere)
	}
	if f.Depth >= look.MaxDepth {
		r.Add(f, "archive-deep", look.Nowhere)
		return r
	}
	got := s.Inspect(look.File{Name: f.Name + "!/" + inner, Data: out, Depth: f.Depth + 1})
	r.Take(got)
	if got.Rebuilt != nil {
		if got.Ending != "" {
			inner = strings.TrimSuffix(inner, path.Ext(inner)) + "." + got.Ending
		}
		r.Rebuilt, r.Ending = Zip([]Member{{Name: inner, Data: got.Rebuilt}}), "zip"
	}
	return r
}
