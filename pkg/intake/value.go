package intake

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// FieldType is what a field holds.
type FieldType string

// The types.
const (
	TypeString   FieldType = "string"
	TypeInteger  FieldType = "integer"
	TypeNumber   FieldType = "number"
	TypeBoolean  FieldType = "boolean"
	TypeDate     FieldType = "date"
	TypeBirth    FieldType = "birth-date" // a date that may lack day or month, kept as text
	TypeDatetime FieldType = "datetime"
	TypeCode     FieldType = "code" // a text of a code list
)

// longText is how many characters a text may have that is not declared free.
const longText = 256

// columnType is the output column's type.
func (f *Field) columnType() columnar.Type {
	switch f.Type {
	case TypeInteger:
		return columnar.Int64
	case TypeNumber:
		return columnar.Float64
	case TypeBoolean:
		return columnar.Bool
	case TypeDate:
		return columnar.Date
	case TypeDatetime:
		return columnar.Timestamp
	}
	return columnar.String
}

func (f *Field) checkType(at string) error {
	switch f.Type {
	case TypeString, TypeInteger, TypeNumber, TypeBoolean, TypeDate, TypeDatetime, TypeBirth:
		if f.Codes != "" && f.Type != TypeString {
			return wrong(at, "a code list is for the type code")
		}
	case TypeCode:
		if f.Codes == "" {
			return wrong(at, "a code needs a code list: codes")
		}
	default:
		return wrong(at, "type must say string, code, integer, number, boolean, date, datetime or birth-date")
	}
	if f.Type == TypeBirth && f.To == ToPayload {
		return wrong(at, "a date of birth is an identifier; derive year_of_birth instead")
	}
	if f.Role == DateOfBirth && f.Type != TypeBirth || f.Role == EventDate && f.Type != TypeDate {
		return wrong(at, "the role %s has another type: birth-date for births, date for events", f.Role)
	}
	if _, ok := layouts[f.Format]; !ok {
		return wrong(at, "format must be one of yyyy-mm-dd, dd/mm/yyyy, yyyymmdd")
	}
	if f.MinLength < 0 || f.MaxLength < 0 || f.MaxLength > 0 && f.MinLength > f.MaxLength {
		return wrong(at, "its lengths contradict each other")
	}
	for _, b := range []string{f.Min, f.Max} {
		if b == "" || b == "today" && (f.Type == TypeDate || f.Type == TypeDatetime || f.Type == TypeBirth) {
			continue
		}
		if _, ok := f.bound(b, cell.Null); !ok {
			return wrong(at, "min and max must be of the field's type")
		}
	}
	return nil
}

// layouts maps a contract's format to the order of day, month and year.
var layouts = map[string]string{"": "ymd-", "yyyy-mm-dd": "ymd-", "dd/mm/yyyy": "dmy/", "yyyymmdd": "ymd"}

// bound reads min or max as a value; today is the day of the delivery.
func (f *Field) bound(text string, today cell.Value) (cell.Value, bool) {
	if text == "today" {
		if f.Type == TypeDatetime { // any moment of that day
			return cell.At(today.Time().Add(24*time.Hour - time.Microsecond)), true
		}
		return today, true
	}
	t := f.columnType()
	if f.Type == TypeBirth {
		t = cell.Date
	}
	if t == cell.String || t == cell.Bool {
		return cell.Null, false
	}
	v, err := cell.Parse(t, text)
	return v, err == nil
}

// read parses raw, which is not empty, as the field's type.
func (f *Field) read(raw []byte) (cell.Value, bool) {
	switch f.Type {
	case TypeString, TypeCode, TypeBirth:
		return cell.Str(string(raw)), true
	case TypeInteger:
		return readInt(raw)
	case TypeNumber:
		v, err := cell.Parse(cell.Float64, string(raw))
		return v, err == nil
	case TypeBoolean:
		v, err := cell.Parse(cell.Bool, string(raw))
		return v, err == nil
	case TypeDate:
		return readDate(raw, layouts[f.Format])
	case TypeDatetime:
		return readDatetime(raw, layouts[f.Format])
	}
	return cell.Null, false
}

