package picture

import (
	"bytes"
	"encoding/binary"
	"image/jpeg"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// JPEG looks at a JPEG picture segment by segment, decodes it and draws it
// anew from its pixels with their low bits cleared, which loses what rides on
// the coefficients.
func JPEG(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "image/jpeg"}
	end := segments(s, &r, f)
	if end < 0 {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	if end < len(f.Data) {
		r.Add(f, "picture-hidden-data", look.Nowhere, "bytes", look.Itoa(len(f.Data)-end))
	}
	cfg, err := jpeg.DecodeConfig(bytes.NewReader(f.Data))
	if err != nil || cfg.Width*cfg.Height > maxPixels {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	img, err := jpeg.Decode(bytes.NewReader(f.Data[:end]))
	if err != nil {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	r.Add(f, "picture-needs-eyes", look.Nowhere)
	if again, err := Again(img); err == nil {
		r.Rebuilt = again
	}
	return r
}

// segments walks a JPEG and returns where it ends, or -1 for a damaged one.
func segments(s *look.Scope, r *look.Report, f look.File) int {
	d := f.Data
	if len(d) < 4 || d[0] != 0xff || d[1] != 0xd8 {
		return -1
	}
	at := 2
	for at+2 <= len(d) {
		if d[at] != 0xff {
			return -1
		}
		kind := d[at+1]
		if kind == 0xff {
			at++
			continue
		}
		if kind == 0xd9 {
			return at + 2
		}
		if at+4 > len(d) {
			return -1
		}
		n := int(binary.BigEndian.Uint16(d[at+2:]))
		if n < 2 || at+2+n > len(d) {
			return -1
		}
		body := d[at+4 : at+2+n]
		switch {
		case kind == 0xfe: // comment
			r.Add(f, "picture-metadata", look.Nowhere)
			if len(body) > 120 {
				r.Add(f, "picture-metadata-data", look.Nowhere, "bytes", look.Itoa(len(body)))
			}
			metadataBytes(s, r, f, body)
		case kind == 0xe0 && bytes.HasPrefix(body, []byte("JFIF")):
			if len(body) > 14 {
				r.Add(f, "picture-frames", look.Nowhere)
			}
		case kind == 0xee && bytes.HasPrefix(body, []byte("Adobe")) && len(body) <= 14:
		case kind >= 0xe0 && kind <= 0xef:
			r.Add(f, "picture-metadata", look.Nowhere)
			icc := bytes.HasPrefix(body, []byte("ICC_PROFILE"))
			if len(body) > 300 && !icc || icc && !profile(body[min(len(body), 14):]) && len(body) > 14 && body[12] <= 1 || kind == 0xe2 && bytes.HasPrefix(body, []byte("MPF")) || bytes.Contains(body, []byte("\xff\xd8\xff")) {
				r.Add(f, "picture-metadata-data", look.Nowhere, "bytes", look.Itoa(len(body)))
			}
			metadataBytes(s, r, f, body)
		}
		at += 2 + n
		if kind == 0xda { // the scan: up to the next marker that isn't a restart
			for at+1 < len(d) && (d[at] != 0xff || d[at+1] == 0 || d[at+1] >= 0xd0 && d[at+1] <= 0xd7) {
				at++
			}
		}
	}
	return -1
}

// profile reports whether bytes begin as a colour profile does.
func profile(b []byte) bool { return len(b) >= 40 && string(b[36:40]) == "acsp" }
