package objects

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
)

// maxMutable bounds what Current reads: mutable objects are small heads.
const maxMutable = 1 << 20

// maxRaw bounds what Raw reads: a full entry bundle at its largest.
const maxRaw = 256 * (1<<16 + 2)

// Current returns the content and tag of a mutable object. One that does not
// exist is an Unknown fault.
func (s *Store) Current(ctx context.Context, z Zone, name string) (data []byte, tag string, err error) {
	err = s.mayReplace(z, name)
	if err != nil {
		return nil, "", err
	}
	for range 8 { // it may be replaced between Stat and Read
		meta, err := s.backend.Stat(ctx, z, name)
		if err != nil {
			return nil, "", s.fault(z, name, err)
		}
		r, err := s.backend.Read(ctx, z, name, 0, maxMutable)
		if err != nil {
			return nil, "", s.fault(z, name, err)
		}
		data, err := io.ReadAll(r)
		err = errors.Join(err, r.Close())
		if err != nil {
			return nil, "", unavailable(z, name, err)
		}
		again, err := s.backend.Stat(ctx, z, name)
		if err != nil {
			return nil, "", s.fault(z, name, err)
		}
		if again.Tag == meta.Tag {
			return data, meta.Tag, nil
		}
	}
	return nil, "", unavailable(z, name, errors.New("it is being replaced all the time"))
}

// Raw returns a small object of a plain zone as it is, without a Ref to hold
// it to: for content that proves itself, such as a ledger's tiles.
func (s *Store) Raw(ctx context.Context, z Zone, name string) ([]byte, error) {
	err := s.mayName(z, name)
	if err != nil {
		return nil, err
	}
	if !s.rules[z].Plain {
		return nil, ark.Faultf(ark.Invalid, "the zone %q is sealed and is read by reference only", string(z)).Do("use Open")
	}
	r, err := s.backend.Read(ctx, z, name, 0, maxRaw+1)
	if err != nil {
		return nil, s.fault(z, name, err)
	}
	data, err := io.ReadAll(r)
	err = errors.Join(err, r.Close())
	if err != nil {
		return nil, unavailable(z, name, err)
	}
	if len(data) > maxRaw {
		return nil, ark.Faultf(ark.TooMuch, "the object %q in the zone %q is too large to read raw", name, string(z)).Do("use Open")
	}
	return data, nil
}

// Replace puts data in the place of the content that has the tag; "" means
// that there is none yet. If someone else was faster it is a Conflict fault.
func (s *Store) Replace(ctx context.Context, z Zone, name string, data []byte, tag string) error {
	err := s.mayReplace(z, name)
	if err != nil {
		return err
	}
	err = s.backend.Replace(ctx, z, name, bytes.Clone(data), tag)
	if errors.Is(err, ErrChanged) {
		return ark.Faultf(ark.Conflict, "the object %q in the zone %q was changed by someone else meanwhile", name, string(z)).
			Do("read it again and decide anew").Because(err)
	}
	if err != nil {
		return unavailable(z, name, err)
	}
	return nil
}

func (s *Store) mayReplace(z Zone, name string) error {
	err := s.mayName(z, name)
	if err != nil {
		return err
	}
	if rule := s.rules[z]; !rule.Plain || !slices.Contains(rule.Mutable, name) {
		return ark.Faultf(ark.Invalid, "the object %q in the zone %q can't be replaced", name, string(z)).
			Do("store the new content under a new name")
	}
	return nil
}