func readInt(raw []byte) (cell.Value, bool) {
	if len(raw) < 10 { // the common case, without a string
		n, sign, digits := int64(0), int64(1), raw
		if raw[0] == '-' {
			sign, digits = -1, raw[1:]
		}
		for _, c := range digits {
			if c < '0' || c > '9' {
				return cell.Null, false
			}
			n = n*10 + int64(c-'0')
		}
		return cell.Int(sign * n), len(digits) > 0
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return cell.Int(n), err == nil
}

// readDate reads a day. layout is the order of the parts and their separator.
func readDate(raw []byte, layout string) (cell.Value, bool) {
	y, m, d, ok := parts(raw, layout)
	if !ok || y < 1 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return cell.Null, false
	}
	return cell.Day(dayNumber(y, m, d)), true
}

func parts(raw []byte, layout string) (y, m, d int, ok bool) {
	at := 0
	for i := range 3 {
		width := 2
		if layout[i] == 'y' {
			width = 4
		}
		if at+width > len(raw) {
			return 0, 0, 0, false
		}
		n, good := number(raw[at : at+width])
		if !good {
			return 0, 0, 0, false
		}
		switch layout[i] {
		case 'y':
			y = n
		case 'm':
			m = n
		default:
			d = n
		}
		at += width
		if i < 2 && len(layout) == 4 {
			if at >= len(raw) || raw[at] != layout[3] {
				return 0, 0, 0, false
			}
			at++
		}
	}
	return y, m, d, at == len(raw)
}

func number(raw []byte) (n int, ok bool) {
	for _, c := range raw {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(raw) > 0
}

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// dayNumber counts days since 1970-01-01 in the Gregorian calendar.
func dayNumber(y, m, d int) int32 {
	if m <= 2 {
		y--
		m += 12
	}
	return int32(365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1 - 719468)
}

// readDatetime reads a day in the field's format, and a time of day behind a
// T or a space; FHIR's offsets are taken to UTC.
func readDatetime(raw []byte, layout string) (cell.Value, bool) {
	n := 10
	if len(layout) == 3 {
		n = 8
	}
	if len(raw) < n {
		return cell.Null, false
	}
	day, ok := readDate(raw[:n], layout)
	if !ok {
		return cell.Null, false
	}
	rest := raw[n:]
	if len(rest) == 0 {
		return cell.Micros(day.Int() * 86400e6), true
	}
	if rest[0] != 'T' && rest[0] != ' ' {
		return cell.Null, false
	}
	if len(rest) == 10 && rest[9] == 'Z' {
		rest = rest[:9]
	}
	if len(rest) == 9 && rest[3] == ':' && rest[6] == ':' {
		h, ok1 := number(rest[1:3])
		m, ok2 := number(rest[4:6])
		s, ok3 := number(rest[7:9])
		if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 59 {
			return cell.Null, false
		}
		return cell.Micros(day.Int()*86400e6 + int64(h*3600+m*60+s)*1e6), true
	}
	v, err := cell.Parse(cell.Timestamp, day.Text()+"T"+string(rest[1:]))
	return v, err == nil
}

// birth reads a date of birth that may lack its day or month. It returns the
// text as the identifier zone keeps it, and the full day where there is one.
func birth(raw []byte, layout string) (text string, day cell.Value, ok bool) {
	if v, ok := readDate(raw, layout); ok {
		return v.Text(), v, true
	}
	if layout == "ymd-" && (len(raw) == 4 || len(raw) == 7 && raw[4] == '-') {
		y, good := number(raw[:4])
		if good && len(raw) == 7 {
			m, fine := number(raw[5:])
			good = fine && m >= 1 && m <= 12
		}
		return string(raw), cell.Null, good && y > 0
	}
	return "", cell.Null, false
}

// trimmed cuts the spaces around a value.
func trimmed(raw []byte) []byte { return bytes.TrimSpace(raw) }

// hasControl reports whether raw holds a control character other than tab and
// line end, or a NUL.
func hasControl(raw []byte) bool {
	for _, c := range raw {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return true
		}
	}
	return false
}

func runes(raw []byte) int {
	n := len(raw)
	for _, c := range raw {
		if c >= 0x80 {
			return utf8.RuneCount(raw)
		}
	}
	return n
}

// stripReference cuts a reference to its last part: Patient/12, urn:uuid:12 and
// Patient?identifier=system|12 are 12.
func stripReference(s []byte) []byte {
	if i := bytes.LastIndexAny(s, "/|"); i >= 0 {
		return s[i+1:]
	}
	return bytes.TrimPrefix(s, []byte("urn:uuid:"))
}
