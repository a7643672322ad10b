package keys

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

func TestSecretShowsNothing(t *testing.T) {
	raw := bytes.Repeat([]byte{0xA7, 0x31}, 16)
	s, err := NewSecret(raw)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T %v"} {
		fmt.Fprintf(&out, verb+"\n", s, s)
		fmt.Fprintf(&out, verb+"\n", struct{ S Secret }{s}, &s)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", s, "in", []any{s})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", s, "in", []any{s})
	for _, shown := range []string{string(raw[:4]), hex.EncodeToString(raw[:4]), strings.ToUpper(hex.EncodeToString(raw[:4])), "167 49", "0xa7, 0x31"} {
		if strings.Contains(out.String(), shown) {
			t.Errorf("the secret shows as %q in:\n%s", shown, out.String())
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing was printed at all")
	}
}

func TestSecretIsNotMarshalled(t *testing.T) {
	s := RandomSecret()
	if doc, err := json.Marshal(s); err == nil {
		t.Errorf("json: %s", doc)
	}
	if doc, err := json.Marshal(map[string]any{"k": &s}); err == nil {
		t.Errorf("json: %s", doc)
	}
	if err := gob.NewEncoder(&bytes.Buffer{}).Encode(s); err == nil {
		t.Error("gob encoded a secret")
	}
	var m encoding.TextMarshaler = s
	if _, err := m.MarshalText(); err == nil {
		t.Error("text encoded a secret")
	}
}

func TestSecretIsNotComparable(t *testing.T) {
	if reflect.TypeFor[Secret]().Comparable() {
		t.Error("secrets compare with ==, which leaks by time and invites map keys")
	}
	if (Secret{}).Same(Secret{}) {
		t.Error("two zero secrets are the same: an unset secret would match")
	}
	if (Secret{}).Reveal() != nil {
		t.Error("the zero secret reveals something")
	}
}

func TestWipeReachesEveryCopy(t *testing.T) {
	s := RandomSecret()
	c := s
	c.Wipe()
	if !bytes.Equal(s.Reveal(), make([]byte, SecretSize)) {
		t.Error("a copy kept the bytes")
	}
}

func TestNewSecretRefusesOtherLengths(t *testing.T) {
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := NewSecret(make([]byte, n)); err == nil {
			t.Errorf("%d bytes became a secret", n)
		}
	}
}
