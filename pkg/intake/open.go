package intake

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/ark-tre/ark/pkg/ark"
)

// Limits bound one delivery. A zero field takes the default; there is no way
// to say unlimited.
type Limits struct {
	Field int   // bytes of one field, default 1 MiB
	Row   int   // bytes of one row, default 4 MiB
	Bytes int64 // bytes of one file once unpacked, default 256 GiB
	Bad   int64 // quarantined rows kept in the listing, default 1,000,000
	Sort  int64 // bytes of rows held in memory per output, default 64 MiB
	Pool  int64 // bytes that the outputs share beyond that before they spill, default 256 MiB
}

func (l Limits) orDefault() Limits {
	if l.Field <= 0 {
		l.Field = 1 << 20
	}
	if l.Row <= 0 {
		l.Row = 4 << 20
	}
	if l.Bytes <= 0 {
		l.Bytes = 256 << 30
	}
	if l.Bad <= 0 {
		l.Bad = 1_000_000
	}
	if l.Sort <= 0 {
		l.Sort = 64 << 20
	}
	if l.Pool <= 0 {
		l.Pool = 256 << 20
	}
	return l
}

// FileReport says what a file was found to be.
type FileReport struct {
	Name        string `json:"name"`
	Table       string `json:"table"`
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256"`
	Compression string `json:"compression"` // none, gzip, zstd or zip
	Encoding    string `json:"encoding"`
	BOM         bool   `json:"bom,omitempty"`
	Delimiter   string `json:"delimiter,omitempty"`
	LineEnds    string `json:"line_ends,omitempty"` // lf or crlf
	Undeclared  int    `json:"undeclared_columns"`  // dropped, and not even named: a header may hold data
	Absent      int    `json:"absent_columns"`      // optional ones
	Rows        int64  `json:"rows"`
}

// opened is a file being read: bytes are hashed and counted as they come,
// unpacked, bounded and decoded.
type opened struct {
	raw     io.ReadCloser
	ahead   *ahead
	known   string    // the hash, where whoever opened the file checks it
	hash    hash.Hash // nil where it is known
	count   int64
	zstd    *zstd.Decoder
	text    *bufio.Reader
	report  *FileReport
	parquet bool      // to be opened at random, not as the stream this is
	also    io.Closer // what was opened besides
}

// Read feeds the hash: it is the innermost reader, and called by one goroutine.
func (o *opened) Read(p []byte) (int, error) {
	n, err := o.raw.Read(p)
	if o.hash != nil {
		o.hash.Write(p[:n])
	}
	o.count += int64(n)
	return n, err
}

// openFile opens a file of a delivery and finds out how it is written.
func openFile(ctx context.Context, in Input, member string, format Format, l Limits) (*opened, error) {
	raw, err := in.Open()
	if err != nil {
		return nil, ark.Faultf(ark.Unavailable, "the file cannot be opened").At(in.Name, 0, "").Because(err)
	}
	o := &opened{raw: raw, known: in.SHA256, report: &FileReport{Name: in.Name, Compression: "none", Encoding: format.Encoding}}
	if o.known == "" {
		o.hash = sha256.New()
	}
	o.ahead = newAhead(o)
	if err := o.unpack(ctx, member, format, l); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

func (o *opened) unpack(ctx context.Context, member string, format Format, l Limits) error {
	head := bufio.NewReaderSize(interruptible{ctx, o.ahead}, 64<<10)
	magic, err := head.Peek(4)
	if err != nil && err != io.EOF {
		return readFault(err).At(o.report.Name, 0, "")
	}
	var unpacked io.Reader = head
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		o.report.Compression = "gzip"
		if unpacked, err = gzip.NewReader(head); err != nil {
			return readFault(err).At(o.report.Name, 0, "")
		}
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		o.report.Compression = "zstd"
		o.zstd, err = zstd.NewReader(head, zstd.WithDecoderMaxMemory(128<<20), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return readFault(err).At(o.report.Name, 0, "")
		}
		unpacked = o.zstd
	case bytes.HasPrefix(magic, []byte("PK\x03\x04")):
		o.report.Compression = "zip"
		if unpacked, err = newZip(head, o.report.Name, member, l.Bytes); err != nil {
			return err
		}
	case bytes.HasPrefix(magic, []byte("PAR1")):
		if format.Kind != "csv" && format.Kind != "parquet" {
			return ark.Faultf(ark.Invalid, "the file is Parquet, and the contract says %s", format.Kind).At(o.report.Name, 0, "").Do("export it as the contract says")
		}
		o.parquet = true
		return nil
	}
	if member != "" && o.report.Compression != "zip" {
		return ark.Faultf(ark.Invalid, "the manifest names a member, and the file is no zip archive").At(o.report.Name, 0, "").Do("mend the manifest")
	}
	if format.Kind == "parquet" {
		return ark.Faultf(ark.Invalid, "the file is not Parquet, and the contract says it is").At(o.report.Name, 0, "").Do("export it as Parquet")
	}
	bounded := &boundedReader{r: unpacked, left: l.Bytes}
	return o.decode(bufio.NewReaderSize(bounded, 256<<10), format)
}

