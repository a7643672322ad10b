package disclosure

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
)

//go:embed profiles/*.yaml
var shipped embed.FS

// maxProfile bounds the size of a profile file.
const maxProfile = 1 << 20

// Names lists the shipped profiles.
func Names() []string {
	entries, err := shipped.ReadDir("profiles")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	sort.Strings(names)
	return names
}

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// Shipped returns the shipped profile of that name.
func Shipped(name string) (Profile, error) {
	if !namePattern.MatchString(name) {
		return Profile{}, unknownProfile()
	}
	b, err := shipped.ReadFile(path.Join("profiles", name+".yaml"))
	if err != nil {
		return Profile{}, unknownProfile()
	}
	return Parse(b)
}

func unknownProfile() error {
	return ark.Faultf(ark.Unknown, "there is no shipped disclosure profile of that name").
		Do("use one of " + strings.Join(Names(), ", ") + ", or give a YAML file")
}

// Open returns the shipped profile called nameOrFile, or reads the file.
func Open(nameOrFile string) (Profile, error) {
	if slices.Contains(Names(), nameOrFile) {
		return Shipped(nameOrFile)
	}
	f, err := os.Open(nameOrFile)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return Profile{}, unknownProfile()
		}
		return Profile{}, ark.Faultf(ark.Invalid, "the disclosure profile could not be opened").Because(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxProfile+1))
	if err != nil {
		return Profile{}, ark.Faultf(ark.Invalid, "the disclosure profile could not be read").Because(err)
	}
	return Parse(b)
}

// Parse reads one profile strictly: no unknown keys, no second document,
// every value valid and with its evidence.
func Parse(b []byte) (Profile, error) {
	if len(b) > maxProfile {
		return Profile{}, ark.Faultf(ark.TooMuch, "the disclosure profile is larger than 1 MiB")
	}
	var p Profile
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil {
		return Profile{}, invalid("it does not parse: %v", err)
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return Profile{}, invalid("it holds more than one document")
	}
	if err := p.Check(); err != nil {
		return Profile{}, err
	}
	return p, nil
}

func invalid(format string, args ...any) error {
	return ark.Faultf(ark.Invalid, "the disclosure profile is not valid: %s", fmt.Sprintf(format, args...)).
		Do("correct the profile file; the profiles shipped with Ark are examples")
}

// Check reports the first thing wrong with a profile.
func (p Profile) Check() error {
	if !namePattern.MatchString(p.Name) {
		return invalid("name must be lower-case letters, digits and hyphens")
	}
	if p.Title == "" || p.Reading == "" {
		return invalid("title and reading are needed")
	}
	if _, err := time.Parse(time.DateOnly, p.Effective); err != nil {
		return invalid("effective must be a date, YYYY-MM-DD")
	}
	for _, check := range []func() error{p.checkCounts, p.checkRounding, p.checkDominance, p.checkLists, p.checkEvidence} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p Profile) checkCounts() error {
	c := p.Counts
	switch {
	case c.Threshold < 1:
		return invalid("counts.threshold must be at least 1")
	case c.Strictness != Below && c.Strictness != AtOrBelow:
		return invalid("counts.strictness must be below or at-or-below")
	case c.Unit == "":
		return invalid("counts.unit is needed")
	case c.Differencing < 1:
		return invalid("counts.differencing must be at least 1")
	}
	for name, s := range map[string]Severity{"counts.zeros": c.Zeros, "counts.full": c.Full,
		"contributors.endpoints": p.Contributors.Endpoints, "dominance.negative": p.Dominance.Negative} {
		if s != Allow && s != Review && s != Fail {
			return invalid("%s must be allow, review or fail", name)
		}
	}
	k := p.Contributors
	if min(k.Mean, k.Sum, k.Median, k.Quantile, k.Deviation, k.Mode, k.Ratio) < 1 {
		return invalid("contributors needs a minimum for mean, sum, median, quantile, deviation, mode and ratio")
	}
	if p.Models.DegreesOfFreedom < 1 {
		return invalid("models.degrees_of_freedom must be at least 1")
	}
	return nil
}

func (p Profile) checkRounding() error {
	r := p.Rounding
	if r == nil {
		return nil
	}
	if !slices.Contains([]RoundingMode{Nearest, NearestEven, Midpoint, Random, Controlled, CellKey}, r.Mode) {
		return invalid("rounding.mode must be nearest, nearest-even, midpoint, random, controlled or cell-key")
	}
	if r.Base < 2 && len(r.Bands) == 0 {
		return invalid("rounding.base must be at least 2")
	}
	if r.Order != "suppress-then-round" && r.Order != "round-only" {
		return invalid("rounding.order must be suppress-then-round or round-only")
	}
	if r.Totals != "of-rounded" && r.Totals != "own" {
		return invalid("rounding.totals must be of-rounded or own")
	}
	for i, b := range r.Bands {
		if b.Base < 1 || (i > 0 && b.From <= r.Bands[i-1].From) {
			return invalid("rounding.bands must ascend and have bases of at least 1")
		}
	}
	return nil
}

