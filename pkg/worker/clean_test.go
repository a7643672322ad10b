package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/png"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
)

func (b Bench) inspector(t *testing.T) Bench {
	t.Helper()
	b.Inspect.Program = filepath.Join(t.TempDir(), "ark-inspect")
	cmd := exec.Command("go", "build", "-o", b.Inspect.Program, "github.com/ark-tre/ark/cmd/ark-inspect")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return b
}

// checks runs the check step on files.
func (b Bench) checks(t *testing.T, job airlock.CheckJob) airlock.CheckResult {
	t.Helper()
	raw, err := json.Marshal(job)
	must(t, err)
	got, err := b.checkSteps()[0].Do(context.Background(), raw, nil)
	must(t, err)
	return got.(airlock.CheckResult)
}

// chunked is a picture with a chunk of text that programs write into it, and
// with bytes behind its end when there are any.
func chunked(t *testing.T, secret, after string) string {
	t.Helper()
	var out bytes.Buffer
	must(t, png.Encode(&out, image.NewGray(image.Rect(0, 0, 40, 30))))
	text := "tEXtComment\x00" + secret
	sum := crc32.ChecksumIEEE([]byte(text))
	n := len(text) - 4
	chunk := string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + text + string([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	s := out.String()
	return s[:33] + chunk + s[33:] + after
}

// TestTheCleanBytesLeave sends files with more in them than people see: what
// the checks hand on, and what is signed, is without it, the same every time.
func TestTheCleanBytesLeave(t *testing.T) {
	b := bench(t).inspector(t)
	const secret = "the-secret-of-the-file"
	table := "\ufeffside;count\r\nnorth;60\r\nsouth;60\r\n"
	sent := []airlock.CheckOf{b.submit(t, "f1", "table.csv", table), b.submit(t, "f2", "plot.png", chunked(t, secret, "")), b.submit(t, "f3", "clean.csv", "side,count\nnorth,60\nsouth,60\n"),
		b.submit(t, "f4", "behind.png", chunked(t, "plain", secret))}
	for i := range sent {
		sent[i].Ordinal = i + 1
	}
	job := airlock.CheckJob{Request: "r", Round: 1, Project: "prj-a", Profile: "ark", Files: sent}
	res := b.checks(t, job)
	again := b.checks(t, job)
	rel := airlock.ReleaseJob{Release: "rel", Request: "r", Project: "prj-a", Profile: "ark"}
	for i, c := range res.Files {
		if c.Clean != again.Files[i].Clean {
			t.Errorf("%s: another clean file the second time", sent[i].Name)
		}
		if (i == 2) != (c.Clean.Name == "") {
			t.Fatalf("%s: the clean file is %+v, findings %v", sent[i].Name, c.Clean, c.Findings)
		}
		if i == 2 {
			rel.Files = append(rel.Files, sent[i])
			continue
		}
		data, err := b.bytes(t.Context(), c.Clean.Ref)
		must(t, err)
		if bytes.Contains(data, []byte(secret)) || i == 0 && string(data) != "side,count\nnorth,60\nsouth,60\n" {
			t.Errorf("%s leaves as %q", sent[i].Name, data)
		}
		f := sent[i]
		f.Submitted = airlock.Submitted{Name: f.Name, Ref: f.Ref}
		f.Name, f.Ref = c.Clean.Name, c.Clean.Ref
		rel.Files = append(rel.Files, f)
	}
	if res.Files[1].Verdict != "review" || res.Files[3].Verdict != "fail" {
		t.Errorf("metadata %s, bytes behind the end %s", res.Files[1].Verdict, res.Files[3].Verdict)
	}
	raw, err := json.Marshal(rel)
	must(t, err)
	out, err := b.releaseSteps()[0].Do(t.Context(), raw, nil)
	must(t, err)
	done := out.(airlock.ReleaseResult)
	if done.Refused != "" || len(done.Files) != len(rel.Files) {
		t.Fatalf("refused: %+v", done)
	}
	for i, f := range done.Files {
		if f.SHA256 != rel.Files[i].Ref.SHA256 {
			t.Errorf("%s: what is signed is not the clean file", f.Name)
		}
	}
	bundle, err := b.bytes(t.Context(), done.Bundle)
	must(t, err)
	if strings.Contains(string(bundle), secret) {
		t.Error("the bundle holds what was hidden")
	}
	record, err := b.bytes(t.Context(), done.Record)
	must(t, err)
	var envelope struct{ Payload []byte }
	must(t, json.Unmarshal(record, &envelope))
	if p := string(envelope.Payload); !strings.Contains(p, sent[0].Ref.SHA256) || !strings.Contains(p, rel.Files[0].Ref.SHA256) {
		t.Error("the internal record does not name both hashes")
	}
}

// TestPseudonymsOfTheExtractAreKnown: a name of the extract is found in prose
// and in a table, whatever it looks like; another is not.
func TestPseudonymsOfTheExtractAreKnown(t *testing.T) {
	b := bench(t).inspector(t)
	behind := airlock.Behind{Data: b.extract(t, "prj-a", 0)}
	for text, want := range map[string]bool{"See prj-a-name-007 for more.\n": true, "See prj-c-name-007 for more.\n": false} {
		res := b.checks(t, airlock.CheckJob{Request: "r", Project: "prj-a", Profile: "ark", Behind: behind, Files: []airlock.CheckOf{b.submit(t, "k"+text[8:9], "note.txt", text)}})
		if got := slices.Contains(rules(res.Files[0].Findings), "identifier-known"); got != want {
			t.Errorf("%q: known %v, want %v: %v", text, got, want, rules(res.Files[0].Findings))
		}
	}
	f, _, err := b.pseudonyms(t.Context(), airlock.Data{})
	must(t, err)
	if f != nil {
		t.Error("no extract gives known values")
	}
}

// TestKnownValuesAreKept: the second request of an extract makes no set anew,
// another extract's set is another, and an extract that is destroyed is asked
// for every time.
func TestKnownValuesAreKept(t *testing.T) {
	b := bench(t)
	b.Known = &KnownSets{}
	a, c := b.extract(t, "prj-a", 0), b.extract(t, "prj-b", 0)
	inode := func(d airlock.Data) uint64 {
		t.Helper()
		f, n, err := b.pseudonyms(t.Context(), d)
		must(t, err)
		if n != 120 {
			t.Errorf("the extract holds %d records", n)
		}
		defer f.Close()
		s, err := f.Stat()
		must(t, err)
		return s.Sys().(*syscall.Stat_t).Ino
	}
	first := inode(a)
	if again := inode(a); again != first {
		t.Error("the set was made anew")
	}
	if other := inode(c); other == first {
		t.Error("two extracts share a set")
	}
	if f, kept := b.Known.take(a.Tables[0].Ref.SHA256+" ", time.Now().Add(2*keepKnown)); kept {
		t.Error("a set is kept for longer than it may be", f)
	}
	must(t, b.Objects.Delete(t.Context(), a.Tables[0].Ref.Zone, a.Tables[0].Ref.Name))
	if f, n, err := b.pseudonyms(t.Context(), a); err != nil || f != nil || n != 0 {
		t.Errorf("of an extract that is there no more: %v %d %v", f, n, err)
	}
}
