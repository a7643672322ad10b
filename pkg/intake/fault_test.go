package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowmemory "github.com/apache/arrow/go/v17/arrow/memory"
	arrowparquet "github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// A delivery whose bytes change while it is read is refused by the manifest's
// hash, whichever bytes were read; nothing of it is payload.
func TestAFileThatChangesWhileItIsRead(t *testing.T) {
	before := notesHeader + strings.Repeat("n,p,5\n", 100_000)
	for name, after := range map[string]string{"other bytes": strings.Replace(before, "n,p,5\n", "n,p,6\n", 90_000), "cut off": before[:len(before)/2/6*6+len(notesHeader)%6], "grown": before + "n9,p9,9\n"} {
		t.Run(name, func(t *testing.T) {
			sink := &memory{}
			j := job(t, contract(t, visitsContract), sink, named{"n.csv", "notes", before})
			j.Files[0].Open = func() (io.ReadCloser, error) { // the first half as it was, the rest as it is now
				half := len(before) / 3
				return io.NopCloser(io.MultiReader(strings.NewReader(before[:half]), strings.NewReader(after[half:]))), nil
			}
			if _, err := Process(context.Background(), j); !ark.Is(err, ark.Conflict) && !ark.Is(err, ark.Invalid) {
				t.Errorf("%v, want a refusal", err)
			}
			if _, ok := sink.files["payload/notes.parquet"]; ok {
				t.Error("payload was written")
			}
		})
	}
}