// decode finds out the encoding and reads the text as UTF-8.
func (o *opened) decode(text *bufio.Reader, format Format) error {
	bom, err := text.Peek(3)
	if err != nil && err != io.EOF {
		return readFault(err).At(o.report.Name, 0, "")
	}
	utf16 := bytes.HasPrefix(bom, []byte{0xff, 0xfe}) || bytes.HasPrefix(bom, []byte{0xfe, 0xff})
	encoding := format.Encoding
	switch {
	case bytes.Equal(bom, []byte{0xef, 0xbb, 0xbf}):
		text.Discard(3)
		o.report.BOM, encoding = true, "utf-8"
	case utf16 && encoding != autoEncoding:
		return ark.Faultf(ark.Invalid, "the file is UTF-16, and the contract says %s", format.Encoding).At(o.report.Name, 0, "").Do("save it as UTF-8, or declare encoding: auto")
	case utf16:
		o.report.BOM, encoding = true, "utf-16"
		text = bufio.NewReaderSize(unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Reader(text), 256<<10)
	case encoding == autoEncoding:
		if encoding, err = detect(text); err != nil {
			return readFault(err).At(o.report.Name, 0, "")
		}
	}
	if encoding == "windows-1252" {
		text = bufio.NewReaderSize(charmap.Windows1252.NewDecoder().Reader(text), 256<<10)
	}
	o.report.Encoding, o.text = encoding, text
	return nil
}

// autoEncoding says that the encoding is to be found out.
const autoEncoding = "auto"

// detect guesses by the first 128 KiB: what is UTF-8 is UTF-8, and anything else
// of one byte a character is taken as Windows-1252, in which almost every
// English export that is not UTF-8 is written. A later byte that is not UTF-8
// refuses the file, as it does where UTF-8 is declared.
func detect(text *bufio.Reader) (string, error) {
	head, err := text.Peek(128 << 10)
	if err != nil && err != io.EOF {
		return "", err
	}
	whole := err == io.EOF
	if bad := firstBad(head); bad < len(head) && (whole || bad < len(head)-utf8.UTFMax) {
		return "windows-1252", nil
	}
	return "utf-8", nil
}

// finish reads what is left of the raw bytes, so that the hash is of the whole
// file, and completes the report.
func (o *opened) finish() error {
	if _, err := io.Copy(io.Discard, o.ahead); err != nil {
		return readFault(err).At(o.report.Name, 0, "")
	}
	o.report.Bytes, o.report.SHA256 = o.count, o.known
	if o.hash != nil {
		o.report.SHA256 = hex.EncodeToString(o.hash.Sum(nil))
	}
	return nil
}

func (o *opened) Close() error {
	if o.ahead != nil {
		o.ahead.stop()
	}
	if o.zstd != nil {
		o.zstd.Close()
	}
	if o.also != nil {
		o.also.Close()
	}
	return o.raw.Close()
}

// readFault says in words what a reader's error means for the sender.
func readFault(err error) *ark.Fault {
	var f *ark.Fault
	switch {
	case errors.As(err, &f):
		g := *f
		return &g
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ark.Faultf(ark.Unavailable, "the work was stopped before the file was read").Because(err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ark.Faultf(ark.Invalid, "the compressed file ends too early").Do("send it again: it was cut off on its way")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, zstd.ErrCRCMismatch), errors.Is(err, zstd.ErrMagicMismatch):
		return ark.Faultf(ark.Invalid, "the compressed file is damaged").Do("send it again")
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return ark.Faultf(ark.TooMuch, "the compressed file needs more memory to unpack than is allowed").Do("compress it at an ordinary level")
	}
	return ark.Faultf(ark.Invalid, "the file cannot be read to its end").Do("send it again").Because(err)
}

// boundedReader refuses to unpack more than left bytes.
type boundedReader struct {
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ark.Faultf(ark.TooMuch, "the file unpacks to more than a delivery may hold").Do("split it into several files")
	}
	return n, err
}

// interruptible stops reading when its context ends.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
