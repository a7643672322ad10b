package disclosure

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Case is an output that left an Ark and should not have, as a sample of the
// rules: it is in the form of the samples of this package and is expected to be
// stopped. Such a file lies in samples/cases, or is judged with ark disclose
// cases.
type Case struct {
	Name    string   `yaml:"name"`
	Source  string   `yaml:"source"` // the incident
	Profile string   `yaml:"profile"`
	File    string   `yaml:"file"`
	Table   string   `yaml:"table,omitempty"` // a text, as it left
	Bytes   string   `yaml:"bytes,omitempty"` // anything else, in base64
	Verdict string   `yaml:"verdict"`         // "fail"
	Rules   []string `yaml:"rules"`           // that found something when it was written down
}

// NewCase is a file as a case.
func NewCase(name, source, profile, file string, data []byte) Case {
	c := Case{Name: name, Source: source, Profile: profile, File: file, Verdict: string(Fail), Rules: []string{}}
	if utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 && bytes.IndexByte(data, '\r') < 0 {
		c.Table = string(data)
	} else {
		c.Bytes = base64.StdEncoding.EncodeToString(data)
	}
	return c
}

// Data is the file's bytes.
func (c Case) Data() ([]byte, error) {
	if c.Bytes == "" {
		return []byte(c.Table), nil
	}
	b, err := base64.StdEncoding.DecodeString(c.Bytes)
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the bytes of a case are not base64").Because(err)
	}
	return b, nil
}

// Judge judges the case as a file on its own by the rules of this program. What
// like knows besides its name and bytes holds.
func (c Case) Judge(ctx context.Context, p policy.Profile, like File) (Verdict, []Finding, error) {
	data, err := c.Data()
	if err != nil {
		return Fail, nil, err
	}
	return CheckTable(ctx, p, File{Name: c.File, Reader: bytes.NewReader(data), Pseudonym: like.Pseudonym, Attacker: like.Attacker})
}

// FormatCases writes cases in the form of the samples.
func FormatCases(cases []Case) ([]byte, error) {
	var buf bytes.Buffer
	buf.WriteString("# Outputs that left an Ark and should not have. Each is expected to be stopped.\n")
	e := yaml.NewEncoder(&buf)
	e.SetIndent(2)
	if err := e.Encode(cases); err != nil {
		return nil, err
	}
	return buf.Bytes(), e.Close()
}

// maxCases bounds a file of cases, in bytes.
const maxCases = 256 << 20

// ReadCases reads what FormatCases wrote.
func ReadCases(r io.Reader) ([]Case, error) {
	bad := ark.Faultf(ark.Invalid, "that is no file of cases").Do("give one as the page of an incident hands it out")
	b, err := io.ReadAll(io.LimitReader(r, maxCases+1))
	if err != nil || len(b) > maxCases {
		return nil, bad.Because(err)
	}
	var out []Case
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&out); err != nil && !errors.Is(err, io.EOF) {
		return nil, bad.Because(err)
	}
	if len(out) == 0 {
		return nil, bad
	}
	for _, c := range out {
		if c.Name == "" || c.File == "" || c.Profile == "" || c.Verdict != string(Fail) || (c.Table == "") == (c.Bytes == "") {
			return nil, bad
		}
	}
	return out, nil
}
