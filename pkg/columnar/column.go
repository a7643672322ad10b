package columnar

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// At returns row i of an Arrow column as a Value; Null for a null and for an
// array of a type no table has.
func At(col arrow.Array, i int) Value {
	if col.IsNull(i) {
		return cell.Null
	}
	switch c := col.(type) {
	case *array.String:
		return cell.Str(c.Value(i))
	case *array.LargeString:
		return cell.Str(c.Value(i))
	case *array.Int64:
		return cell.Int(c.Value(i))
	case *array.Float64:
		return cell.Float(c.Value(i))
	case *array.Boolean:
		return cell.Flag(c.Value(i))
	case *array.Date32:
		return cell.Day(int32(c.Value(i)))
	case *array.Timestamp:
		return cell.Micros(micros(c, i))
	case *array.Dictionary:
		return At(c.Dictionary(), c.GetValueIndex(i))
	}
	return small(col, i)
}

func small(col arrow.Array, i int) Value {
	switch c := col.(type) {
	case *array.Int8:
		return cell.Int(int64(c.Value(i)))
	case *array.Int16:
		return cell.Int(int64(c.Value(i)))
	case *array.Int32:
		return cell.Int(int64(c.Value(i)))
	case *array.Uint8:
		return cell.Int(int64(c.Value(i)))
	case *array.Uint16:
		return cell.Int(int64(c.Value(i)))
	case *array.Uint32:
		return cell.Int(int64(c.Value(i)))
	case *array.Float32:
		return cell.Float(float64(c.Value(i)))
	}
	return cell.Null
}

func micros(c *array.Timestamp, i int) int64 {
	n := int64(c.Value(i))
	switch c.DataType().(*arrow.TimestampType).Unit {
	case arrow.Second:
		return n * 1e6
	case arrow.Millisecond:
		return n * 1e3
	case arrow.Nanosecond:
		if n < 0 && n%1000 != 0 {
			return n/1000 - 1
		}
		return n / 1000
	}
	return n
}

// Column returns the named column of a record as the Arrow array A, or an
// Unknown or Invalid fault.
func Column[A arrow.Array](rec arrow.Record, name string) (A, error) {
	var none A
	at := rec.Schema().FieldIndices(name)
	if len(at) != 1 {
		return none, ark.Faultf(ark.Unknown, "the record has no such column").At("", 0, name)
	}
	col, ok := rec.Column(at[0]).(A)
	if !ok {
		return none, ark.Faultf(ark.Invalid, "the column is a %s", rec.Column(at[0]).DataType().Name()).At("", 0, name)
	}
	return col, nil
}

// Strings returns the named string column of a record.
func Strings(rec arrow.Record, name string) (*array.String, error) {
	return Column[*array.String](rec, name)
}

// Ints returns the named int64 column of a record.
func Ints(rec arrow.Record, name string) (*array.Int64, error) {
	return Column[*array.Int64](rec, name)
}

// Floats returns the named float64 column of a record.
func Floats(rec arrow.Record, name string) (*array.Float64, error) {
	return Column[*array.Float64](rec, name)
}

// Bools returns the named bool column of a record.
func Bools(rec arrow.Record, name string) (*array.Boolean, error) {
	return Column[*array.Boolean](rec, name)
}

// Dates returns the named date column of a record.
func Dates(rec arrow.Record, name string) (*array.Date32, error) {
	return Column[*array.Date32](rec, name)
}

// Timestamps returns the named timestamp column of a record.
func Timestamps(rec arrow.Record, name string) (*array.Timestamp, error) {
	return Column[*array.Timestamp](rec, name)
}
