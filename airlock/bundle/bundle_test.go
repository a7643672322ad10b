package bundle_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/airlock/bundle"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/attest"
	"github.com/ark-tre/ark/pkg/keys/local"
)

const key, other = "release/bundles", "release/others"

func ring(t testing.TB) (*local.Keyring, ed25519.PublicKey) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	must(t, local.Init(dir))
	r, err := local.Open(dir, time.Now)
	must(t, err)
	must(t, r.Create(t.Context(), key))
	must(t, r.Create(t.Context(), other))
	pub, err := r.Public(t.Context(), key)
	must(t, err)
	return r, pub
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func statement() bundle.Statement {
	return bundle.Statement{Release: "rel_1", Request: "req_1", Project: "prj_1", Permit: "prm_1", PermitHash: "h", Destination: "the university", Checkers: 2,
		Checked: bundle.Rule{Profile: "ark"}, Checkpoint: "checkpoint\n",
		Files: []bundle.File{{Ordinal: 1, Name: "rates.csv", Data: []byte("year,n\n2020,120\n2021,130\n")}, {Ordinal: 2, Name: "notes.txt", Data: bytes.Repeat([]byte("rounded to ten. "), 40)}}}
}

func TestSealAndVerify(t *testing.T) {
	r, pub := ring(t)
	data, err := bundle.Seal(t.Context(), r, key, statement())
	must(t, err)
	again, err := bundle.Seal(t.Context(), r, key, statement())
	must(t, err)
	if !bytes.Equal(data, again) {
		t.Error("the same statement, files and key gave other bytes")
	}
	got, err := bundle.Verify(t.Context(), data, pub)
	must(t, err)
	want := statement()
	for i, f := range got.Files {
		if !bytes.Equal(f.Data, want.Files[i].Data) || f.Name != want.Files[i].Name || f.Size != int64(len(f.Data)) {
			t.Errorf("file %d came out as %+v", i, f)
		}
	}
	if got.Destination != want.Destination || got.PermitHash != want.PermitHash || got.Checkpoint != want.Checkpoint {
		t.Errorf("the statement came out as %+v", got)
	}
	theirs, err := r.Public(t.Context(), other)
	must(t, err)
	for name, k := range map[string]ed25519.PublicKey{"another key": theirs, "no key": nil, "half a key": pub[:16]} {
		if _, err := bundle.Verify(t.Context(), data, k); err == nil {
			t.Errorf("%s verified it", name)
		}
	}
}

// TestEveryByte changes every byte of a bundle: it does not verify, or says
// exactly the same (bytes of the ZIP that mean nothing, such as a date).
func TestEveryByte(t *testing.T) {
	r, pub := ring(t)
	data, err := bundle.Seal(t.Context(), r, key, statement())
	must(t, err)
	whole, err := bundle.Verify(t.Context(), data, pub)
	must(t, err)
	refused := 0
	for i := range data {
		for _, x := range []byte{0x01, 0x80, 0xff} {
			bad := bytes.Clone(data)
			bad[i] ^= x
			got, err := bundle.Verify(t.Context(), bad, pub)
			if err != nil {
				refused++
				if !ark.Is(err, ark.Invalid) {
					t.Fatalf("byte %d: a refusal of the kind %s: %v", i, ark.KindOf(err), err)
				}
			} else if !cmp.Equal(whole, got) {
				t.Fatalf("byte %d ^ %#x verifies and says something else", i, x)
			}
		}
	}
	if refused < len(data)*3/2 {
		t.Errorf("only %d of %d changes were refused", refused, 3*len(data))
	}
	for n := range len(data) {
		if _, err := bundle.Verify(t.Context(), data[:n], pub); err == nil {
			t.Fatalf("the first %d bytes verify", n)
		}
	}
}

// members opens a bundle as a ZIP file; pack makes one.
func members(t testing.TB, data []byte) (names []string, bodies map[string][]byte) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	must(t, err)
	bodies = map[string][]byte{}
	for _, f := range z.File {
		rc, err := f.Open()
		must(t, err)
		names = append(names, f.Name)
		bodies[f.Name], err = io.ReadAll(rc)
		must(t, err)
	}
	return names, bodies
}

func pack(t testing.TB, names []string, bodies map[string][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, n := range names {
		w, err := z.Create(n)
		must(t, err)
		_, err = w.Write(bodies[n])
		must(t, err)
	}
	must(t, z.Close())
	return buf.Bytes()
}

func TestTampering(t *testing.T) {
	r, pub := ring(t)
	data, err := bundle.Seal(t.Context(), r, key, statement())
	must(t, err)
	names, bodies := members(t, data)
	const st = "RELEASE.dsse.json"
	if _, err := bundle.Verify(t.Context(), pack(t, names, bodies), pub); err != nil {
		t.Fatalf("packed again unchanged: %v", err)
	}
	second := statement()
	second.Destination = "elsewhere"
	swapped, err := bundle.Seal(t.Context(), r, other, second)
	must(t, err)
	_, foreign := members(t, swapped)
	otherType, err := attest.Sign(t.Context(), r, key, "application/other", []byte("{}"))
	must(t, err)
	unknown, err := attest.Sign(t.Context(), r, key, bundle.StatementType, []byte(`{"release":"rel_1","more":1}`))
	must(t, err)
	with := func(name string, body []byte) map[string][]byte {
		out := map[string][]byte{}
		for k, v := range bodies {
			out[k] = v
		}
		out[name] = body
		return out
	}
	for name, bad := range map[string][]byte{
		"a file more":              pack(t, append(names, "more.csv"), with("more.csv", []byte("x"))),
		"a file less":              pack(t, names[:2], bodies),
		"a file twice":             pack(t, append(names, "rates.csv"), bodies),
		"the statement twice":      pack(t, append(names, st), bodies),
		"no statement":             pack(t, names[1:], bodies),
		"an empty file":            pack(t, names, with("rates.csv", nil)),
		"two files exchanged":      pack(t, names, map[string][]byte{st: bodies[st], names[1]: bodies[names[2]], names[2]: bodies[names[1]]}),
		"another key's statement":  pack(t, names, with(st, foreign[st])),
		"another type's statement": pack(t, names, with(st, otherType)),
		"a later statement":        pack(t, names, with(st, unknown)),
		"a folder more":            pack(t, append(names, "folder/"), with("folder/", nil)),
		"nothing":                  pack(t, nil, nil),
		"no ZIP":                   []byte("not a zip"),
	} {
		if s, err := bundle.Verify(t.Context(), bad, pub); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v %+v", name, err, s)
		}
	}
}

