// Package inspect looks at what a submitted file is: its type by content, which
// must be the one its name claims and one that may leave, and its size. Tables
// it hands to the disclosure rules.
//
// It judges bytes it is given and may touch nothing else. What it does not
// know fails; what only a person can judge is for review. It must never
// execute anything it finds.
package inspect

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"

	"github.com/ark-tre/ark/airlock/disclosure"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// MaxFile is the largest file that may leave, in bytes.
const MaxFile = 16 << 20

// kind is what may leave under a file name's ending.
type kind struct {
	media string
	sniff []string // what the content may be found to be
	table bool
}

var kinds = map[string]kind{
	".csv":  {"text/csv", []string{"text/csv", "text/plain", "text/tab-separated-values"}, true},
	".tsv":  {"text/tab-separated-values", []string{"text/tab-separated-values", "text/plain", "text/csv"}, true},
	".txt":  {"text/plain", []string{"text/plain"}, false},
	".md":   {"text/markdown", []string{"text/plain", "text/markdown"}, false},
	".png":  {"image/png", []string{"image/png"}, false},
	".jpg":  {"image/jpeg", []string{"image/jpeg"}, false},
	".jpeg": {"image/jpeg", []string{"image/jpeg"}, false},
}

// Result is what was found of one file.
type Result struct {
	Media    string
	Verdict  disclosure.Verdict
	Findings []disclosure.Finding
}

// File judges a file by its name and content under a profile. known tells
// whether a word is a pseudonym of the project; nil looks for none.
func File(ctx context.Context, profile policy.Profile, name string, data []byte, known func(string) bool) (Result, error) {
	ending := strings.ToLower(filepath.Ext(name))
	k, ok := kinds[ending]
	switch {
	case !ok:
		return refuse("file-type-not-allowed", name, "files of this type cannot leave", "put the result into a CSV table or a PNG picture"), nil
	case len(data) > MaxFile:
		return refuse("file-too-large", name, fmt.Sprintf("the file is larger than %d MiB", MaxFile>>20), "release what is needed, not everything"), nil
	case len(data) == 0:
		return refuse("file-empty", name, "the file is empty", "leave it out"), nil
	}
	found := mimetype.Detect(data)
	match := false
	for _, s := range k.sniff {
		match = match || found.Is(s)
	}
	if !match {
		r := refuse("file-type-mismatch", name, "the content is not what the file's name says", "save it again in the type its name says")
		r.Media = found.String()
		return r, nil
	}
	if k.table {
		v, fs, err := disclosure.CheckTable(ctx, profile, disclosure.File{Name: name, Reader: bytes.NewReader(data), Pseudonym: known})
		return Result{k.media, v, fs}, err
	}
	if strings.HasPrefix(k.media, "text/") {
		return text(name, k.media, data, known), nil
	}
	if end := afterImage(k.media, data); end {
		return refuse("picture-hidden-data", name, "there is data after the end of the picture", "save the picture again"), nil
	}
	return Result{k.media, disclosure.Verdict("review"), []disclosure.Finding{finding("picture-needs-eyes", "review", name,
		"a picture's numbers cannot be checked by rules", "add the table behind it as a supporting file")}}, nil
}

// text judges free text: no rule can tell what it says, so it is reviewed, and
// it fails when it carries a key.
func text(name, media string, data []byte, known func(string) bool) Result {
	if !utf8.Valid(data) || bytes.ContainsRune(data, 0) {
		return refuse("file-unreadable", name, "the text is not UTF-8", "save it as UTF-8")
	}
	if known != nil {
		for i, line := range strings.Split(string(data), "\n") {
			for _, w := range strings.FieldsFunc(line, func(r rune) bool { return !('0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z') }) {
				if known(w) {
					r := refuse("identifier-pseudonym", name, "a pseudonym stands in the text", "remove it")
					r.Findings[0].Where.Line = i + 1
					r.Media = media
					return r
				}
			}
		}
	}
	return Result{media, disclosure.Verdict("review"), []disclosure.Finding{finding("text-needs-eyes", "review", name, "what a text says cannot be checked by rules", "keep it short")}}
}

// afterImage reports whether bytes follow the end of a picture.
func afterImage(media string, data []byte) bool {
	switch media {
	case "image/png":
		at := bytes.LastIndex(data, []byte("IEND\xaeB`\x82"))
		return at < 0 || at+8 != len(data)
	case "image/jpeg":
		return !bytes.HasSuffix(data, []byte{0xff, 0xd9})
	}
	return false
}

func refuse(rule, name, says, repair string) Result {
	return Result{Verdict: disclosure.Verdict("fail"), Findings: []disclosure.Finding{finding(rule, "fail", name, says, repair)}}
}

func finding(rule, severity, name, says, repair string) disclosure.Finding {
	return disclosure.Finding{Rule: rule, Severity: disclosure.Severity(severity), File: name, Says: says, Repair: repair, Evidence: map[string]string{}}
}
