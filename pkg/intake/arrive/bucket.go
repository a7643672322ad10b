package arrive

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ark-tre/ark/pkg/ark"
)

// Bucket is a watched S3 bucket: what lies below one name up to its first slash
// is a delivery, which is whole when its manifest.json is there, every file it
// names has the hash it says, and nothing of it has changed for a while. Each is
// fetched into a folder of its own, and removed from there at the end.
type Bucket struct {
	Client  *minio.Client
	Name    string
	Prefix  string // below which the deliveries lie, "" or ending in a slash
	Scratch string // a folder on a disk that holds one delivery
	Settled time.Duration
	Now     func() time.Time
	Log     *slog.Logger
	Largest int64 // bytes of one delivery
	// Deliver delivers a folder; its errors mean what those of Drop's do.
	Deliver func(ctx context.Context, dir string) error
}

// Sweep delivers every delivery that is whole and moves it aside: below .done,
// or below .refused with the reason beside it. One sender's wrong delivery stops
// nobody else's. It returns how many were delivered and refused.
func (b Bucket) Sweep(ctx context.Context) (delivered, wrong int, err error) {
	all := map[string][]minio.ObjectInfo{}
	for o := range b.Client.ListObjects(ctx, b.Name, minio.ListObjectsOptions{Prefix: b.Prefix, Recursive: true}) {
		if o.Err != nil {
			return 0, 0, ark.Faultf(ark.Unavailable, "the drop bucket cannot be read").Because(o.Err)
		}
		name, _, below := strings.Cut(strings.TrimPrefix(o.Key, b.Prefix), "/")
		if below && !strings.HasPrefix(name, ".") && name != "" {
			all[name] = append(all[name], o)
		}
	}
	for _, name := range sortedNames(all) {
		if ctx.Err() != nil {
			return delivered, wrong, ctx.Err()
		}
		took, err := b.one(ctx, name, all[name])
		switch ark.KindOf(err) {
		case ark.Invalid, ark.Conflict, ark.TooMuch, ark.Forbidden:
			wrong++
			err = b.aside(ctx, refused, name, all[name], err)
		default:
			if took && err == nil {
				delivered++
				err = b.aside(ctx, done, name, all[name], nil)
			}
		}
		if err != nil { // tried again at the next sweep
			b.Log.WarnContext(ctx, "a delivery in the drop bucket waits", "error", ark.KindOf(err))
		}
	}
	return delivered, wrong, nil
}

func sortedNames(all map[string][]minio.ObjectInfo) []string {
	out := make([]string, 0, len(all))
	for name := range all {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// one fetches and delivers a delivery; took is false while it is coming.
func (b Bucket) one(ctx context.Context, name string, objects []minio.ObjectInfo) (took bool, err error) {
	size, manifest := int64(0), false
	for _, o := range objects {
		file := strings.TrimPrefix(o.Key, b.Prefix+name+"/")
		if b.Now().Sub(o.LastModified) < b.Settled {
			return false, nil
		}
		if !plainName(file) {
			return false, ark.Faultf(ark.Invalid, "a file's name holds more than letters, digits, dots, hyphens and underscores").Do("rename it")
		}
		manifest = manifest || file == "manifest.json"
		size += o.Size
	}
	if !manifest {
		return false, nil
	}
	if b.Largest > 0 && size > b.Largest {
		return false, ark.Faultf(ark.TooMuch, "the delivery is larger than %d bytes", b.Largest).Do("split it")
	}
	dir, err := os.MkdirTemp(b.Scratch, "bucket-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	for _, o := range objects {
		if err := b.fetch(ctx, o, filepath.Join(dir, path.Base(o.Key))); err != nil {
			return false, err
		}
	}
	whole, err := Drop{Now: b.Now, Settled: -time.Hour}.whole(dir) // settled where it came from
	if err != nil || !whole {
		return false, err
	}
	return true, b.Deliver(ctx, dir)
}

// plainName reports whether a name over the network may be that of a file.
func plainName(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("._-", c) {
			return false
		}
	}
	return s != "" && s[0] != '.' && len(s) <= 128
}

// fetch reads the very object that was listed: one put in its place since then
// is not mixed with the others.
func (b Bucket) fetch(ctx context.Context, o minio.ObjectInfo, to string) error {
	opt := minio.GetObjectOptions{}
	if err := opt.SetMatchETag(o.ETag); err != nil {
		return err
	}
	in, err := b.Client.GetObject(ctx, b.Name, o.Key, opt)
	if err != nil {
		return waits(err)
	}
	defer in.Close()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	if e := f.Close(); err == nil {
		err = e
	}
	return waits(err)
}

// waits makes a failure to read one that is tried again.
func waits(err error) error {
	if err == nil {
		return nil
	}
	return ark.Faultf(ark.Unavailable, "a file in the drop bucket cannot be read").Because(err)
}

// aside moves a delivery's objects, its manifest first: without it nothing is
// delivered, so that a kill between two moves delivers nothing twice.
func (b Bucket) aside(ctx context.Context, where, name string, objects []minio.ObjectInfo, why error) error {
	to := b.Prefix + where + "/" + b.Now().UTC().Format("20060102T150405.000000") + "-" + name
	manifestFirst := slices.Clone(objects)
	slices.SortStableFunc(manifestFirst, func(x, y minio.ObjectInfo) int {
		return rank(x.Key) - rank(y.Key)
	})
	var f *ark.Fault
	if errors.As(why, &f) {
		text := f.Public() + "\n"
		if _, err := b.Client.PutObject(ctx, b.Name, to+".txt", strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{ContentType: "text/plain"}); err != nil {
			return waits(err)
		}
	}
	for _, o := range manifestFirst {
		dst := minio.CopyDestOptions{Bucket: b.Name, Object: to + "/" + path.Base(o.Key)}
		if _, err := b.Client.ComposeObject(ctx, dst, minio.CopySrcOptions{Bucket: b.Name, Object: o.Key, MatchETag: o.ETag}); err != nil {
			return waits(err)
		}
		if err := b.Client.RemoveObject(ctx, b.Name, o.Key, minio.RemoveObjectOptions{}); err != nil {
			return waits(err)
		}
	}
	return nil
}

func rank(key string) int {
	if path.Base(key) == "manifest.json" {
		return 0
	}
	return 1
}