func (p Profile) checkDominance() error {
	for i, d := range p.Dominance.Rules {
		limit := d.Limit()
		switch {
		case d.Kind != "nk" && d.Kind != "p":
			return invalid("dominance.rules[%d].rule must be nk or p", i)
		case d.Kind == "nk" && (d.N < 1 || d.P != ""):
			return invalid("dominance.rules[%d] needs n and share", i)
		case d.Kind == "p" && (d.N != 0 || d.Share != ""):
			return invalid("dominance.rules[%d] needs p alone", i)
		case limit.Sign() <= 0 || limit.Cmp(big.NewRat(1, 1)) > 0:
			return invalid("dominance.rules[%d] needs a fraction above 0 and at most 1", i)
		}
	}
	return nil
}

func (p Profile) checkLists() error {
	if q := p.Privacy; q != nil {
		total, ok := new(big.Rat).SetString(q.Epsilon)
		most, ok2 := new(big.Rat).SetString(q.Most)
		if !ok || !ok2 || most.Sign() <= 0 || total.Cmp(most) < 0 || !p.Allows(Private) {
			return invalid("privacy needs epsilon, most (above 0, at most epsilon) and the class differentially-private")
		}
	}
	for _, c := range p.Classes {
		if !slices.Contains(AllClasses(), c) {
			return invalid("classes: %q is not a class", c)
		}
	}
	if len(p.Classes) == 0 || len(p.Files) == 0 {
		return invalid("classes and files must list what may leave")
	}
	for _, f := range p.Files {
		if !regexp.MustCompile(`^[a-z0-9]{1,8}$`).MatchString(f) {
			return invalid("files: extensions are lower-case, without the dot")
		}
	}
	if !slices.Contains(dateSteps(), p.Dates.Finest) {
		return invalid("dates.finest must be day, week, month, quarter or year")
	}
	if p.MaxRows < 1 {
		return invalid("max_rows must be at least 1")
	}
	for _, c := range p.Contractual {
		if p.Custodian == "" || !slices.ContainsFunc(p.given(), func(s string) bool { return s == c || strings.HasPrefix(s, c+".") }) {
			return invalid("contractual names %q, which the profile doesn't set, or there is no custodian", c)
		}
	}
	for _, g := range slices.Concat(p.Geography.Deny, p.Geography.Review) {
		if !slices.Contains(AreaLevels(), g) {
			return invalid("geography: %q is not an area level", g)
		}
	}
	return nil
}

// AreaLevels lists the area levels a profile may name.
func AreaLevels() []string {
	return []string{"postcode", "output-area", "lsoa", "msoa", "practice", "local-authority", "icb"}
}

// checkEvidence holds a profile to its word: each value given has evidence,
// at its own path or a parent's, and no evidence is for a value not given.
func (p Profile) checkEvidence() error {
	given := p.given()
	for _, path := range given {
		if _, ok := p.evidenceFor(path); !ok {
			return invalid("evidence is missing for %s", path)
		}
	}
	for key, e := range p.Evidence {
		if !slices.ContainsFunc(given, func(s string) bool { return s == key || strings.HasPrefix(s, key+".") }) {
			return invalid("evidence is given for %s, which the profile doesn't set", key)
		}
		if _, err := time.Parse("2006-01-02"[:len(e.Date)], e.Date); e.Date == "" || len(e.Date) > 10 || err != nil {
			return invalid("evidence.%s.date must be a year, month or day", key)
		}
		if e.Source == "" || !slices.Contains([]Grade{Ran, Read, Excerpt, Own}, e.Grade) {
			return invalid("evidence.%s needs a source and a grade of ran, read, excerpt or own", key)
		}
	}
	return nil
}

// EvidenceFor returns where the value at a path such as counts.threshold was
// read: the entry for the path itself or for its nearest parent.
func (p Profile) EvidenceFor(path string) (Evidence, bool) { return p.evidenceFor(path) }

func (p Profile) evidenceFor(path string) (Evidence, bool) {
	for path != "" {
		if e, ok := p.Evidence[path]; ok {
			return e, true
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			break
		}
		path = path[:i]
	}
	return Evidence{}, false
}

// given lists the paths of the values a profile sets, sorted.
func (p Profile) given() []string {
	var out []string
	walk("", reflect.ValueOf(p), &out)
	sort.Strings(out)
	return out
}

func walk(prefix string, v reflect.Value, out *[]string) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		if !v.IsZero() {
			*out = append(*out, prefix)
		}
		return
	}
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("yaml")
		switch {
		case prefix != "":
			key = prefix + "." + key
		case !v.Type().Field(i).IsExported(), slices.Contains([]string{"name", "title", "reading", "effective", "evidence", "custodian", "contractual"}, key):
			continue
		}
		walk(key, v.Field(i), out)
	}
}
