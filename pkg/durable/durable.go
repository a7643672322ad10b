// Package durable writes files and directories so that what it reports as
// written is there after a power cut.
//
// It touches the local file system only. It must never interpret what it
// writes. The order is the one of Pillai et al., "All File Systems Are Not
// Created Equal" (OSDI 2014): write a temporary file, fsync it, give it its
// name, fsync the directory. The sad path that remains: after a failed fsync
// the kernel may have dropped the pages, so a failure is reported and the
// temporary file removed, never retried.
package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// SyncDir makes the names in dir durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// MkdirAll makes path and its missing parents with exactly mode perm (the
// umask is not applied) and makes each new name durable. Directories that
// exist are left as they are.
func MkdirAll(path string, perm fs.FileMode) error {
	info, err := os.Stat(path)
	if err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: path, Err: fs.ErrExist}
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if parent != path {
		err = MkdirAll(parent, perm)
		if err != nil {
			return err
		}
	}
	err = os.Mkdir(path, perm.Perm())
	if errors.Is(err, fs.ErrExist) {
		return nil // made by another process meanwhile
	}
	if err != nil {
		return err
	}
	err = os.Chmod(path, perm)
	if err != nil {
		return err
	}
	return SyncDir(parent)
}

// WriteFile makes path hold data, replacing what was there in one step.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	f, err := Begin(filepath.Dir(path), perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err != nil {
		return errors.Join(err, f.Abort())
	}
	return f.Replace(path)
}

// CreateFile makes path hold data unless it exists: then the error wraps
// fs.ErrExist and nothing has changed.
func CreateFile(path string, data []byte, perm fs.FileMode) error {
	f, err := Begin(filepath.Dir(path), perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err != nil {
		return errors.Join(err, f.Abort())
	}
	return f.Create(path)
}

// Remove removes the file and makes its absence durable.
func Remove(path string) error {
	err := os.Remove(path)
	if err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// TempPrefix begins the name of every file that Begin makes and that has not
// been given its name yet.
const TempPrefix = ".unfinished-"

// Pending is a file being written that has no name yet.
type Pending struct {
	f    *os.File
	perm fs.FileMode
	done bool
	size int64 // written
	sent int64 // of it, on its way to the disk
}

// Begin opens a pending file in dir, which must be on the file system of the
// final name. It has mode 0600 until it gets its name.
func Begin(dir string, perm fs.FileMode) (*Pending, error) {
	f, err := os.CreateTemp(dir, TempPrefix+"*")
	if err != nil {
		return nil, err
	}
	return &Pending{f: f, perm: perm}, nil
}

// sendOff is how much of a file is written before it is sent on its way to the
// disk: the fsync at its end has that much less to wait for.
const sendOff = 4 << 20

// Write appends to the pending file.
func (p *Pending) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	if p.size += int64(n); p.size-p.sent >= sendOff {
		_ = unix.SyncFileRange(int(p.f.Fd()), p.sent, p.size-p.sent, unix.SYNC_FILE_RANGE_WRITE) // what fails comes out of the fsync
		p.sent = p.size
	}
	return n, err
}

// Create gives the file its name unless the name is taken: then the error
// wraps fs.ErrExist. In either case the pending file is finished.
func (p *Pending) Create(path string) error {
	return p.finish(path, func(from string) error {
		err := os.Link(from, path) // unlike rename, refuses an existing name
		if err != nil {
			return err
		}
		return os.Remove(from)
	})
}

// Replace gives the file its name, in place of a file that has it.
func (p *Pending) Replace(path string) error {
	return p.finish(path, func(from string) error { return os.Rename(from, path) })
}

// Abort removes the pending file. After Create or Replace it does nothing.
func (p *Pending) Abort() error {
	if p.done {
		return nil
	}
	p.done = true
	return errors.Join(p.f.Close(), os.Remove(p.f.Name()))
}

func (p *Pending) finish(path string, name func(from string) error) error {
	if p.done {
		return fmt.Errorf("durable: %s: already finished", path)
	}
	p.done = true
	from := p.f.Name()
	err := p.f.Chmod(p.perm)
	if err == nil {
		err = p.f.Sync()
	}
	err = errors.Join(err, p.f.Close())
	if err == nil {
		err = name(from)
	}
	if err != nil {
		_ = os.Remove(from) // the caller has the error that matters
		return err
	}
	err = SyncDir(filepath.Dir(path))
	if tmp := filepath.Dir(from); err == nil && tmp != filepath.Dir(path) {
		err = SyncDir(tmp)
	}
	return err
}

// Sparse writes all of r to the pending file, which is empty, and returns its
// size. Blocks of zeros are left as holes.
func (p *Pending) Sparse(r io.Reader) (n int64, err error) {
	buf, zero := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		k, err := io.ReadFull(r, buf)
		if k > 0 && !bytes.Equal(buf[:k], zero[:k]) {
			if _, err := p.f.WriteAt(buf[:k], n); err != nil {
				return n, err
			}
		}
		n += int64(k)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return n, p.f.Truncate(n)
		}
		if err != nil {
			return n, err
		}
	}
}
