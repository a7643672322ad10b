package attest_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/attest"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
)

const typ = "application/vnd.ark.test+json"

func TestSignVerify(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := local.Init(dir); err != nil {
		t.Fatal(err)
	}
	ring, err := local.Open(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	pub := map[string]ed25519.PublicKey{}
	for _, k := range []string{"signing/a", "signing/b"} {
		if err := ring.Create(t.Context(), keys.Name(k)); err != nil {
			t.Fatal(err)
		}
		if pub[k], err = ring.Public(t.Context(), keys.Name(k)); err != nil {
			t.Fatal(err)
		}
	}
	payload := []byte(`{"a":1}`)
	env, err := attest.Sign(t.Context(), ring, "signing/a", typ, payload)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := attest.Sign(t.Context(), ring, "signing/a", typ, payload); err != nil || !bytes.Equal(env, again) {
		t.Errorf("signed again, the bytes differ: %v", err)
	}
	if got, err := attest.Verify(t.Context(), env, typ, pub["signing/a"]); err != nil || !bytes.Equal(got, payload) {
		t.Fatalf("%s, %v", got, err)
	}
	for i := range env { // one byte changed: refused, or the same payload
		bad := bytes.Clone(env)
		bad[i] ^= 0x04
		if got, err := attest.Verify(t.Context(), bad, typ, pub["signing/a"]); err == nil && !bytes.Equal(got, payload) {
			t.Fatalf("byte %d: verified %s", i, got)
		}
	}
	var open map[string]any
	if err := json.Unmarshal(env, &open); err != nil {
		t.Fatal(err)
	}
	change := func(f func(map[string]any)) []byte {
		var m map[string]any
		json.Unmarshal(env, &m)
		f(m)
		raw, _ := json.Marshal(m)
		return raw
	}
	for name, c := range map[string]struct {
		env []byte
		typ string
		key ed25519.PublicKey
	}{
		"another key":          {env, typ, pub["signing/b"]},
		"no key":               {env, typ, nil},
		"half a key":           {env, typ, pub["signing/a"][:16]},
		"another type":         {env, "application/other", pub["signing/a"]},
		"the type changed":     {change(func(m map[string]any) { m["payloadType"] = "application/other" }), "application/other", pub["signing/a"]},
		"the payload changed":  {change(func(m map[string]any) { m["payload"] = base64.StdEncoding.EncodeToString([]byte(`{"a":2}`)) }), typ, pub["signing/a"]},
		"no signatures":        {change(func(m map[string]any) { m["signatures"] = []any{} }), typ, pub["signing/a"]},
		"signatures taken out": {change(func(m map[string]any) { delete(m, "signatures") }), typ, pub["signing/a"]},
		"nothing":              {nil, typ, pub["signing/a"]},
		"no JSON":              {[]byte("x"), typ, pub["signing/a"]},
	} {
		if got, err := attest.Verify(t.Context(), c.env, c.typ, c.key); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}
