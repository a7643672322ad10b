package intake

import (
	"bytes"
	"strings"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/nhsnumber"
)

// identitySchema is identifiers.parquet. record_key is the key of the person's
// record at this source (person_record_key in the payload), one row each. Keyed
// encodings have a column only where the contract declares them.
func identitySchema(encoded ...Role) columnar.Schema {
	s := columnar.Schema{{Name: "record_key", Type: columnar.String}, {Name: "source", Type: columnar.String}}
	for _, r := range roles {
		t := columnar.String
		if r == EventDate {
			t = columnar.Date
		}
		s = append(s, columnar.Field{Name: string(r), Type: t, Nullable: true})
	}
	for _, r := range encoded {
		s = append(s, columnar.Field{Name: string(r), Type: columnar.String, Nullable: true})
	}
	return append(s, columnar.Field{Name: "flags", Type: columnar.String, Nullable: true})
}

// demographicsSchema is demographics.parquet.
func demographicsSchema() columnar.Schema {
	s := columnar.Schema{{Name: "record_key", Type: columnar.String}}
	for _, c := range coarseColumns {
		t := columnar.String
		if coarseType(c) == TypeInteger {
			t = columnar.Int64
		}
		s = append(s, columnar.Field{Name: c, Type: t, Nullable: true})
	}
	return s
}

// The flags on an identity record. A wrong identifier does not quarantine a
// row: wrong ones are what linkage is for.
const (
	flagNumberMissing   = "nhs-number-missing"
	flagNumberInvalid   = "nhs-number-invalid"
	flagBirthMissing    = "birth-missing"
	flagBirthInvalid    = "birth-invalid"
	flagBirthPartial    = "birth-partial"
	flagBirthFiller     = "birth-placeholder"
	flagBirthImpossible = "birth-implausible"
	flagNameMissing     = "name-missing"
	flagNameFiller      = "name-placeholder"
	flagPostcodeMissing = "postcode-missing"
	flagPostcodeInvalid = "postcode-invalid"
	flagPostcodeFiller  = "postcode-placeholder"
	flagSexInvalid      = "sex-invalid"
	flagEncodingInvalid = "encoding-invalid"
	flagTooLong         = "too-long"
	flagDeleted         = "deleted" // the record was withdrawn; Current drops it
)

// fillers are names that stand for no name.
var fillers = map[string]bool{"UNKNOWN": true, "UNK": true, "BABY": true, "MALE": true, "FEMALE": true, "TEST": true, "NFN": true, "NK": true, "XXX": true, "INFANT": true, "TWIN": true, "NOT KNOWN": true}

// identify cleans one identifier and collects flags. It changes form only
// (spaces, digits, capitals of a postcode); what is wrong stays and is flagged,
// but for a placeholder, which is nobody's and goes.
func (f *Field) identify(raw []byte, today cell.Value, flags *flagSet) cell.Value {
	raw = trimmed(raw)
	if len(raw) > longText || hasControl(raw) {
		flags.add(flagTooLong)
		return cell.Null
	}
	switch f.Role {
	case NHSNumber:
		return identifyNumber(raw, flags)
	case DateOfBirth:
		return f.identifyBirth(raw, today, flags)
	case GivenName, FamilyName:
		if len(raw) == 0 {
			flags.add(flagNameMissing)
			return cell.Null
		}
		if fillers[strings.ToUpper(string(raw))] {
			flags.add(flagNameFiller)
			return cell.Null
		}
	case Postcode:
		return identifyPostcode(raw, flags)
	case EventDate:
		v, ok := f.read(raw)
		if len(raw) == 0 || !ok {
			return cell.Null
		}
		return v
	}
	if len(raw) == 0 {
		return cell.Null
	}
	if f.Role.encoded() && !isEncoding(raw) {
		flags.add(flagEncodingInvalid) // and not kept: a name that was not encoded must not look as if it were
		return cell.Null
	}
	return cell.Str(string(raw))
}

func identifyNumber(raw []byte, flags *flagSet) cell.Value {
	if len(raw) == 0 {
		flags.add(flagNumberMissing)
		return cell.Null
	}
	s := nhsnumber.Clean(string(raw))
	if !nhsnumber.Valid(s) {
		flags.add(flagNumberInvalid)
	}
	return cell.Str(s)
}

func (f *Field) identifyBirth(raw []byte, today cell.Value, flags *flagSet) cell.Value {
	if len(raw) == 0 {
		flags.add(flagBirthMissing)
		return cell.Null
	}
	text, day, ok := birth(raw, layouts[f.Format])
	switch {
	case !ok:
		flags.add(flagBirthInvalid)
		return cell.Null
	case text == "1900-01-01" || text == "1800-01-01" || text == "9999-12-31":
		flags.add(flagBirthFiller)
		return cell.Null
	case day.IsNull():
		flags.add(flagBirthPartial)
	case day.Int() > today.Int() || day.Int() < today.Int()-45_000: // more than 123 years ago
		flags.add(flagBirthImpossible)
	}
	return cell.Str(text)
}

func identifyPostcode(raw []byte, flags *flagSet) cell.Value {
	s := bytes.ToUpper(bytes.ReplaceAll(raw, []byte{' '}, nil))
	switch {
	case len(s) == 0:
		flags.add(flagPostcodeMissing)
		return cell.Null
	case bytes.HasPrefix(s, []byte("ZZ99")):
		flags.add(flagPostcodeFiller)
		return cell.Null
	case !postcode(s):
		flags.add(flagPostcodeInvalid)
		return cell.Str(string(raw))
	}
	return cell.Str(string(s[:len(s)-3]) + " " + string(s[len(s)-3:]))
}

// postcode reports whether s, without spaces, has the form of a UK postcode.
func postcode(s []byte) bool {
	letter := func(c byte) bool { return c >= 'A' && c <= 'Z' }
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	n := len(s)
	if n < 5 || n > 7 || !digit(s[n-3]) || !letter(s[n-2]) || !letter(s[n-1]) || !letter(s[0]) {
		return false
	}
	out := s[1 : n-3]
	if len(out) > 0 && letter(out[0]) {
		out = out[1:]
	}
	return len(out) > 0 && digit(out[0]) && (len(out) == 1 || len(out) == 2 && (digit(out[1]) || letter(out[1])))
}

// flagSet collects flags in the order they came, once each.
type flagSet struct{ list []string }

func (s *flagSet) add(f string) {
	for _, old := range s.list {
		if old == f {
			return
		}
	}
	s.list = append(s.list, f)
}

func (s *flagSet) has(f string) bool {
	for _, old := range s.list {
		if old == f {
			return true
		}
	}
	return false
}

func (s *flagSet) value() cell.Value {
	if len(s.list) == 0 {
		return cell.Null
	}
	return cell.Str(strings.Join(s.list, " "))
}
