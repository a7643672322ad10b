// Package cell is one value of one column: the six types that Ark's tables
// have, how a value is read from text, written as text, and compared.
//
// It imports the standard library and the nouns only, so that packages which
// talk about rows (filter, columnar, contracts) share one value without
// drawing in Arrow. It must never print a value in an error.
package cell

import (
	"math"
	"strconv"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Type is the type of a column. The zero value is no type and is refused.
type Type string

// The types. The list is closed.
const (
	String    Type = "string"
	Int64     Type = "int64"
	Float64   Type = "float64"
	Bool      Type = "bool"
	Date      Type = "date"      // a day in the proleptic Gregorian calendar
	Timestamp Type = "timestamp" // microseconds, UTC wall clock
)

// Types lists every type.
var Types = [...]Type{String, Int64, Float64, Bool, Date, Timestamp}

// CheckType returns an Invalid fault unless t is one of Types.
func CheckType(t Type) error {
	for _, k := range Types {
		if t == k {
			return nil
		}
	}
	return ark.Faultf(ark.Invalid, "%q is not a column type", string(t)).Do("use string, int64, float64, bool, date or timestamp")
}

type kind uint8

const (
	null kind = iota
	str
	integer
	float
	boolean
	day
	instant
)

// Value is one cell. The zero Value is null.
type Value struct {
	k kind
	n int64 // integer, float bits, 0 or 1, days or microseconds since 1970
	s string
}

// Null is the absent value.
var Null Value

// Str returns a string value.
func Str(s string) Value { return Value{k: str, s: s} }

// Int returns an int64 value.
func Int(n int64) Value { return Value{k: integer, n: n} }

// Float returns a float64 value. Every NaN becomes the one canonical NaN.
func Float(f float64) Value {
	if math.IsNaN(f) {
		f = math.NaN()
	}
	return Value{k: float, n: int64(math.Float64bits(f))}
}

// Flag returns a bool value.
func Flag(b bool) Value {
	if b {
		return Value{k: boolean, n: 1}
	}
	return Value{k: boolean}
}

// Day returns the date that lies days after 1970-01-01.
func Day(days int32) Value { return Value{k: day, n: int64(days)} }

// Micros returns the timestamp that lies us microseconds after 1970-01-01.
func Micros(us int64) Value { return Value{k: instant, n: us} }

// DayOf returns the date on which t falls, in t's own location.
func DayOf(t time.Time) Value {
	y, m, d := t.Date()
	return Day(int32(floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), 86400)))
}

// At returns the timestamp of t.
func At(t time.Time) Value { return Micros(t.UnixMicro()) }

// IsNull reports whether v is absent.
func (v Value) IsNull() bool { return v.k == null }

// Type returns v's type, "" for null.
func (v Value) Type() Type {
	switch v.k {
	case str:
		return String
	case integer:
		return Int64
	case float:
		return Float64
	case boolean:
		return Bool
	case day:
		return Date
	case instant:
		return Timestamp
	}
	return ""
}

// Str returns the text of a string value, "" for every other.
func (v Value) Str() string { return v.s }

// Int returns the number of an int64 value (days of a date, microseconds of a
// timestamp), 0 for the others.
func (v Value) Int() int64 {
	if v.k == float {
		return 0
	}
	return v.n
}

// Float returns the number of a float64 or int64 value, 0 for the others.
func (v Value) Float() float64 {
	switch v.k {
	case float:
		return math.Float64frombits(uint64(v.n))
	case integer:
		return float64(v.n)
	}
	return 0
}

// Flag returns the truth of a bool value, false for every other.
func (v Value) Flag() bool { return v.k == boolean && v.n == 1 }

// Time returns the instant of a date or timestamp, UTC; the zero time for the
// others.
func (v Value) Time() time.Time {
	switch v.k {
	case day:
		return time.Unix(v.n*86400, 0).UTC()
	case instant:
		return time.UnixMicro(v.n).UTC()
	}
	return time.Time{}
}

// Text returns v as Parse of its type reads it back; "" for null.
func (v Value) Text() string {
	switch v.k {
	case str:
		return v.s
	case integer:
		return strconv.FormatInt(v.n, 10)
	case float:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case boolean:
		return strconv.FormatBool(v.n == 1)
	case day:
		return v.Time().Format("2006-01-02")
	case instant:
		return v.Time().Format("2006-01-02T15:04:05.999999Z")
	}
	return ""
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
