package columnar

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// Value and Type are those of package cell.
type (
	Value = cell.Value
	Type  = cell.Type
)

// The column types.
const (
	String    = cell.String
	Int64     = cell.Int64
	Float64   = cell.Float64
	Bool      = cell.Bool
	Date      = cell.Date
	Timestamp = cell.Timestamp
)

// MaxColumns is how many columns a table may have.
const MaxColumns = 2000

// Field is one column.
type Field struct {
	Name     string `json:"name" yaml:"name"`
	Type     Type   `json:"type" yaml:"type"`
	Nullable bool   `json:"nullable,omitempty" yaml:"nullable"`
}

// distinct reports whether every row has a value of its own, so that a
// dictionary would only be built to be given up.
func (f Field) distinct() bool { return f.Name == "record_key" }

// dictionary reports whether the column's groups begin with a dictionary.
func (f Field) dictionary() bool { return f.Type == String && !f.distinct() }

// Schema is a table's columns in order.
type Schema []Field

// Check returns an Invalid fault unless s has at least one column and every
// column has a type and a name of its own.
func (s Schema) Check() error {
	if len(s) == 0 || len(s) > MaxColumns {
		return ark.Faultf(ark.Invalid, "a table has 1 to %d columns; this one has %d", MaxColumns, len(s))
	}
	seen := make(map[string]bool, len(s))
	for _, f := range s {
		if f.Name == "" || len(f.Name) > 255 {
			return ark.Faultf(ark.Invalid, "a column's name has 1 to 255 bytes")
		}
		if seen[f.Name] {
			return ark.Faultf(ark.Invalid, "two columns have the same name").At("", 0, f.Name).Do("rename one of them")
		}
		seen[f.Name] = true
		if err := cell.CheckType(f.Type); err != nil {
			return ark.Faultf(ark.Invalid, "the column has no known type").At("", 0, f.Name).Because(err)
		}
	}
	return nil
}

// Index returns the position of the named column, -1 if there is none.
func (s Schema) Index(name string) int {
	for i, f := range s {
		if f.Name == name {
			return i
		}
	}
	return -1
}

// Names returns the columns' names in order.
func (s Schema) Names() []string {
	out := make([]string, len(s))
	for i, f := range s {
		out[i] = f.Name
	}
	return out
}

// Types returns each column's type by name, as package filter wants them.
func (s Schema) Types() map[string]Type {
	out := make(map[string]Type, len(s))
	for _, f := range s {
		out[f.Name] = f.Type
	}
	return out
}

// Pick returns the named columns in the order asked; none named means all.
// A name that isn't there is an Unknown fault.
func (s Schema) Pick(names ...string) (Schema, []int, error) {
	if len(names) == 0 {
		names = s.Names()
	}
	out, at := make(Schema, len(names)), make([]int, len(names))
	for i, n := range names {
		j := s.Index(n)
		if j < 0 {
			return nil, nil, ark.Faultf(ark.Unknown, "the table has no such column").At("", 0, n)
		}
		out[i], at[i] = s[j], j
	}
	return out, at, nil
}

var arrowTypes = map[Type]arrow.DataType{
	String: arrow.BinaryTypes.String, Int64: arrow.PrimitiveTypes.Int64, Float64: arrow.PrimitiveTypes.Float64,
	Bool: arrow.FixedWidthTypes.Boolean, Date: arrow.FixedWidthTypes.Date32,
	Timestamp: &arrow.TimestampType{Unit: arrow.Microsecond},
}

// Arrow returns the Arrow schema of s. Timestamps carry no zone: they are UTC
// by definition, and an engine without a zone database reads them all the same.
func (s Schema) Arrow() *arrow.Schema {
	fields := make([]arrow.Field, len(s))
	for i, f := range s {
		fields[i] = arrow.Field{Name: f.Name, Type: arrowTypes[f.Type], Nullable: f.Nullable}
	}
	return arrow.NewSchema(fields, nil)
}

// FromArrow returns the Schema of a flat Arrow schema, widening smaller
// numbers. A nested or unknown type is an Invalid fault naming the column.
func FromArrow(a *arrow.Schema) (Schema, error) {
	out := make(Schema, a.NumFields())
	for i, f := range a.Fields() {
		t, ok := typeOf(f.Type)
		if !ok {
			return nil, ark.Faultf(ark.Invalid, "the column's type %s is not one a table may have", f.Type.Name()).At("", 0, f.Name)
		}
		out[i] = Field{Name: f.Name, Type: t, Nullable: f.Nullable}
	}
	return out, out.Check()
}

func typeOf(t arrow.DataType) (Type, bool) {
	switch t.ID() {
	case arrow.STRING, arrow.LARGE_STRING:
		return String, true
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32:
		return Int64, true
	case arrow.FLOAT32, arrow.FLOAT64:
		return Float64, true
	case arrow.BOOL:
		return Bool, true
	case arrow.DATE32:
		return Date, true
	case arrow.TIMESTAMP:
		return Timestamp, true
	case arrow.DICTIONARY:
		d := t.(*arrow.DictionaryType)
		return typeOf(d.ValueType)
	}
	return "", false
}
