package pseudonym

import (
	"crypto/sha256"
	"testing"
	"time"
)

// BenchmarkName against BenchmarkLimit is the share of one core's SHA-256 that
// naming reaches: an HMAC with reused state is two compressions.
func BenchmarkName(b *testing.B) {
	h := hasher(b, 1)
	var buf [CheckLen]byte
	b.ReportAllocs()
	for b.Loop() {
		h.Append(buf[:0], Person, "0123456789ABC")
	}
}

func BenchmarkRecordKey(b *testing.B) {
	h := hasher(b, 1)
	key := []byte("1234567890")
	b.ReportAllocs()
	for b.Loop() {
		h.RecordKey("gp-01", "events", key)
	}
}

// BenchmarkLimit is two one-block sums of crypto/sha256.
func BenchmarkLimit(b *testing.B) {
	d := sha256.New()
	var in [20]byte
	var out [sha256.Size]byte
	for b.Loop() {
		for range 2 {
			d.Reset()
			d.Write(in[:])
			d.Sum(out[:0])
		}
	}
}

// BenchmarkShareOfLimit does both by turns, a thousand at a time, so that both
// meet the same load, and reports the share by the fastest thousand of each.
func BenchmarkShareOfLimit(b *testing.B) {
	h := hasher(b, 1)
	d := sha256.New()
	var buf [CheckLen]byte
	var in [20]byte
	var out [sha256.Size]byte
	naming, limit := time.Hour, time.Hour
	for b.Loop() {
		began := time.Now()
		for range 1000 {
			h.Append(buf[:0], Person, "0123456789ABC")
		}
		named := time.Now()
		for range 2000 {
			d.Reset()
			d.Write(in[:])
			d.Sum(out[:0])
		}
		naming, limit = min(naming, named.Sub(began)), min(limit, time.Since(named))
	}
	b.ReportMetric(100*limit.Seconds()/naming.Seconds(), "%ofSHA256")
}
