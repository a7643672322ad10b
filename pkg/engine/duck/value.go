package duck

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/marcboeker/go-duckdb"

	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// cellType is the type of table cell that a DuckDB type is given back as.
func cellType(t string) cell.Type {
	switch t {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER":
		return cell.Int64
	case "FLOAT", "DOUBLE", "HUGEINT", "UBIGINT":
		return cell.Float64
	case "BOOLEAN":
		return cell.Bool
	case "DATE":
		return cell.Date
	case "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE":
		return cell.Timestamp
	}
	if strings.HasPrefix(t, "DECIMAL") {
		return cell.Float64
	}
	return cell.String
}

// text writes a scanned value, as package cell writes one of the same type.
func text(v any, dbType string) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case *big.Int:
		return v.String()
	case duckdb.Decimal:
		return decimal(v)
	case time.Time:
		return moment(v, dbType)
	case []byte:
		return bytesText(v, dbType)
	case duckdb.Interval:
		return strings.TrimSpace(fmt.Sprintf("%d months %d days %s", v.Months, v.Days, time.Duration(v.Micros)*time.Microsecond))
	case int8, int16, int32, int64, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v)
	}
	b, err := json.Marshal(plainValue(v))
	if err != nil {
		return "(a value of type " + dbType + ")"
	}
	return string(b)
}

func decimal(d duckdb.Decimal) string {
	s := new(big.Int).Abs(d.Value).String()
	if n := int(d.Scale); n > 0 {
		if len(s) <= n {
			s = strings.Repeat("0", n-len(s)+1) + s
		}
		s = s[:len(s)-n] + "." + s[len(s)-n:]
	}
	if d.Value.Sign() < 0 {
		s = "-" + s
	}
	return s
}

func moment(t time.Time, dbType string) string {
	switch dbType {
	case "DATE":
		return t.UTC().Format("2006-01-02")
	case "TIME", "TIMETZ":
		return t.UTC().Format("15:04:05.999999")
	}
	return cell.At(t).Text()
}

func bytesText(b []byte, dbType string) string {
	if dbType == "UUID" && len(b) == 16 {
		h := hex.EncodeToString(b)
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	}
	return "\\x" + hex.EncodeToString(b)
}

// plainValue turns nested values into what JSON can say.
func plainValue(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plainValue(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = plainValue(v[k])
		}
		return out
	case duckdb.Map:
		out := make(map[string]any, len(v))
		for k := range v {
			out[fmt.Sprint(plainValue(k))] = plainValue(v[k])
		}
		return out
	case nil, bool, string, int8, int16, int32, int64, uint8, uint16, uint32, uint64:
		return v
	case float32:
		return finite(float64(v))
	case float64:
		return finite(v)
	}
	return text(v, "")
}

func finite(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return f
}
