package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/keys"
)

// Manifest says what a backup is of and what is in it. It is the first thing
// in the bundle.
type Manifest struct {
	Format  int       `json:"format"`
	Name    string    `json:"name"`
	Taken   time.Time `json:"taken"`
	Program string    `json:"program"` // the version of Ark that took it
	Origin  string    `json:"origin"`  // of the ledger
	Ledger  Head      `json:"ledger"`
	Acts    int64     `json:"acts"` // recorded in the database; the ledger may lack the last ones
	Files   []File    `json:"files"`
	Objects []Object  `json:"objects"`
	Keys    []Key     `json:"keys"`
	Left    []string  `json:"left,omitempty"` // what is not in it, in words
}

// Head is the head of the ledger in the bundle.
type Head struct {
	Size int64  `json:"size"`
	Root string `json:"root"`
	Key  string `json:"key"` // the public key, as a line
}

// File is a file in the bundle itself.
type File struct {
	Path   string      `json:"path"`
	SHA256 string      `json:"sha256"`
	Size   int64       `json:"size"`
	Mode   fs.FileMode `json:"mode"`
}

// Object is something kept beside the bundle: an object of a zone, or a file of
// workspaces where Zone is Volumes.
type Object struct {
	Zone   string `json:"zone"`
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // of the bytes as stored
	Size   int64  `json:"size"`
}

// Volumes stands in the place of a zone for the files of workspaces.
const Volumes = "workspaces"

// Key is a key that can be destroyed; its copy lies beside the bundle.
type Key struct {
	Name      keys.Name `json:"name"`
	Destroyed bool      `json:"destroyed,omitempty"` // when the backup was taken
}

const format = 1

// Write puts a bundle of the files below dir and of m, whose Files and Name it
// sets, into the folder. sealed is called with the bundle's SHA-256 before the
// bundle gets its name: without it there is none.
func (f *Folder) Write(m *Manifest, dir string, to []age.Recipient, sealed func(sum string) error) error {
	if len(to) == 0 {
		return ark.Faultf(ark.Invalid, "nobody is named who could open the backup").Do("set backup.recipients; ark backup new-key makes one")
	}
	m.Format, m.Files = format, nil
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		file, err := describe(path)
		file.Path = filepath.ToSlash(rel)
		m.Files = append(m.Files, file)
		return err
	}); err != nil {
		return err
	}
	p, err := durable.Begin(filepath.Join(f.root, "bundles"), 0o440)
	if err != nil {
		return unreachable(err)
	}
	defer p.Abort()
	h := sha256.New()
	w, err := age.Encrypt(io.MultiWriter(p, h), to...)
	if err != nil {
		return err
	}
	if err := pack(w, *m, dir); err != nil {
		return unreachable(err)
	}
	if err := w.Close(); err != nil {
		return unreachable(err)
	}
	if err := sealed(hex.EncodeToString(h.Sum(nil))); err != nil {
		return err
	}
	if err := p.Create(filepath.Join(f.root, "bundles", m.Name+suffix)); err != nil {
		return unreachable(err)
	}
	return nil
}

func describe(path string) (File, error) {
	in, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return File{}, err
	}
	h := sha256.New()
	n, err := io.Copy(h, in)
	return File{SHA256: hex.EncodeToString(h.Sum(nil)), Size: n, Mode: info.Mode().Perm()}, err
}

const manifestName = "manifest.json"

func pack(w io.Writer, m Manifest, dir string) error {
	t := tar.NewWriter(w)
	doc, err := json.Marshal(m)
	if err != nil {
		return err
	}
	put := func(name string, size int64, r io.Reader) error {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600}); err != nil {
			return err
		}
		_, err := io.Copy(t, r)
		return err
	}
	if err := put(manifestName, int64(len(doc)), strings.NewReader(string(doc))); err != nil {
		return err
	}
	for _, f := range m.Files {
		in, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Path)))
		if err != nil {
			return err
		}
		if err := errors.Join(put(f.Path, f.Size, in), in.Close()); err != nil {
			return err
		}
	}
	return t.Close()
}

// maxManifest bounds what is read before anything is known.
const maxManifest = 1 << 30

// Unpack writes the files of a bundle below dir and returns its manifest and
// its SHA-256. Every file is held against the manifest; what is not in it is
// refused.
func (f *Folder) Unpack(name, dir string, with []age.Identity) (*Manifest, string, error) {
	file, err := os.Open(filepath.Join(f.root, "bundles", name+suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", ark.Faultf(ark.Unknown, "there is no backup of the name %s", name).Do("ark backup list names them")
	}
	if err != nil {
		return nil, "", unreachable(err)
	}
	defer file.Close()
	h := sha256.New()
	seen := io.TeeReader(file, h)
	plain, err := age.Decrypt(seen, with...)
	var no *age.NoIdentityMatchError
	if errors.As(err, &no) {
		return nil, "", ark.Faultf(ark.Forbidden, "the backup is not for this identity").Do("give the file that ark backup new-key wrote for one of the recipients").Because(err)
	}
	if err != nil {
		return nil, "", changed("the bundle").Because(err)
	}
	m, err := unpack(plain, dir)
	if err != nil {
		return nil, "", err
	}
	if m.Name != name {
		return nil, "", changed("the name of the bundle")
	}
	if n, err := io.Copy(io.Discard, plain); err != nil || n > 1<<16 { // a tar's end is padded
		return nil, "", changed("the end of the bundle")
	}
	if _, err := io.Copy(io.Discard, seen); err != nil {
		return nil, "", unreachable(err)
	}
	return m, hex.EncodeToString(h.Sum(nil)), nil
}

func unpack(plain io.Reader, dir string) (*Manifest, error) {
	broken := func(err error) error {
		var f *ark.Fault
		if errors.As(err, &f) {
			return err
		}
		return changed("the bundle").Because(err)
	}
	t := tar.NewReader(plain)
	head, err := t.Next()
	if err != nil {
		return nil, broken(err)
	}
	if head.Name != manifestName || head.Size > maxManifest {
		return nil, changed("the manifest")
	}
	m := &Manifest{}
	dec := json.NewDecoder(t)
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		return nil, broken(err)
	}
	if m.Format != format {
		return nil, ark.Faultf(ark.Invalid, "the backup was taken by a version of Ark that this one does not know").Do("use the version that took it: " + m.Program)
	}
	for _, f := range m.Files {
		head, err := t.Next()
		if err != nil {
			return nil, broken(fmt.Errorf("before %s: %w", f.Path, err))
		}
		if head.Name != f.Path || head.Size != f.Size || !fs.ValidPath(f.Path) {
			return nil, changed("the file " + f.Path)
		}
		if err := extract(t, filepath.Join(dir, filepath.FromSlash(f.Path)), f); err != nil {
			return nil, broken(err)
		}
	}
	if _, err := t.Next(); err != io.EOF {
		return nil, changed("the end of the bundle")
	}
	return m, nil
}

func extract(r io.Reader, path string, f File) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, f.Mode.Perm())
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), r)
	if err = errors.Join(err, out.Sync(), out.Close()); err == nil && hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		err = changed("the file " + f.Path)
	}
	return err
}
