// Package bundle writes and verifies what leaves an Ark: a ZIP file of the
// released files and a signed statement that binds their hashes to the permit,
// the destination and the ledger's checkpoint of the day.
//
// Verify needs the bundle and a public key and nothing else. The package must
// never put a file into a bundle that its statement does not name, and never
// return a file whose hash it has not checked.
package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gowebpki/jcs"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/attest"
	"github.com/ark-tre/ark/pkg/keys"
)

// StatementType is the payload type of a release statement.
const StatementType = "application/vnd.ark.release+json"

// statementName is the signed statement's name inside the bundle; no released
// file may have it.
const statementName = "RELEASE.dsse.json"

// maxBundle bounds what Verify unpacks, in bytes.
const maxBundle = 1 << 30

// File is one released file.
type File struct {
	Ordinal int    `json:"ordinal"`
	Name    string `json:"name"`
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
	Data    []byte `json:"-"`
}

// Rule is what was checked before signing. How a file fared is not said: that
// a rule had something to find would narrow what a table protects.
type Rule struct {
	Profile string `json:"profile"`
}

// Statement is what the Ark signs.
type Statement struct {
	Release     string `json:"release"`
	Request     string `json:"request"`
	Project     string `json:"project"`
	Permit      string `json:"permit"`
	PermitHash  string `json:"permit_hash"`
	Destination string `json:"destination"`
	Checkers    int    `json:"checkers"` // how many people approved
	Checked     Rule   `json:"checked"`
	Files       []File `json:"files"`
	Checkpoint  string `json:"checkpoint"` // the ledger's signed head
	Record      Record `json:"record"`
	Crate       string `json:"crate_sha256"` // of the RO-Crate metadata beside it
}

// Seal fills in sizes and hashes, signs the statement and returns the bundle.
// The same statement, files and key give the same bytes.
func Seal(ctx context.Context, kr keys.Keyring, key keys.Name, s Statement) ([]byte, error) {
	seen := map[string]bool{statementName: true, crateName: true}
	for i := range s.Files {
		f := &s.Files[i]
		if seen[f.Name] || strings.ContainsAny(f.Name, "/\\\x00") || f.Name == "" || strings.HasPrefix(f.Name, "..") {
			return nil, ark.Faultf(ark.Invalid, "file %d has a name that a bundle cannot hold", f.Ordinal).Do("rename it")
		}
		seen[f.Name] = true
		sum := sha256.Sum256(f.Data)
		f.SHA256, f.Size = hex.EncodeToString(sum[:]), int64(len(f.Data))
	}
	meta, err := crate(s)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(meta)
	s.Crate = hex.EncodeToString(sum[:])
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	if raw, err = jcs.Transform(raw); err != nil {
		return nil, err
	}
	signed, err := attest.Sign(ctx, kr, key, StatementType, raw)
	if err != nil {
		return nil, err
	}
	return pack(signed, meta, s.Files)
}

func pack(statement, meta []byte, files []File) ([]byte, error) {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	all := append([]File{{Name: statementName, Data: statement}, {Name: crateName, Data: meta}}, files...)
	for _, f := range all {
		// A fixed time: nothing in a bundle but its statement says when.
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(f.Data); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// Verify opens a bundle, checks its signature against key and every file
// against the statement, and returns the statement with the files' bytes. A
// file too many, too few or altered is an Invalid fault that names it by its
// ordinal.
func Verify(ctx context.Context, data []byte, key ed25519.PublicKey) (Statement, error) {
	var s Statement
	members, err := unpack(data)
	if err != nil {
		return s, err
	}
	signed, ok := members[statementName]
	if !ok {
		return s, ark.Faultf(ark.Invalid, "the bundle holds no signed statement").Do("ask the Ark for the bundle again")
	}
	delete(members, statementName)
	payload, err := attest.Verify(ctx, signed, StatementType, key)
	if err != nil {
		return s, err
	}
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, ark.Faultf(ark.Invalid, "the statement is of a later version than this program").Because(err)
	}
	if sum := sha256.Sum256(members[crateName]); hex.EncodeToString(sum[:]) != s.Crate {
		return Statement{}, ark.Faultf(ark.Invalid, "the description of the bundle is missing or is not what was released").Do("do not use it")
	}
	delete(members, crateName)
	for i := range s.Files {
		f := &s.Files[i]
		body, ok := members[f.Name]
		sum := sha256.Sum256(body)
		if !ok || hex.EncodeToString(sum[:]) != f.SHA256 || int64(len(body)) != f.Size {
			return Statement{}, ark.Faultf(ark.Invalid, "file %d is missing or is not what was released", f.Ordinal).Do("do not use it")
		}
		f.Data = body
		delete(members, f.Name)
	}
	if len(members) > 0 {
		return Statement{}, ark.Faultf(ark.Invalid, "the bundle holds a file that was not released").Do("do not use it")
	}
	return s, nil
}

func unpack(data []byte) (map[string][]byte, error) {
	bad := ark.Faultf(ark.Invalid, "that is not a release bundle").Do("give the .zip file as it was downloaded")
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, bad.Because(err)
	}
	out := map[string][]byte{}
	left := int64(maxBundle)
	for _, f := range z.File {
		if _, twice := out[f.Name]; twice || !f.Mode().IsRegular() {
			return nil, bad
		}
		r, err := f.Open()
		if err != nil {
			return nil, bad.Because(err)
		}
		body, err := io.ReadAll(io.LimitReader(r, left+1))
		r.Close()
		if err != nil || int64(len(body)) > left {
			return nil, bad.Because(err)
		}
		left -= int64(len(body))
		out[f.Name] = slices.Clip(body)
	}
	return out, nil
}
