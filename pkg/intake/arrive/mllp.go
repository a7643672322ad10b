package arrive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/intake"
)

// The frame of a message.
const (
	frameStart = 0x0b
	frameEnd   = 0x1c
)

// Listener takes HL7 v2 messages over MLLP and gathers them into deliveries of a
// drop folder. A message is answered with an acceptance only once it is on
// disk; what was answered survives a kill at any point.
type Listener struct {
	Dir     string   // the drop folder
	Source  string   // the source's short name
	Tables  []string // of its contract: each reads every message
	Most    int      // messages of one delivery
	Largest int      // bytes of one message
	Every   time.Duration
	Idle    time.Duration // after which a silent connection is closed
	Now     func() time.Time
	Log     *slog.Logger

	mu   sync.Mutex
	file *os.File // the delivery being gathered
	n    int
}

const (
	gathering = ".gathering.hl7"
	batchFile = "messages.hl7"
)

// Serve accepts connections until the context ends, and closes the delivery
// being gathered then. One that a kill left is closed first.
func (l *Listener) Serve(ctx context.Context, at net.Listener) error {
	if err := l.recover(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { at.Close() })
	defer stop()
	tick := time.NewTicker(l.Every)
	defer tick.Stop()
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := l.Close(); err != nil {
					l.Log.ErrorContext(ctx, "a gathered delivery cannot be closed", "error", ark.KindOf(err))
				}
			}
		}
	}()
	var open sync.WaitGroup
	for {
		c, err := at.Accept()
		if err != nil {
			open.Wait()
			if ctx.Err() == nil {
				return err
			}
			return l.Close()
		}
		open.Add(1)
		go func() {
			defer open.Done()
			defer c.Close()
			stop := context.AfterFunc(ctx, func() { c.Close() })
			defer stop()
			l.talk(c)
		}()
	}
}

// talk reads messages and answers each. A sender that breaks the frame, or sends
// more than a message may hold, is cut off: nothing of that message counts.
func (l *Listener) talk(c net.Conn) {
	in := bufio.NewReaderSize(c, 64<<10)
	var message []byte
	for {
		c.SetDeadline(l.Now().Add(l.Idle))
		start, err := in.ReadByte()
		if err != nil || start != frameStart {
			return
		}
		message = message[:0]
		for {
			part, err := in.ReadSlice(frameEnd)
			message = append(message, part...)
			if len(message) > l.Largest || err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return
			}
			if err == nil {
				break
			}
		}
		if end, err := in.ReadByte(); err != nil || end != '\r' {
			return
		}
		message = message[:len(message)-1]
		answer := "AA"
		if !bytes.HasPrefix(message, []byte("MSH")) || len(message) < 8 || bytes.IndexByte(message, frameStart) >= 0 {
			answer = "AR"
		} else if err := l.add(message); err != nil {
			answer = "AE" // the sender keeps it and tries again
			l.Log.Error("a message cannot be kept", "error", ark.KindOf(err))
		}
		if _, err := c.Write(acknowledge(message, answer, l.Now())); err != nil {
			return
		}
	}
}

// acknowledge is the answer to a message, by its control id.
func acknowledge(message []byte, answer string, now time.Time) []byte {
	sep, id := byte('|'), []byte{}
	if len(message) > 3 && bytes.HasPrefix(message, []byte("MSH")) {
		sep = message[3]
		header, _, _ := bytes.Cut(message, []byte{'\r'})
		if f := bytes.Split(header, []byte{sep}); len(f) > 9 && len(f[9]) <= 199 {
			id = f[9]
		}
	}
	if sep < 0x20 || sep > 0x7e {
		sep = '|'
	}
	s := string(sep)
	text := fmt.Sprintf("MSH%s^~\\&%sARK%s%s%s%s%s%sACK%s%s%sP%s2.4\rMSA%s%s%s%s\r", s, s, s, s, s, s, now.UTC().Format("20060102150405"), s+s, s, id, s, s, s, answer, s, id)
	return append(append([]byte{frameStart}, text...), frameEnd, '\r')
}

// add appends a message, in its frame, to the delivery being gathered.
func (l *Listener) add(message []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		f, err := os.OpenFile(filepath.Join(l.Dir, gathering), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		l.file, l.n = f, 0
	}
	at, err := l.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	framed := append(append([]byte{frameStart}, message...), frameEnd, '\r')
	_, err = l.file.Write(framed)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return errors.Join(err, l.file.Truncate(at)) // a full disk leaves whole messages
	}
	if l.n++; l.n >= l.Most {
		return l.close()
	}
	return nil
}

// Close ends the delivery being gathered, if there is one: from then on the
// sweep of the drop folder delivers it.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.close()
}

func (l *Listener) close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	if err != nil {
		return err
	}
	return l.finish(l.n)
}

// finish makes a delivery of the gathered file. The manifest comes last, so
// that a delivery is whole or is no delivery.
func (l *Listener) finish(n int) error {
	from := filepath.Join(l.Dir, gathering)
	sum, err := hash(from)
	if err != nil {
		return err
	}
	name := "mllp-" + l.Now().UTC().Format("20060102T150405.000000") + "-" + sum[:8]
	dir := filepath.Join(l.Dir, name)
	m := intake.Manifest{Source: l.Source, Delivery: name}
	for _, t := range l.Tables {
		m.Files = append(m.Files, intake.ManifestFile{Name: batchFile, Table: t, Rows: int64(n), SHA256: sum})
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Rename(from, filepath.Join(dir, batchFile)); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600)
}

// recover closes what a killed listener was gathering: a message that was not
// whole was not answered either, and goes. A folder that lacks its manifest is
// given it.
func (l *Listener) recover() error {
	open, err := filepath.Glob(filepath.Join(l.Dir, "mllp-*", batchFile))
	if err != nil {
		return err
	}
	for _, path := range open {
		if exists(filepath.Join(filepath.Dir(path), "manifest.json")) || exists(filepath.Join(l.Dir, gathering)) {
			continue
		}
		if err := os.Rename(path, filepath.Join(l.Dir, gathering)); err != nil {
			return err
		}
		if err := os.Remove(filepath.Dir(path)); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(filepath.Join(l.Dir, gathering), os.O_RDWR, 0)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	n, whole := 0, int64(0)
	in := bufio.NewReaderSize(f, 1<<20)
	for at := int64(0); ; {
		part, err := in.ReadSlice('\r')
		at += int64(len(part))
		if err == nil && len(part) >= 2 && part[len(part)-2] == frameEnd {
			n, whole = n+1, at
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	if err := errors.Join(f.Truncate(whole), f.Close()); err != nil {
		return err
	}
	if n == 0 {
		return os.Remove(filepath.Join(l.Dir, gathering))
	}
	return l.finish(n)
}
