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
