package intake

import (
	"bufio"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/ark-tre/ark/pkg/ark"
)

// zipReader reads one member of a zip archive as the archive streams by: it
// never seeks, never makes a file, and uses a member's name only to compare it
// with the manifest's. Without a name the archive must hold one file.
type zipReader struct {
	in     *bufio.Reader
	file   string
	member string
	body   io.Reader
	sum    uint32
	want   uint32
	after  bool // sum and sizes stand behind the data
	left   *io.LimitedReader
	done   bool
	bytes  int64 // of unpacked data skipped on the way
	limit  int64
}

const (
	zipLocal      = 0x04034b50
	zipDescriptor = 0x08074b50
)

func newZip(in *bufio.Reader, file, member string, limit int64) (*zipReader, error) {
	z := &zipReader{in: in, file: file, member: member, limit: limit}
	for {
		name, err := z.open()
		if err != nil {
			return nil, err
		}
		if member == "" || name == member {
			return z, nil
		}
		n, err := io.Copy(io.Discard, z.body)
		if err != nil {
			return nil, z.damaged(err)
		}
		if z.bytes += n; z.bytes > limit {
			return nil, ark.Faultf(ark.TooMuch, "the archive unpacks to more than a delivery may hold").At(file, 0, "").Do("send fewer files in one archive")
		}
		if err := z.descriptor(); err != nil {
			return nil, err
		}
	}
}

func (z *zipReader) damaged(err error) error {
	return ark.Faultf(ark.Invalid, "the zip archive is damaged").At(z.file, 0, "").Do("send it again").Because(err)
}

// open reads a member's header.
func (z *zipReader) open() (string, error) {
	var h [30]byte
	if _, err := io.ReadFull(z.in, h[:]); err != nil || binary.LittleEndian.Uint32(h[:]) != zipLocal {
		if z.member == "" {
			return "", ark.Faultf(ark.Invalid, "the zip archive holds no file").At(z.file, 0, "").Do("send the file itself, or an archive with it alone")
		}
		return "", ark.Faultf(ark.Invalid, "the zip archive has no file of the name the manifest gives").At(z.file, 0, "").Do("name a member of the archive in the manifest")
	}
	flags, method := binary.LittleEndian.Uint16(h[6:]), binary.LittleEndian.Uint16(h[8:])
	z.want, z.sum = binary.LittleEndian.Uint32(h[14:]), 0
	packed := int64(binary.LittleEndian.Uint32(h[18:]))
	name := make([]byte, binary.LittleEndian.Uint16(h[26:]))
	if _, err := io.ReadFull(z.in, name); err != nil {
		return "", z.damaged(err)
	}
	if _, err := z.in.Discard(int(binary.LittleEndian.Uint16(h[28:]))); err != nil {
		return "", z.damaged(err)
	}
	z.after = flags&8 != 0
	var body io.Reader
	switch {
	case flags&1 != 0:
		return "", ark.Faultf(ark.Invalid, "the zip archive is encrypted").At(z.file, 0, "").Do("send it without a password: the way here is sealed")
	case method == 8:
		body = flate.NewReader(z.in) // reads a byte at a time from a bufio.Reader, and not beyond the end
	case method == 0 && !z.after:
		z.left = &io.LimitedReader{R: z.in, N: packed}
		body = z.left
	default:
		return "", ark.Faultf(ark.Invalid, "the zip archive is packed in a way that is not read").At(z.file, 0, "").Do("pack it with deflate")
	}
	z.body = io.TeeReader(body, writerFunc(func(p []byte) { z.sum = crc32.Update(z.sum, crc32.IEEETable, p) }))
	return string(name), nil
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// descriptor reads what follows a member's data and holds its sum against it.
func (z *zipReader) descriptor() error {
	if z.left != nil && z.left.N > 0 {
		return z.damaged(io.ErrUnexpectedEOF)
	}
	z.left = nil
	if z.after {
		var d [16]byte
		if _, err := io.ReadFull(z.in, d[:4]); err != nil {
			return z.damaged(err)
		}
		rest := d[4:12] // without a signature the sum comes first
		if binary.LittleEndian.Uint32(d[:]) == zipDescriptor {
			rest = d[4:16]
		}
		if _, err := io.ReadFull(z.in, rest); err != nil {
			return z.damaged(err)
		}
		z.want = binary.LittleEndian.Uint32(d[:])
		if len(rest) == 12 {
			z.want = binary.LittleEndian.Uint32(d[4:])
		}
	}
	if z.sum != z.want {
		return ark.Faultf(ark.Invalid, "a file of the zip archive is damaged").At(z.file, 0, "").Do("send it again")
	}
	return nil
}

// Read reads the member. At its end its sum must hold, and where the manifest
// names no member there may be no other.
func (z *zipReader) Read(p []byte) (int, error) {
	if z.done {
		return 0, io.EOF
	}
	n, err := z.body.Read(p)
	if err == nil {
		return n, nil
	}
	if err != io.EOF {
		return n, z.damaged(err)
	}
	if err := z.descriptor(); err != nil {
		return n, err
	}
	z.done = true
	if next, err := z.in.Peek(4); z.member == "" && err == nil && binary.LittleEndian.Uint32(next) == zipLocal {
		return n, ark.Faultf(ark.Invalid, "the zip archive holds more than one file").At(z.file, 0, "").
			Do("send one file an archive, or say in the manifest which member is for which table")
	}
	return n, io.EOF
}
