package arrive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/ark"
)

// A bucket of a real S3 server: what is whole is delivered once, what is still
// coming waits, what is wrong is refused with the reason, and none stops another.
func TestDropBucket(t *testing.T) {
	s := built.StartS3(t)
	c, err := minio.New(s.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(s.Access, s.Secret, ""), Region: s.Region, BucketLookup: minio.BucketLookupPath})
	must(t, err)
	must(t, c.MakeBucket(t.Context(), "drop", minio.MakeBucketOptions{Region: s.Region}))
	put := func(key, text string) {
		t.Helper()
		_, err := c.PutObject(t.Context(), "drop", key, strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{})
		must(t, err)
	}
	manifest := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return fmt.Sprintf(`{"source":"s","delivery":"d","files":[{"name":"a.csv","table":"t","rows":1,"sha256":%q}]}`, hex.EncodeToString(sum[:]))
	}
	put("in/good/a.csv", "x\n1\n")
	put("in/good/manifest.json", manifest("x\n1\n"))
	put("in/coming/a.csv", "x\n1\n")
	put("in/half/manifest.json", manifest("x\n1\n"))
	put("in/changed/a.csv", "x\n2\n")
	put("in/changed/manifest.json", manifest("x\n1\n"))
	put("in/deep/er/manifest.json", manifest(""))
	put("elsewhere/manifest.json", manifest(""))
	scratch, now := t.TempDir(), time.Now()
	answer := error(ark.Faultf(ark.Unavailable, "the Ark does not answer"))
	var delivered []string
	b := Bucket{Client: c, Name: "drop", Prefix: "in/", Scratch: scratch, Settled: time.Hour, Now: func() time.Time { return now }, Log: quiet(), Deliver: func(_ context.Context, dir string) error {
		if answer != nil {
			return answer
		}
		text, err := os.ReadFile(filepath.Join(dir, "a.csv"))
		must(t, err)
		delivered = append(delivered, string(text))
		return nil
	}}
	sweep := func(n, wrong int) {
		t.Helper()
		if a, b, err := b.Sweep(t.Context()); a != n || b != wrong || err != nil {
			t.Errorf("%d delivered and %d refused, want %d and %d: %v", a, b, n, wrong, err)
		}
	}
	sweep(0, 0) // all too young
	now = now.Add(2 * time.Hour)
	sweep(0, 2) // the Ark does not answer: the good one waits
	answer = nil
	sweep(1, 0)
	sweep(0, 0)
	if len(delivered) != 1 || delivered[0] != "x\n1\n" {
		t.Errorf("%q", delivered)
	}
	var keys []string
	for o := range c.ListObjects(t.Context(), "drop", minio.ListObjectsOptions{Recursive: true}) {
		keys = append(keys, o.Key)
	}
	count := func(part string) (n int) {
		for _, k := range keys {
			if strings.Contains(k, part) {
				n++
			}
		}
		return n
	}
	if count("/.done/") != 2 || count("-good/") != 2 || count("-changed.txt") != 1 || count("-deep.txt") != 1 || !slices.Contains(keys, "in/coming/a.csv") || !slices.Contains(keys, "in/half/manifest.json") || !slices.Contains(keys, "elsewhere/manifest.json") {
		t.Errorf("%q", keys)
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) != 0 {
		t.Errorf("left in the scratch folder: %v, %v", left, err)
	}
}