func TestNamesThatABundleCannotHold(t *testing.T) {
	r, _ := ring(t)
	for _, n := range []string{"", "../rates.csv", "..", "a/b", `a\b`, "a\x00b", "RELEASE.dsse.json", "notes.txt"} {
		s := statement()
		s.Files[0].Name = n
		if _, err := bundle.Seal(t.Context(), r, key, s); !ark.Is(err, ark.Invalid) || n != "" && len(n) > 3 && strings.Contains(err.Error(), n) {
			t.Errorf("%q: %v", n, err)
		}
	}
	if _, err := bundle.Seal(t.Context(), r, "release/none", statement()); err == nil {
		t.Error("signed with a key that is not there")
	}
}

// FuzzVerify: whatever the bytes, Verify ends and returns only what was signed.
func FuzzVerify(f *testing.F) {
	r, pub := ring(f)
	data, err := bundle.Seal(context.Background(), r, key, statement())
	must(f, err)
	f.Add(data)
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := bundle.Verify(context.Background(), b, pub)
		if err == nil && s.Release != "rel_1" {
			t.Errorf("verified %+v", s)
		}
	})
}

// TestCrateAndPublicRecord: the crate describes every file and is bound by the
// signature; nothing public says what the checks found.
func TestCrateAndPublicRecord(t *testing.T) {
	r, pub := ring(t)
	st := statement()
	st.Record = bundle.Record{Schema: bundle.RecordSchema, Program: "test", Profile: json.RawMessage(`{"Name":"ark"}`), Released: "2026-03-04", Decisions: []bundle.Decision{{Ordinal: 1, Decision: "approved", Approvals: 2}}}
	data, err := bundle.Seal(t.Context(), r, key, st)
	must(t, err)
	names, bodies := members(t, data)
	const meta = "ro-crate-metadata.json"
	var crate struct {
		Graph []map[string]any `json:"@graph"`
	}
	must(t, json.Unmarshal(bodies[meta], &crate))
	files := 0
	for _, n := range crate.Graph {
		if n["sha256"] != nil && n["@type"] == "File" {
			files++
		}
	}
	if files != len(st.Files) || !bytes.Contains(bodies[meta], []byte("https://w3id.org/5s-crate/")) {
		t.Errorf("the crate describes %d files: %s", files, bodies[meta])
	}
	got, err := bundle.Verify(t.Context(), data, pub)
	must(t, err)
	if !cmp.Equal(got.Record, st.Record) {
		t.Errorf("the record came out as %+v", got.Record)
	}
	public, err := json.Marshal(got)
	must(t, err)
	for _, word := range []string{"verdict", "finding", "round\"", "comment", "usr_", "overrid"} {
		if bytes.Contains(bytes.ToLower(append(public, bodies[meta]...)), []byte(word)) {
			t.Errorf("the public record has the word %q", word)
		}
	}
	for _, change := range []func(){
		func() { bodies[meta] = append(bodies[meta], ' ') },
		func() { delete(bodies, meta) },
	} {
		change()
		kept := names
		if bodies[meta] == nil {
			kept = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == meta })
		}
		if _, err := bundle.Verify(t.Context(), pack(t, kept, bodies), pub); !ark.Is(err, ark.Invalid) {
			t.Errorf("an altered crate verifies: %v", err)
		}
	}
	st.Files[0].Name = meta
	if _, err := bundle.Seal(t.Context(), r, key, st); !ark.Is(err, ark.Invalid) {
		t.Errorf("a released file took the crate's name: %v", err)
	}
}

// TestCrateForOthers writes a bundle with its key where another program can look
// at it: a validator of RO-Crates. Run by hand; docs/airlock.md has the result.
func TestCrateForOthers(t *testing.T) {
	dir := os.Getenv("ARK_CRATE")
	if dir == "" {
		t.Skip("ARK_CRATE names no folder: this is for programs outside")
	}
	r, _ := ring(t)
	s := statement()
	s.Record = bundle.Record{Schema: bundle.RecordSchema, Program: "ark 1", Profile: json.RawMessage(`{}`), Rules: []bundle.RuleRef{}, Released: "2026-11-22"}
	data, err := bundle.Seal(t.Context(), r, key, s)
	must(t, err)
	must(t, os.MkdirAll(dir, 0o700))
	names, bodies := members(t, data)
	for _, n := range names {
		must(t, os.WriteFile(filepath.Join(dir, n), bodies[n], 0o600))
	}
}
