package intake

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Manifest is what a sender says a delivery holds.
type Manifest struct {
	Source   string         `json:"source"`
	Delivery string         `json:"delivery"`
	Contract string         `json:"contract,omitempty"`
	Sent     string         `json:"sent,omitempty"` // a day or an RFC 3339 time: which delivery is current, in whatever order they arrive
	Files    []ManifestFile `json:"files"`
}

// ManifestFile is one file of a delivery and the table it is for; a file of
// HL7 messages may be named once for each of several tables. Rows are lines
// without the header, resources, or messages.
type ManifestFile struct {
	Name   string `json:"name"`
	Table  string `json:"table"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`           // of the file as it comes
	Member string `json:"member,omitempty"` // of a zip archive with several files
}

// maxManifest bounds a manifest's text, maxFiles the files of a delivery.
const (
	maxManifest = 4 << 20
	maxFiles    = 10_000
)

var (
	sha256Pattern   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	fileNamePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	deliveryPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

// ParseManifest reads a manifest strictly: an unknown key is a fault, since
// what it was meant to demand would not be checked.
func ParseManifest(text []byte) (*Manifest, error) {
	if len(text) > maxManifest {
		return nil, ark.Faultf(ark.TooMuch, "a manifest has at most %d bytes", maxManifest).At("manifest.json", 0, "")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var m Manifest
	if err := d.Decode(&m); err != nil {
		return nil, ark.Faultf(ark.Invalid, "the manifest cannot be read").At("manifest.json", 0, "").
			Do(`write {"source", "delivery", "files": [{"name", "table", "rows", "sha256"}]}`).Because(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, ark.Faultf(ark.Invalid, "the manifest has something after its end").At("manifest.json", 0, "")
	}
	return &m, m.check()
}

// early is how far before its arrival a delivery may say that it was sent: the
// clocks and time zones of senders differ.
const early = 36 * time.Hour

// SentAt returns when the sender sent the delivery, the zero time where the
// manifest does not say. A day counts from its beginning, in UTC.
func (m *Manifest) SentAt() (time.Time, error) {
	if m.Sent == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, m.Sent); err == nil && t.Year() >= 1900 {
			return t.UTC(), nil
		}
	}
	return time.Time{}, ark.Faultf(ark.Invalid, "the manifest's sent is not a day or a time").At("manifest.json", 0, "sent").Do("write it as 2026-11-21 or 2026-11-21T08:00:00Z")
}

// sentBy refuses a delivery that says it was sent after it arrived: it would
// stay the current one over all that are sent before that day.
func (m *Manifest) sentBy(received time.Time) error {
	sent, err := m.SentAt()
	if err == nil && sent.After(received.Add(early)) {
		err = ark.Faultf(ark.Invalid, "the manifest says that the delivery was sent after it arrived").At("manifest.json", 0, "sent").Do("mend the manifest: of two deliveries the one sent later is current")
	}
	return err
}

func (m *Manifest) check() error {
	if _, err := m.SentAt(); err != nil {
		return err
	}
	bad := func(format string, args ...any) error {
		return ark.Faultf(ark.Invalid, format, args...).At("manifest.json", 0, "").Do("send a manifest that says what the delivery holds")
	}
	if !slugPattern.MatchString(m.Source) || !deliveryPattern.MatchString(m.Delivery) {
		return bad("the manifest needs a source and a delivery of letters, digits and hyphens")
	}
	if len(m.Files) == 0 || len(m.Files) > maxFiles {
		return bad("a manifest names 1 to %d files", maxFiles)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		switch {
		case !fileNamePattern.MatchString(f.Name) || seen[f.Name+"\x00"+f.Table]:
			return bad("every file is named once for a table, by letters, digits, points and hyphens, without folders")
		case !namePattern.MatchString(f.Table):
			return bad("a file's table must be small letters, digits and underscores")
		case len(f.Member) > 255:
			return bad("a member's name has at most 255 bytes")
		case f.Rows < 0 || !sha256Pattern.MatchString(strings.ToLower(f.SHA256)):
			return bad("every file needs its rows and its sha256")
		}
		seen[f.Name+"\x00"+f.Table] = true
	}
	return nil
}

// against compares what was promised with what was read.
func (m ManifestFile) against(r *FileReport) error {
	if !strings.EqualFold(m.SHA256, r.SHA256) {
		return ark.Faultf(ark.Conflict, "the file's hash is not the manifest's").At(r.Name, 0, "").Do("send the file and its manifest again: one of them changed on the way")
	}
	if m.Rows != r.Rows {
		return ark.Faultf(ark.Conflict, "the file has %d rows and the manifest says %d", r.Rows, m.Rows).At(r.Name, 0, "").Do("send the whole file, or a manifest that counts it")
	}
	return nil
}