// tmpfs is a disk of so many bytes, for as long as the test.
func tmpfs(t *testing.T, bytes int64) (dir string, resize func(int64)) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", bytes)); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI cannot mount a small disk: ", err)
		}
		t.Skip("needs root, to mount a small disk: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir, func(bytes int64) {
		if out, err := exec.Command("mount", "-o", fmt.Sprintf("remount,size=%d", bytes), dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// A full disk, under the sort or under the outputs, fails the delivery without
// refusing it; with room again the same delivery gives the bytes it would have.
func TestAFullDisk(t *testing.T) {
	var b strings.Builder
	b.WriteString(notesHeader)
	for i := range 60_000 {
		h := sha256.Sum256(fmt.Append(nil, i))
		fmt.Fprintf(&b, "n%d,%s,%d\n", i, hex.EncodeToString(h[:12]), i%10)
	}
	c := contract(t, visitsContract)
	wanted, _ := takeIn(t, c, named{"n.csv", "notes", b.String()})
	for _, what := range []string{"sort", "outputs"} {
		t.Run(what, func(t *testing.T) {
			disk, resize := tmpfs(t, 128<<10)
			try := func(n int) error {
				j := job(t, c, Folder(filepath.Join(t.TempDir(), "zones")), named{"n.csv", "notes", b.String()})
				j.Limits.Sort, j.Limits.Pool = 1<<20, 1
				if what == "sort" {
					j.Scratch = disk
				} else {
					j.Sink = Folder(filepath.Join(disk, fmt.Sprint(n)))
				}
				_, err := Process(context.Background(), j)
				if err == nil && what == "outputs" {
					got, e := os.ReadFile(filepath.Join(disk, fmt.Sprint(n), "payload", "notes.parquet"))
					if e != nil || !bytes.Equal(got, wanted.files["payload/notes.parquet"].Bytes()) {
						t.Errorf("the output is another than it would have been: %v", e)
					}
				}
				return err
			}
			if err := try(1); err == nil || ark.Is(err, ark.Invalid) || ark.Is(err, ark.Conflict) || ark.Is(err, ark.TooMuch) {
				t.Fatalf("on a full disk: %v; the sender is not to blame", err)
			}
			if err := os.RemoveAll(filepath.Join(disk, "1")); err != nil {
				t.Fatal(err)
			}
			resize(64 << 20)
			if err := try(2); err != nil {
				t.Errorf("with room again: %v", err)
			}
		})
	}
}

// A Parquet file of some kilobytes that unpacks to cells or columns larger than
// a delivery may hold is refused before they are.
func TestParquetBomb(t *testing.T) {
	shape := columnar.Schema{{Name: "note_id", Type: cell.String}, {Name: "patient_id", Type: cell.String}, {Name: "score", Type: cell.String}}
	var b bytes.Buffer
	w, err := columnar.NewWriter(&b, shape, columnar.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wide := cell.Str(strings.Repeat("9", 3<<20))
	for i := range 40 {
		if err := w.Append([]columnar.Value{cell.Str(fmt.Sprint("n", i)), cell.Str("p"), wide}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 64<<10 {
		t.Fatalf("the bomb has %d bytes: it is none", b.Len())
	}
	raw := b.Bytes()
	sink := &memory{}
	j := job(t, contract(t, visitsContract), sink, named{"n.parquet", "notes", string(raw)})
	j.Files[0].At = func() (io.ReaderAt, int64, io.Closer, error) {
		return bytes.NewReader(raw), int64(len(raw)), io.NopCloser(nil), nil
	}
	if _, err := Process(context.Background(), j); !ark.Is(err, ark.TooMuch) {
		t.Errorf("%v, want TooMuch", err)
	}
	if _, ok := sink.files["payload/notes.parquet"]; ok {
		t.Error("payload was written")
	}
}

// A delivered Parquet file whose pages promise what is not there is refused before
// any room is made for it.
func TestParquetIndexesAreNotBelieved(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "note_id", Type: arrow.BinaryTypes.String}, {Name: "patient_id", Type: arrow.BinaryTypes.String},
		{Name: "score", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	rows := array.NewRecordBuilder(arrowmemory.DefaultAllocator, schema)
	for i := range 60 {
		rows.Field(0).(*array.StringBuilder).Append(fmt.Sprint("n", i))
		rows.Field(1).(*array.StringBuilder).Append(fmt.Sprint("p", i%7))
		if i%3 == 0 {
			rows.Field(2).AppendNull()
		} else {
			rows.Field(2).(*array.StringBuilder).Append(fmt.Sprint(i % 5))
		}
	}
	var good bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &good, arrowparquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err == nil {
		err = errors.Join(w.Write(rows.NewRecord()), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	indexes := []byte{6, 17, 0x40, 0x20, 0x0c} // of 60 different words: 6 bits each, 8 groups, 0 1 2 3
	if bytes.Count(good.Bytes(), indexes) != 1 {
		t.Fatal("the indexes of the first column are not where they were")
	}
	for name, c := range map[string]struct {
		now []byte
		bad bool
	}{
		"as it was":                       {indexes, false},
		"word 67,108,863 of 60, 60 times": {[]byte{32, 120, 255, 255, 255, 3}, true},
		"no more indexes than three":      {[]byte{6, 6, 1, 0, 0}, true},
	} {
		raw := bytes.Replace(good.Bytes(), indexes, c.now[:5], 1)
		copy(raw[bytes.Index(raw, c.now[:5]):], c.now)
		j := job(t, contract(t, visitsContract), &memory{}, named{"n.parquet", "notes", string(raw)})
		j.Manifest.Files[0].Rows = 60
		j.Files[0].At = func() (io.ReaderAt, int64, io.Closer, error) {
			return bytes.NewReader(raw), int64(len(raw)), io.NopCloser(nil), nil
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Process(context.Background(), j)
		runtime.ReadMemStats(&after)
		if c.bad != ark.Is(err, ark.Invalid) || !c.bad && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 512<<20 {
			t.Errorf("%s: %d MiB were asked for", name, took>>20)
		}
	}
}

// Escapes in HL7 v2 cannot make a segment, a field or a row of their own, and
// what they would bring in of control characters is quarantined.
func TestHostileEscapes(t *testing.T) {
	head := "MSH|^~\\&|A|B|C|D|20240101||ORU^R01|m%d|P|2.3\rPID|1||p%d\r"
	values := []string{`5\R\6`, `\F\|`, `\X0D\OBX|2|NM|x||7`, `\X0D4F42587C\`, `\X`, `\Xzz\`, `\X0\`, `\.br\MSH|^~`, strings.Repeat(`\X41\`, 5000), strings.Repeat(`\`, 9001), `\E\\S\\T\\R\\F\`, "\\X00\\"}
	var b strings.Builder
	for i, v := range values {
		fmt.Fprintf(&b, head+"OBX|1|ST|c||%s\r", i, i, v)
	}
	c := hospital(t)
	c.Limits.Quarantined = 1
	c.Tables = c.Tables[1:2]
	c.Tables[0].Where = nil // texts too, and kept as texts
	value := c.Tables[0].Field("value")
	value.Type, value.FreeText, value.OnFail = TypeString, true, Quarantine
	sink := &memory{}
	r, err := Process(context.Background(), hl7Job(t, c, sink, []byte(b.String()), int64(len(values)), "results"))
	if err != nil {
		t.Fatal(err)
	}
	got := r.Tables[0]
	if got.Rows < int64(len(values)) || got.Rows != got.Accepted+got.Quarantined+got.Duplicates+got.Superseded {
		t.Errorf("rows are lost or made: %+v", *got)
	}
	for _, row := range sink.table(t, "payload/results.parquet") {
		for name, v := range row {
			if strings.ContainsAny(v, "\r\n\x00") {
				t.Errorf("%s holds a line end or a null that an escape brought in", name)
			}
		}
	}
}
