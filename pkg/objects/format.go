package objects

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/ark-tre/ark/pkg/keys"
)

// A sealed object, version 2, integers big-endian:
//
//	"ARKOBJ2\n" | uint32 chunk size | uint16 n, key name | uint16 n, wrapped data key
//	chunk 0 | … | chunk k-1 (shorter or empty; the only one that may be)
//	trailer: SHA-256 of the plaintext, uint64 size of the plaintext
//	fingerprint, 32 bytes in the clear
//
// Each chunk and the trailer are AES-256-GCM under the data key with 16 bytes
// of tag (STREAM of Hoang, Reyhanitabar, Rogaway and Vizár, 2015): the nonce is
// an 11-byte counter and a flag, 0 for a chunk, 1 for the last, 2 for the
// trailer; the associated data is SHA-256 of the header, the zone and the
// name. A data key is used for one object, so nonces never repeat.
//
// The fingerprint is keys.Keyring.Fingerprint of zone, name and the trailer's
// content: by it a writer that may seal and not open recognises, after a
// crash, what it has stored already. It proves nothing to readers, who check
// the rest, and to those without the keyring it says nothing.
const (
	magic       = "ARKOBJ2\n"
	chunkSize   = 64 << 10
	maxChunk    = 1 << 24
	tagSize     = 16
	trailerSize = sha256.Size + 8 + tagSize
	fingerSize  = sha256.Size
	tailSize    = trailerSize + fingerSize
	headMax     = 2048
)

const (
	flagChunk   = 0
	flagLast    = 1
	flagTrailer = 2
)

type header struct {
	chunk   int
	key     keys.Name
	wrapped keys.Wrapped
}

func (h header) encode() []byte {
	b := append([]byte(nil), magic...)
	b = binary.BigEndian.AppendUint32(b, uint32(h.chunk))
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.key)))
	b = append(b, h.key...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.wrapped)))
	return append(b, h.wrapped...)
}

var errHeader = errors.New("does not begin like a sealed object")

// parseHeader reads a header from the beginning of b and returns its length.
func parseHeader(b []byte) (header, int, error) {
	var h header
	n := len(magic) + 4
	if len(b) < n || string(b[:len(magic)]) != magic {
		return h, 0, errHeader
	}
	size := binary.BigEndian.Uint32(b[len(magic):])
	if size < 1 || size > maxChunk {
		return h, 0, errHeader
	}
	h.chunk = int(size)
	field := func() []byte {
		if n < 0 || len(b) < n+2 {
			n = -1
			return nil
		}
		l := int(binary.BigEndian.Uint16(b[n:]))
		if len(b) < n+2+l {
			n = -1
			return nil
		}
		f := b[n+2 : n+2+l]
		n += 2 + l
		return f
	}
	h.key = keys.Name(field())
	h.wrapped = keys.Wrapped(append([]byte(nil), field()...))
	if n < 0 || n > headMax || h.key.Check() != nil || len(h.wrapped) == 0 {
		return header{}, 0, errHeader
	}
	return h, n, nil
}

// shape computes from the stored size how many chunks an object has and the
// size of its plaintext. ok is false for a size that no object can have.
func shape(stored int64, head, chunk int) (chunks, plain int64, ok bool) {
	body := stored - int64(head) - tailSize
	full := int64(chunk) + tagSize
	if body < tagSize {
		return 0, 0, false
	}
	chunks = (body + full - 1) / full
	last := body - (chunks-1)*full
	if last < tagSize || last == tagSize && chunks > 1 {
		return 0, 0, false
	}
	return chunks, body - chunks*tagSize, true
}

// box seals and opens the parts of one object.
type box struct {
	aead cipher.AEAD
	ad   [sha256.Size]byte
}

func newBox(key keys.Secret, head []byte, z Zone, name string) (*box, error) {
	block, err := aes.NewCipher(key.Reveal())
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	h.Write(head)
	h.Write([]byte("\x00" + string(z) + "\x00" + name))
	b := &box{aead: aead}
	h.Sum(b.ad[:0])
	return b, nil
}

func nonce(index int64, flag byte) []byte {
	var n [12]byte
	binary.BigEndian.PutUint64(n[3:], uint64(index))
	n[11] = flag
	return n[:]
}

func (b *box) seal(dst, plain []byte, index int64, flag byte) []byte {
	return b.aead.Seal(dst, nonce(index, flag), plain, b.ad[:])
}

func (b *box) open(dst, sealed []byte, index int64, flag byte) ([]byte, error) {
	return b.aead.Open(dst, nonce(index, flag), sealed, b.ad[:])
}

func trailer(sum []byte, size int64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(nil), sum...), uint64(size))
}

// fingerData is what the fingerprint of an object is of.
func fingerData(z Zone, name string, sum []byte, size int64) []byte {
	return append([]byte("ark/object/2\x00"+string(z)+"\x00"+name+"\x00"), trailer(sum, size)...)
}

// sealID is what Ref.Seal holds: it pins the header and with it the data key.
func sealID(head []byte) string {
	sum := sha256.Sum256(head)
	return hex.EncodeToString(sum[:])
}
