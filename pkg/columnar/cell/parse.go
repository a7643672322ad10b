package cell

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ark-tre/ark/pkg/ark"
)

// Parse reads text as a value of type t. The empty text is null for every
// type, also for strings: a file of text can't tell the two apart. The fault
// names the type, never the text.
func Parse(t Type, text string) (Value, error) {
	if text == "" {
		return Null, CheckType(t)
	}
	switch t {
	case String:
		if !utf8.ValidString(text) {
			return Null, refuse("text is not UTF-8", "save the file as UTF-8")
		}
		return Str(text), nil
	case Int64:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return Int(n), nil
		}
		return Null, refuse("that is not a whole number", "write digits with an optional leading minus")
	case Float64:
		return parseFloat(text)
	case Bool:
		switch text {
		case "true", "1", "Y", "y", "TRUE", "True":
			return Flag(true), nil
		case "false", "0", "N", "n", "FALSE", "False":
			return Flag(false), nil
		}
		return Null, refuse("that is neither true nor false", "write true, false, 1, 0, Y or N")
	case Date:
		return parseDate(text)
	case Timestamp:
		return parseTimestamp(text)
	}
	return Null, CheckType(t)
}

// MaxYear is the last year a date may lie in, so that text and value always
// round-trip.
const MaxYear = 9999

func parseFloat(text string) (Value, error) {
	for _, c := range text { // strconv also reads hexadecimal, underscores, "inf" and "nan"
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return Null, refuse("that is not a number", "write digits with an optional point and exponent")
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return Null, refuse("that is not a number", "write digits with an optional point and exponent")
	}
	return Float(f), nil
}

func parseDate(text string) (Value, error) {
	if len(text) == 10 {
		if t, err := time.Parse("2006-01-02", text); err == nil && t.Year() > 0 {
			return DayOf(t), nil
		}
	}
	return Null, refuse("that is not a date", "write YYYY-MM-DD")
}

var stamps = [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"}

func parseTimestamp(text string) (Value, error) {
	for _, layout := range stamps {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if t = t.UTC(); t.Year() < 1 || t.Year() > MaxYear {
			break
		}
		return At(t), nil
	}
	return Null, refuse("that is not a date and time", "write YYYY-MM-DDTHH:MM:SS, with Z or an offset; without one it is taken as UTC")
}

func refuse(says, remedy string) error { return ark.Faultf(ark.Invalid, "%s", says).Do(remedy) }
