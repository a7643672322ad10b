// Package pack opens archives within limits: every byte of the archive must be
// a member, the list or the end, and every member is looked at in turn.
//
// It judges bytes it is given and may touch nothing else. It must never write
// a member anywhere, nor follow a link.
package pack

import (
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// Member is one file of an archive.
type Member struct {
	Name string
	Data []byte
	Dir  bool
}

type entry struct {
	name           string
	method, flags  uint16
	crc            uint32
	folded, whole  int64
	offset         int64
	mode           uint32
	extra, comment []byte
}

var le = binary.LittleEndian

// Open reads a ZIP archive. Findings about the archive itself go to r; false:
// it can't be read, or not within the limits.
func Open(s *look.Scope, r *look.Report, f look.File) ([]Member, bool) {
	entries, start, rule := list(f.Data)
	if rule != "" {
		r.Add(f, rule, look.Nowhere)
		return nil, false
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.offset, b.offset) })
	names := map[string]bool{}
	var out []Member
	at := int64(0)
	for _, e := range entries {
		from, end, rule := e.place(f.Data, start)
		if rule != "" {
			r.Add(f, rule, look.Nowhere)
			return nil, false
		}
		if e.offset != at {
			r.Add(f, "archive-hidden-data", look.Nowhere, "bytes", look.Itoa(int(e.offset-at)))
		}
		at = end
		key := strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(e.name, `\`, "/"), "./"))
		if names[key] {
			r.Add(f, "archive-duplicate", look.Nowhere)
		}
		names[key] = true
		if !utf8.ValidString(e.name) || strings.IndexByte(e.name, 0) >= 0 {
			r.Add(f, "archive-damaged", look.Nowhere)
			return nil, false
		}
		if len(e.comment) > 0 || data(e.extra) || data(f.Data[e.offset+30+int64(len(e.name)):from]) {
			r.Add(f, "archive-comment", look.Nowhere)
		}
		if kind := e.mode >> 28; kind != 0 && kind != 8 && kind != 4 { // neither file nor folder
			r.Add(f, "archive-link", look.Nowhere)
			continue
		}
		m := Member{Name: e.name, Dir: strings.HasSuffix(e.name, "/")}
		if m.Dir {
			if e.whole != 0 {
				r.Add(f, "archive-hidden-data", look.Nowhere)
			}
			continue
		}
		if e.whole > 1<<20 && e.whole > look.MaxRatio*max(e.folded, 1) || !s.Room.Take(e.whole, 1) {
			r.Add(f, "archive-bomb", look.Nowhere)
			return nil, false
		}
		if m.Data, rule = e.read(f.Data[from : from+e.folded]); rule != "" {
			r.Add(f, rule, look.Nowhere)
			return nil, false
		}
		out = append(out, m)
	}
	if at != start {
		r.Add(f, "archive-hidden-data", look.Nowhere, "bytes", look.Itoa(int(start-at)))
	}
	return out, true
}

// list reads the central directory, and says where it begins.
func list(b []byte) ([]entry, int64, string) {
	end := bytes.LastIndex(b, []byte("PK\x05\x06"))
	if end < 0 || end+22 > len(b) {
		return nil, 0, "archive-damaged"
	}
	n, size, start := int(le.Uint16(b[end+10:])), int64(le.Uint32(b[end+12:])), int64(le.Uint32(b[end+16:]))
	if le.Uint16(b[end+4:]) != 0 || le.Uint16(b[end+8:]) != le.Uint16(b[end+10:]) {
		return nil, 0, "archive-damaged"
	}
	if int(le.Uint16(b[end+20:])) != len(b)-end-22 {
		return nil, 0, "archive-hidden-data"
	}
	if len(b) != end+22 {
		return nil, 0, "archive-comment"
	}
	if n > look.MaxMembers {
		return nil, 0, "archive-many"
	}
	if start+size != int64(end) {
		return nil, 0, "archive-hidden-data"
	}
	var out []entry
	at := start
	for range n {
		if at+46 > int64(end) || le.Uint32(b[at:]) != 0x02014b50 {
			return nil, 0, "archive-damaged"
		}
		h := b[at:]
		e := entry{flags: le.Uint16(h[8:]), method: le.Uint16(h[10:]), crc: le.Uint32(h[16:]), folded: int64(le.Uint32(h[20:])), whole: int64(le.Uint32(h[24:])), offset: int64(le.Uint32(h[42:])), mode: le.Uint32(h[38:])}
		if h[5] != 3 { // made elsewhere than on Unix: no mode
			e.mode = 0
		}
		nl, xl, cl := int64(le.Uint16(h[28:])), int64(le.Uint16(h[30:])), int64(le.Uint16(h[32:]))
		if at+46+nl+xl+cl > int64(end) {
			return nil, 0, "archive-damaged"
		}
		e.name, e.extra, e.comment = string(h[46:46+nl]), h[46+nl:46+nl+xl], h[46+nl+xl:46+nl+xl+cl]
		e.zip64()
		out = append(out, e)
		at += 46 + nl + xl + cl
	}
	if at != int64(end) {
		return nil, 0, "archive-hidden-data"
	}
	return out, start, ""
}

// zip64 takes sizes from the extra field where the plain ones overflow.
func (e *entry) zip64() {
	for x := e.extra; len(x) >= 4; {
		n := int(le.Uint16(x[2:]))
		if n+4 > len(x) {
			return
		}
		if le.Uint16(x) == 1 {
			v := x[4 : 4+n]
			for _, p := range []*int64{&e.whole, &e.folded, &e.offset} {
				if *p == 0xffffffff && len(v) >= 8 {
					*p, v = int64(le.Uint64(v)), v[8:]
				}
			}
		}
		x = x[4+n:]
	}
}

// place says where a member's bytes are and where the next may begin.
func (e *entry) place(b []byte, limit int64) (from, end int64, rule string) {
	if e.offset < 0 || e.folded < 0 || e.whole < 0 || e.offset+30 > limit || le.Uint32(b[e.offset:]) != 0x04034b50 {
		return 0, 0, "archive-damaged"
	}
	h := b[e.offset:]
	flags := le.Uint16(h[6:])
	if (e.flags|flags)&1 != 0 || e.method == 99 {
		return 0, 0, "file-encrypted"
	}
	nl, xl := int64(le.Uint16(h[26:])), int64(le.Uint16(h[28:]))
	from = e.offset + 30 + nl + xl
	if end = from + e.folded; end > limit || end < from || string(h[30:30+nl]) != e.name || le.Uint16(h[8:]) != e.method {
		return 0, 0, "archive-damaged"
	}
	if flags&8 == 0 {
		return from, end, ""
	}
	for _, n := range []int64{16, 24, 12, 20} { // the data descriptor, with its signature or without
		d := b[end:min(end+n, limit)]
		if int64(len(d)) < n {
			continue
		}
		if (n == 16 || n == 24) && le.Uint32(d) == 0x08074b50 {
			d = d[4:]
		} else if n == 16 || n == 24 {
			continue
		}
		if le.Uint32(d) == e.crc {
			if big := n == 24 || n == 20; big && int64(le.Uint64(d[4:])) == e.folded || !big && int64(le.Uint32(d[4:])) == e.folded {
				return from, end + n, ""
			}
		}
	}
	return 0, 0, "archive-damaged"
}

// read unfolds a member and checks its length and sum.
func (e *entry) read(b []byte) ([]byte, string) {
	var out []byte
	switch e.method {
	case 0:
		out = b
	case 8:
		in := bytes.NewReader(b)
		z := flate.NewReader(in)
		buf := make([]byte, 0, min(e.whole, 64<<20)+512)
		w := bytes.NewBuffer(buf)
		if _, err := io.Copy(w, io.LimitReader(z, e.whole+1)); err != nil && !errors.Is(err, io.EOF) {
			return nil, "archive-damaged"
		}
		if in.Len() > 0 {
			return nil, "archive-hidden-data"
		}
		out = w.Bytes()
	default:
		return nil, "file-unreadable"
	}
	if int64(len(out)) != e.whole || crc32.ChecksumIEEE(out) != e.crc {
		return nil, "archive-damaged"
	}
	return out, ""
}

// data reports whether extra fields hold more than times and owners.
func data(x []byte) bool {
	for len(x) >= 4 {
		id, n := le.Uint16(x), int(le.Uint16(x[2:]))
		if n+4 > len(x) {
			return true
		}
		body := x[4 : 4+n]
		switch id {
		case 0x5455, 0x7875, 0x5855, 0x7855, 0x000a, 0x0001:
			if n > 40 {
				return true
			}
		case 0xa220: // padding that Office leaves
			if len(body) > 4 && len(bytes.Trim(body[4:], "\x00")) > 0 {
				return true
			}
		case 0xcafe:
			if n > 0 {
				return true
			}
		default:
			return true
		}
		x = x[4+n:]
	}
	return len(bytes.Trim(x, "\x00")) > 0
}
