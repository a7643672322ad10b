package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

const pngHead = "\x89PNG\r\n\x1a\n"

// PNG looks at a PNG picture chunk by chunk, decodes it and draws it anew.
func PNG(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "image/png"}
	end := chunks(s, &r, f)
	if end < 0 {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	if end < len(f.Data) {
		r.Add(f, "picture-hidden-data", look.Nowhere, "bytes", look.Itoa(len(f.Data)-end))
	}
	cfg, err := png.DecodeConfig(bytes.NewReader(f.Data))
	if err != nil || cfg.Width*cfg.Height > maxPixels {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	img, err := png.Decode(bytes.NewReader(f.Data[:end]))
	if err != nil {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	redraw(&r, f, img)
	return r
}

// redraw judges the pixels and writes them as a new PNG.
func redraw(r *look.Report, f look.File, img image.Image) {
	if p, ok := img.(*image.Paletted); ok && palette(p) {
		r.Add(f, "picture-palette", look.Nowhere)
	}
	if lowBits(img) {
		r.Add(f, "picture-low-bits", look.Nowhere)
	}
	clean, hidden := settle(img)
	if hidden {
		r.Add(f, "picture-transparent", look.Nowhere)
	}
	r.Add(f, "picture-needs-eyes", look.Nowhere)
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := enc.Encode(&b, clean); err == nil {
		r.Rebuilt, r.Ending = b.Bytes(), "png"
	}
}

// plain are the chunks that only say how to show the pixels, and the most
// bytes each may have.
var plain = map[string]int{"IHDR": 13, "PLTE": 768, "tRNS": 256, "IEND": 0, "pHYs": 9, "gAMA": 4, "cHRM": 32, "sRGB": 1, "sBIT": 4, "bKGD": 6, "tIME": 7, "cICP": 4, "hIST": 512}

// chunks walks a PNG and returns where it ends, or -1 for a damaged one.
func chunks(s *look.Scope, r *look.Report, f look.File) int {
	if !bytes.HasPrefix(f.Data, []byte(pngHead)) {
		return -1
	}
	at, seen, idatDone := len(pngHead), map[string]int{}, false
	var zdata []byte
	for {
		if at+12 > len(f.Data) {
			return -1
		}
		n := int(binary.BigEndian.Uint32(f.Data[at:]))
		if n < 0 || n > len(f.Data)-at-12 {
			return -1
		}
		kind, body := string(f.Data[at+4:at+8]), f.Data[at+8:at+8+n]
		if crc32.ChecksumIEEE(f.Data[at+4:at+8+n]) != binary.BigEndian.Uint32(f.Data[at+8+n:]) {
			return -1
		}
		at += 12 + n
		seen[kind]++
		most, ok := plain[kind]
		switch {
		case kind == "IDAT":
			if idatDone {
				r.Add(f, "picture-hidden-data", look.Nowhere, "chunk", "IDAT")
			}
			zdata = append(zdata, body...)
		case kind == "tEXt" || kind == "zTXt" || kind == "iTXt":
			metadata(s, r, f, text(kind, body))
		case kind == "iCCP" || kind == "eXIf":
			r.Add(f, "picture-metadata", look.Nowhere, "chunk", kind)
			if n > 16<<10 || kind == "eXIf" && n > 256 || kind == "iCCP" && !profile([]byte(text("zTXt", body).value)) {
				r.Add(f, "picture-metadata-data", look.Nowhere, "chunk", kind, "bytes", look.Itoa(n))
			}
			metadataBytes(s, r, f, body)
		case kind == "acTL" || kind == "fcTL" || kind == "fdAT":
			r.Add(f, "picture-frames", look.Nowhere)
		case !ok || n > most || seen[kind] > 1 && kind != "IDAT":
			r.Add(f, "picture-hidden-data", look.Nowhere, "chunk", name(kind), "bytes", look.Itoa(n))
		}
		if kind != "IDAT" && seen["IDAT"] > 0 {
			idatDone = true
		}
		if kind == "IEND" {
			break
		}
	}
	if extra := zlibRest(f.Data, zdata); extra != 0 {
		r.Add(f, "picture-hidden-data", look.Nowhere, "after", "pixels")
	}
	return at
}

// zlibRest is how many bytes the pixels' stream holds, folded or unfolded,
// beyond the picture.
func zlibRest(file, zdata []byte) int {
	in := bytes.NewReader(zdata)
	z, err := zlib.NewReader(in)
	if err != nil {
		return 0
	}
	w, h := int64(binary.BigEndian.Uint32(file[16:])), int64(binary.BigEndian.Uint32(file[20:]))
	depth, kind, interlaced := int64(file[24]), file[25], file[28] != 0
	channels := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
	n, _ := io.Copy(io.Discard, io.LimitReader(z, maxPixels*8+1<<20))
	want := (1 + (w*channels*depth+7)/8) * h
	if interlaced {
		want += 8*h + 8*w + 64 // Adam7 has a filter byte per pass and row, and rounds up
	}
	if n > want {
		return int(n - want)
	}
	return in.Len()
}

// name writes a chunk's name if it is four letters, which it must be.
func name(kind string) string {
	for _, c := range kind {
		if c < 'A' || c > 'z' {
			return "not a name"
		}
	}
	return kind
}

// entry is a keyword and its text.
type entry struct{ key, value string }

func text(kind string, body []byte) entry {
	key, rest, ok := bytes.Cut(body, []byte{0})
	if !ok {
		return entry{"", string(body)}
	}
	switch {
	case kind == "zTXt" && len(rest) > 1:
		rest = inflate(rest[1:])
	case kind == "iTXt" && len(rest) > 2:
		folded := rest[0] == 1
		rest = rest[2:]
		for range 2 {
			if _, after, ok := bytes.Cut(rest, []byte{0}); ok {
				rest = after
			}
		}
		if folded {
			rest = inflate(rest)
		}
	}
	return entry{string(key), string(rest)}
}

func inflate(b []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return b
	}
	out, err := io.ReadAll(io.LimitReader(z, 1<<20))
	if err != nil {
		return b
	}
	return out
}

// usual are the keywords that plotting programs and cameras write.
var usual = []string{"software", "creation time", "title", "author", "date:create", "date:modify", "date:timestamp", "date", "source", "copyright", "creator", "dpi", "comment", "description",
	"xml:com.adobe.xmp", "signature", "r", "generator", "modify-date", "create-date", "exif:pixelxdimension", "exif:pixelydimension", "svg:base-uri", "raw profile type exif"}

// metadata judges one text of a picture: known keywords with a few words are
// taken away quietly, anything more is data.
func metadata(s *look.Scope, r *look.Report, f look.File, e entry) {
	r.Add(f, "picture-metadata", look.Nowhere)
	digits := 0
	for _, c := range e.value {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	xmp := strings.EqualFold(e.key, "xml:com.adobe.xmp")
	if !slices.Contains(usual, strings.ToLower(e.key)) || len(e.value) > 200 && !xmp || len(e.value) > 6000 || digits > 40 && !xmp || digits > 200 || strings.Count(e.value, "\n") > 3 && !xmp {
		r.Add(f, "picture-metadata-data", look.Nowhere, "characters", look.Itoa(len(e.value)))
	}
	if !xmp {
		s.Word(r, f, look.Nowhere, e.value)
	}
}

// metadataBytes searches what is printable of binary metadata.
func metadataBytes(s *look.Scope, r *look.Report, f look.File, b []byte) {
	var run []byte
	flush := func() {
		if len(run) >= 8 {
			s.Word(r, f, look.Nowhere, string(run))
		}
		run = run[:0]
	}
	for _, c := range b {
		if c >= 0x20 && c < 0x7f {
			run = append(run, c)
		} else {
			flush()
		}
	}
	flush()
}

// palette reports colours that no pixel shows beyond what programs leave, or
// equal colours under several numbers: which number is used can carry data.
func palette(p *image.Paletted) bool {
	used := make([]bool, 256)
	for _, i := range p.Pix {
		used[i] = true
	}
	unused, twins := map[color.NRGBA]bool{}, 0
	seen := map[color.NRGBA]bool{}
	for i, c := range p.Palette {
		k := color.NRGBAModel.Convert(c).(color.NRGBA)
		if !used[i] {
			if k.R != k.G || k.G != k.B {
				unused[k] = true
			}
			continue
		}
		if seen[k] {
			twins++
		}
		seen[k] = true
	}
	return len(unused) > 32 || twins > 8
}
