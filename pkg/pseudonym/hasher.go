package pseudonym

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/ark-tre/ark/pkg/ark"
)

// KeyLen is the least length of a domain key in bytes.
const KeyLen = 32

// separator stands between the parts of a name. No part but the last can hold
// it: sources, tables and kinds are checked names, so no two lists of parts
// give the same bytes.
const separator = 0x1f

// Hasher names things in one domain. It reuses the keyed state of its HMAC and
// is not for concurrent use: give each goroutine its own through Clone.
type Hasher struct {
	key  []byte
	mac  hash.Hash
	in   []byte
	sum  [sha256.Size]byte
	code [CodeLen]byte
	name [CheckLen]byte
}

// New returns a Hasher under a domain key of at least 32 bytes.
func New(key []byte) (*Hasher, error) {
	if len(key) < KeyLen {
		return nil, ark.Faultf(ark.Unavailable, "the pseudonym key is missing or too short").
			Do("give the 32 bytes that the key service derived for this domain")
	}
	k := append([]byte(nil), key...)
	return &Hasher{key: k, mac: hmac.New(sha256.New, k), in: make([]byte, 0, 128)}, nil
}

// Clone returns a Hasher of the same domain for another goroutine.
func (h *Hasher) Clone() *Hasher {
	c, _ := New(h.key)
	return c
}

// digest leaves HMAC(in) in h.sum.
func (h *Hasher) digest() {
	h.mac.Reset()
	h.mac.Write(h.in)
	h.mac.Sum(h.sum[:0])
}

// RecordKey is the key of one record: 80 bits of
// HMAC(source ‖ 0x1f ‖ table ‖ 0x1f ‖ primary key), 16 characters without a
// check. primary is the row's key fields in the contract's order; several are
// joined by 0x1e.
func (h *Hasher) RecordKey(source, table string, primary []byte) [CodeLen]byte {
	h.in = append(h.in[:0], source...)
	h.in = append(h.in, separator)
	h.in = append(h.in, table...)
	h.in = append(h.in, separator)
	h.in = append(h.in, primary...)
	h.digest()
	encode(&h.code, h.sum[:])
	return h.code
}

// Kind separates the kinds of entity of one domain: the same number as a
// person and as an encounter gives two names.
type Kind string

// The kinds in use. Others are named by the contract's entity fields.
const (
	Person Kind = "person"
	Record Kind = "record"
)

// Append writes the pseudonym of value of the given kind to dst: 17 characters.
func (h *Hasher) Append(dst []byte, kind Kind, value string) []byte {
	h.in = append(h.in[:0], kind...)
	h.in = append(h.in, separator)
	h.in = append(h.in, value...)
	h.digest()
	encodeChecked(&h.name, h.sum[:])
	return append(dst, h.name[:]...)
}

// Name is the pseudonym of value of the given kind, 17 characters. Publishing
// names persons by their index id; the cut names every entity anew by giving
// this the published name and a project's own key.
func (h *Hasher) Name(kind Kind, value string) string {
	var b [CheckLen]byte
	return string(h.Append(b[:0], kind, value))
}

// Order is 64 bits to sort a project's rows by that another project cannot
// know: the cut orders by it, so that two extracts share no order.
func (h *Hasher) Order(kind Kind, value string) uint64 {
	h.in = append(h.in[:0], "order"...)
	h.in = append(h.in, separator)
	h.in = append(h.in, kind...)
	h.in = append(h.in, separator)
	h.in = append(h.in, value...)
	h.digest()
	return binary.BigEndian.Uint64(h.sum[:])
}

// PersonTable is the table name under which the records that carry persons'
// identifiers are keyed, whatever table they came in; no contract may use it.
const PersonTable = "person"

// PersonRecordKey is the person_record_key of a sender's own number of a
// person: record_key in identifiers.parquet and demographics.parquet.
func (h *Hasher) PersonRecordKey(source string, local []byte) [CodeLen]byte {
	return h.RecordKey(source, PersonTable, local)
}
