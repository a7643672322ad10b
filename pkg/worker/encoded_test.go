package worker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/linkage/files"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// TestEncodingsHaveOneName: intake takes exactly the encodings that linkage
// compares and ark link encode makes.
func TestEncodingsHaveOneName(t *testing.T) {
	var made, taken []string
	for _, p := range model.Parts() {
		made = append(made, p.Name)
	}
	for _, r := range intake.EncodedRoles() {
		taken = append(taken, string(r))
	}
	slices.Sort(made)
	slices.Sort(taken)
	if !slices.Equal(made, taken) {
		t.Errorf("linkage makes %v, intake takes %v", made, taken)
	}
}

// zones keeps what intake writes.
type zones map[string]*bytes.Buffer

type whole struct{ *bytes.Buffer }

func (whole) Close() error { return nil }

func (z zones) Create(zone intake.Zone, name string) (io.WriteCloser, error) {
	b := &bytes.Buffer{}
	z[string(zone)+"/"+name] = b
	return whole{b}, nil
}

// arrives takes one file in by a contract of the given identifiers.
func arrives(t *testing.T, source, path string, rows int, roles []string) zones {
	t.Helper()
	text := "contract: " + source + "\nversion: 1.0.0\ntitle: People\ndeclared: synthetic\nformat: {kind: parquet}\ndelivers: full\ntables:\n  - name: people\n    key: [id]\n    person: [id]\n    fields:\n" +
		"      - {name: id, type: string, to: none}\n"
	for _, r := range roles {
		kind := "string"
		if r == "date_of_birth" {
			kind = "birth-date"
		}
		text += "      - {name: " + r + ", type: " + kind + ", to: identifier, role: " + r + "}\n"
	}
	c, err := intake.ParseContract([]byte(text))
	must(t, err)
	raw, err := os.ReadFile(path)
	must(t, err)
	sum := sha256.Sum256(raw)
	z := zones{}
	r, err := intake.Process(t.Context(), intake.Job{Contract: c, Source: source, Delivery: "d", Received: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC), Key: bytes.Repeat([]byte{5}, 32), Sink: z, Scratch: t.TempDir(), Demonstration: true,
		Manifest: &intake.Manifest{Source: source, Delivery: "d", Files: []intake.ManifestFile{{Name: "p.parquet", Table: "people", Rows: int64(rows), SHA256: hex.EncodeToString(sum[:])}}},
		Files: []intake.Input{{Name: "p.parquet", Open: func() (io.ReadCloser, error) { return os.Open(path) }, At: func() (io.ReaderAt, int64, io.Closer, error) {
			f, err := os.Open(path)
			return f, int64(len(raw)), f, err
		}}}})
	must(t, err)
	if r.Quarantined() != 0 || r.Identifiers.Flags["encoding-invalid"] != 0 || r.Identifiers.Records != int64(rows) {
		t.Fatalf("%s: %+v", source, r.Identifiers)
	}
	return z
}

// TestEncodingsFromSenderToIndex is the whole line: two organisations encode
// under their key, one beside its names; both deliver; linkage, which has no
// key of theirs, finds who is who.
func TestEncodingsFromSenderToIndex(t *testing.T) {
	names := strings.Fields("Ada Bea Cara Dora Ella Fay Gina Hana Ida Joan Kim Lena Mona Nora Olga Pia Rita Sara Tina Una")
	rng := rand.New(rand.NewPCG(1, 2))
	var gp, hospital strings.Builder
	gp.WriteString("id,given_name,family_name,date_of_birth,postcode\n")
	hospital.WriteString("id,given_name,family_name,date_of_birth,postcode\n")
	for i := range 600 {
		line := fmt.Sprintf("%s,%s,%d-%02d-%02d,M%d 1A%c\n", names[rng.IntN(20)], names[rng.IntN(20)]+strings.ToLower(names[rng.IntN(20)]), 1930+rng.IntN(80), 1+rng.IntN(12), 1+rng.IntN(28), 1+rng.IntN(9), 'A'+rng.IntN(20))
		fmt.Fprintf(&gp, "%d,%s", i, line)
		if i >= 300 {
			fmt.Fprintf(&hospital, "h%d,%s", i, line)
		}
	}
	dir := t.TempDir()
	key := bytes.Repeat([]byte{42}, 32)
	encode := func(name, text string, beside bool) string {
		in, out := filepath.Join(dir, name+".csv"), filepath.Join(dir, name+".parquet")
		must(t, os.WriteFile(in, []byte(text), 0o600))
		must(t, files.Encode(t.Context(), files.Input{Name: "in", Path: in}, out, "id", key, beside))
		return out
	}
	codes := strings.Fields("given_name_key given_name_sound_key given_name_start_key family_name_key family_name_sound_key family_name_start_key date_of_birth_key date_of_birth_year_key date_of_birth_year_month_key postcode_key outcode_key")
	a := arrives(t, "gp", encode("gp", gp.String(), true), 600, append([]string{"given_name", "family_name", "date_of_birth", "postcode"}, codes...))
	b := arrives(t, "hospital", encode("hospital", hospital.String(), false), 300, codes)
	file := func(name string, z zones) linkage.File {
		p := z["identifiers/identifiers.parquet"]
		return linkage.File{Name: name, At: bytes.NewReader(p.Bytes()), Size: int64(p.Len())}
	}
	var index bytes.Buffer
	rep, err := linkage.BuildIndex(context.Background(), linkage.IndexInput{Identifiers: []linkage.File{file("gp", a), file("hospital", b)}, Key: bytes.Repeat([]byte{6}, 32)},
		linkage.IndexOutput{PersonIndex: &index, Links: io.Discard, Persons: io.Discard, Report: io.Discard})
	must(t, err)
	if rep.Encoded != 300 || rep.Joined < 295 || rep.Persons > 605 {
		t.Errorf("%d records of encodings, %d joined, %d persons; want 300, 300 and 600", rep.Encoded, rep.Joined, rep.Persons)
	}
	r, err := columnar.Open(bytes.NewReader(index.Bytes()), int64(index.Len()), columnar.Limits{})
	must(t, err)
	tiers := map[string]int{}
	for row, err := range r.Rows(t.Context(), "tier") {
		must(t, err)
		tiers[row[0].Str()]++
	}
	if tiers[linkage.TierEncoded] < 590 {
		t.Errorf("tiers %v", tiers)
	}
}
