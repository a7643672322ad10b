package cell

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ark-tre/ark/pkg/ark"
)

func TestParse(t *testing.T) {
	noon := At(time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC))
	for _, tt := range []struct {
		t    Type
		text string
		want Value
	}{
		{String, "", Null}, {Int64, "", Null}, {String, "x", Str("x")},
		{Int64, "-9223372036854775808", Int(math.MinInt64)}, {Float64, "1e3", Float(1000)}, {Float64, "-.5", Float(-0.5)},
		{Bool, "Y", Flag(true)}, {Bool, "0", Flag(false)}, {Date, "1969-12-31", Day(-1)}, {Date, "2020-02-29", DayOf(noon.Time())},
		{Timestamp, "2020-02-29T12:00:00Z", noon}, {Timestamp, "2020-02-29 12:00", noon}, {Timestamp, "2020-02-29T13:00:00+01:00", noon},
	} {
		if got, err := Parse(tt.t, tt.text); err != nil || got != tt.want {
			t.Errorf("%s %q: %v, %v", tt.t, tt.text, got, err)
		}
	}
	for _, tt := range []struct {
		t    Type
		text string
	}{
		{String, "\xff"}, {Int64, "1.0"}, {Int64, "9223372036854775808"}, {Int64, " 1"}, {Int64, "1_0"}, {Float64, "NaN"}, {Float64, "inf"},
		{Float64, "0x1p3"}, {Float64, "1e999"}, {Bool, "yes"}, {Date, "2021-02-29"}, {Date, "21-02-2029"}, {Date, "0000-01-01"},
		{Timestamp, "2020-02-29T25:00:00Z"}, {Timestamp, "9999-12-31T23:59:59-01:00"}, {"decimal", "1"}, {"", ""},
	} {
		if _, err := Parse(tt.t, tt.text); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s %q: %v", tt.t, tt.text, err)
		}
	}
}

// Every value that Parse gives reads back from its text.
func TestTextReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(
			rapid.Map(rapid.Int64(), Int), rapid.Map(rapid.Bool(), Flag),
			rapid.Map(rapid.Float64().Filter(func(f float64) bool { return !math.IsInf(f, 0) }), Float),
			rapid.Map(rapid.Int32Range(-719162, 2932896), Day), rapid.Map(rapid.Int64Range(-62135596800e6, 253402300799e6), Micros),
			rapid.Map(rapid.StringN(1, 9, -1), Str),
		).Draw(t, "v")
		got, err := Parse(v.Type(), v.Text())
		if err != nil || got != v {
			t.Fatalf("%q: %v, %v", v.Text(), got, err)
		}
	})
}

func TestCompare(t *testing.T) {
	up := []Value{Null, Str(""), Str("a"), Int(math.MinInt64), Int(-1), Float(-0.5), Int(0), Float(0.5), Int(1 << 53), Int(1<<53 + 1), Float(1 << 63), Float(math.NaN())}
	for i, a := range up {
		for j, b := range up {
			got, want := Compare(a, b), 0
			switch {
			case i < j:
				want = -1
			case i > j:
				want = 1
			}
			if got != want {
				t.Errorf("%d against %d: %d", i, j, got)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"2020-01-01", "1.5", "-3", "true", "2020-01-01T00:00:00Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, typ := range Types {
			v, err := Parse(typ, s)
			if err != nil {
				if len(s) > 8 && strings.Contains(err.Error(), s) {
					t.Errorf("the fault repeats the text")
				}
				continue
			}
			if v.IsNull() != (s == "") || !v.IsNull() && v.Type() != typ {
				t.Errorf("%s %q gave %s", typ, s, v.Type())
			}
			if again, err := Parse(typ, v.Text()); err != nil || again != v {
				t.Errorf("%s %q does not read back: %v", typ, s, err)
			}
		}
	})
}
