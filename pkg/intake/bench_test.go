package intake

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
)

// wideContract has twenty typed rules over twelve fields.
const wideContract = `
contract: wide
version: 1.0.0
title: Twenty rules
declared: synthetic
format: {kind: csv}
delivers: changes
code_lists:
  unit: {version: "1", codes: {mmol/L: x, umol/L: x, g/L: x}}
tables:
  - name: results
    key: [result_id]
    person: [patient_id]
    fields:
      - {name: result_id, type: string, to: none, max_length: 12}
      - {name: patient_id, type: string, to: none, max_length: 12}
      - {name: reported_on, type: date, to: payload, required: true, min: "2000-01-01", max: today}
      - {name: collected_on, type: date, to: payload, required: true, min: "2000-01-01", max: today}
      - {name: code, type: string, to: payload, required: true, min_length: 4, max_length: 10}
      - {name: value, type: number, to: payload, required: true, min: "0", max: "5000"}
      - {name: low, type: number, to: payload, min: "0"}
      - {name: high, type: number, to: payload, max: "9000"}
      - {name: unit, type: code, to: payload, required: true, codes: unit}
      - {name: repeats, type: integer, to: payload, min: "0", max: "9"}
      - {name: urgent, type: boolean, to: payload}
      - {name: note, type: string, to: payload, max_length: 20}
    rules:
      - {id: reported-after-collection, says: reported before it was collected, require: "reported_on >= collected_on"}
      - {id: range-in-order, says: the range is upside down, require: "low <= high"}
`

func wideRow(i int) string {
	return fmt.Sprintf("%010d,%08d,2023-%02d-%02d,2023-%02d-01,14682-9,%d.%d,%d,%d,umol/L,%d,%d,n%d\n",
		i*7919%10_000_000_000, i%60_000, i%12+1, i%27+2, i%12+1, 40+i%400, i%10, 30+i%20, 90+i%40, i%10, i%2, i%3000)
}

// BenchmarkCSVToParquet is CSV to checked Parquet with twenty typed rules.
func BenchmarkCSVToParquet(b *testing.B) {
	var text strings.Builder
	text.WriteString("result_id,patient_id,reported_on,collected_on,code,value,low,high,unit,repeats,urgent,note\n")
	const rows = 200_000
	for i := range rows {
		text.WriteString(wideRow(i))
	}
	c := contract(b, wideContract)
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		j := job(b, c, discard{}, named{"r.csv", "results", text.String()})
		r, err := Process(context.Background(), j)
		if err != nil || r.Tables[0].Accepted != rows {
			b.Fatalf("%v %+v", err, r.Tables[0])
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

type discard struct{}

func (discard) Create(Zone, string) (io.WriteCloser, error) { return nopCloser{io.Discard}, nil }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
