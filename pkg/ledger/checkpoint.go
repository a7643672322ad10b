package ledger

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
)

// Checkpoint is the log's signed head: it fixes every entry before Size. Note
// is the signed text, the only part that proves anything.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
	Note   []byte
}

func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// parseText reads the text of a C2SP checkpoint. Extension lines are refused:
// this log writes none.
func parseText(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	bad := errors.New("not a checkpoint")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" {
		return Checkpoint{}, bad
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size > 1<<52 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, bad
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Checkpoint{}, bad
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: tlog.Hash(root)}, nil
}

// OpenCheckpoint reads a checkpoint and demands a signature by one of the
// verifier keys ("origin+hash+key", as VerifierKey prints), whose name must be
// the checkpoint's origin.
func OpenCheckpoint(signed []byte, verifierKeys ...string) (Checkpoint, error) {
	known, err := parseKeys(verifierKeys)
	if err != nil {
		return Checkpoint{}, err
	}
	return openCheckpoint(signed, known)
}

func parseKeys(verifierKeys []string) (note.Verifiers, error) {
	var list []note.Verifier
	for _, k := range verifierKeys {
		v, err := note.NewVerifier(strings.TrimSpace(k))
		if err != nil {
			return nil, ark.Faultf(ark.Invalid, "that is not a ledger's public key").
				Do("give a line of the form origin+hash+key, as the operator publishes it").Because(err)
		}
		list = append(list, v)
	}
	return note.VerifierList(list...), nil
}

func openCheckpoint(signed []byte, known note.Verifiers) (Checkpoint, error) {
	forged := ark.Faultf(ark.Invalid, "the checkpoint is not signed by the ledger's key, or has been changed").
		Do("get the public key and the checkpoint again, each from its own source")
	n, err := note.Open(signed, known)
	if err != nil {
		return Checkpoint{}, forged.Because(err)
	}
	c, err := parseText(n.Text)
	if err != nil {
		return Checkpoint{}, forged.Because(err)
	}
	for _, s := range n.Sigs {
		if s.Name == c.Origin {
			c.Note = append([]byte(nil), signed...)
			return c, nil
		}
	}
	return Checkpoint{}, forged
}

// ringKey signs and verifies notes with a named key. Signatures by older
// versions of the key still verify.
type ringKey struct {
	ctx    context.Context // one call's: note's interfaces take none
	ring   keys.Keyring
	key    keys.Name
	origin string
	hash   uint32
}

var (
	_ note.Signer    = ringKey{}
	_ note.Verifiers = ringKey{}
)

func (k ringKey) Name() string                    { return k.origin }
func (k ringKey) KeyHash() uint32                 { return k.hash }
func (k ringKey) Sign(msg []byte) ([]byte, error) { return k.ring.Sign(k.ctx, k.key, msg) }
func (k ringKey) Verify(msg, sig []byte) bool     { return k.ring.Verify(k.ctx, k.key, msg, sig) == nil }

// Verifier implements note.Verifiers. The hash is only a hint of which version
// signed; the keyring tries each.
func (k ringKey) Verifier(name string, hash uint32) (note.Verifier, error) {
	if name != k.origin {
		return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
	}
	k.hash = hash
	return k, nil
}

// verifierKey returns the public key in the form OpenCheckpoint reads.
func verifierKey(ctx context.Context, ring keys.Keyring, key keys.Name, origin string) (string, error) {
	pub, err := ring.Public(ctx, key)
	if err != nil {
		return "", err
	}
	return note.NewEd25519VerifierKey(origin, pub)
}

func (l *Log) sign(ctx context.Context, size int64, root tlog.Hash) (Checkpoint, error) {
	c := Checkpoint{Origin: l.origin, Size: size, Root: root}
	text, err := verifierKey(ctx, l.ring, l.key, l.origin)
	if err != nil {
		return Checkpoint{}, err
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		return Checkpoint{}, broken("its key has no public form")
	}
	signer := ringKey{ctx: ctx, ring: l.ring, key: l.key, origin: l.origin, hash: v.KeyHash()}
	c.Note, err = note.Sign(&note.Note{Text: c.text()}, signer)
	if err != nil {
		var f *ark.Fault
		if errors.As(err, &f) {
			return Checkpoint{}, err
		}
		return Checkpoint{}, ark.Faultf(ark.Unavailable, "the ledger's checkpoint could not be signed").Do("check the key service").Because(err)
	}
	return c, nil
}
