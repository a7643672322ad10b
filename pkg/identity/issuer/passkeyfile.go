package issuer

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"time"
)

// Passkeys implements Directory.
func (d *FileDirectory) Passkeys(_ context.Context, subject string) ([]Passkey, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.data.Passkeys[subject]), nil
}

// AddPasskey implements Directory.
func (d *FileDirectory) AddPasskey(_ context.Context, subject string, k Passkey) error {
	return d.change(func(next *fileData) error {
		if !slices.ContainsFunc(next.Accounts, func(a Account) bool { return a.Subject == subject }) {
			return ErrNoAccount
		}
		for _, keys := range next.Passkeys {
			if at(keys, k.ID) >= 0 {
				return ErrPasskeyHeld
			}
		}
		if len(next.Passkeys[subject]) >= passkeysMax {
			return ErrPasskeyHeld
		}
		if next.Passkeys == nil {
			next.Passkeys = map[string][]Passkey{}
		}
		next.Passkeys[subject] = append(next.Passkeys[subject], k)
		return nil
	})
}

// RemovePasskey implements Directory.
func (d *FileDirectory) RemovePasskey(_ context.Context, subject, id string) error {
	return d.change(func(next *fileData) error {
		n := at(next.Passkeys[subject], id)
		if n < 0 {
			return ErrNoPasskey
		}
		next.Passkeys[subject] = slices.Delete(next.Passkeys[subject], n, n+1)
		return nil
	})
}

// UsedPasskey implements Directory.
func (d *FileDirectory) UsedPasskey(_ context.Context, subject, id string, counter uint32, now time.Time) error {
	return d.change(func(next *fileData) error {
		a := slices.IndexFunc(next.Accounts, func(a Account) bool { return a.Subject == subject })
		if a < 0 {
			return ErrNoAccount
		}
		n := at(next.Passkeys[subject], id)
		if n < 0 {
			return ErrNoPasskey
		}
		k := &next.Passkeys[subject][n]
		if (counter != 0 || k.Counter != 0) && counter <= k.Counter {
			return ErrCounterBack
		}
		k.Counter, k.Used = counter, now.UTC()
		delete(next.Attempts, next.Accounts[a].UserName)
		return nil
	})
}

func at(keys []Passkey, id string) int {
	return slices.IndexFunc(keys, func(k Passkey) bool { return k.ID == id })
}

// checkPasskeys refuses a file in which a passkey belongs to nobody or to two.
func (f *fileData) checkPasskeys() error {
	seen := map[string]bool{}
	for subject, keys := range f.Passkeys {
		if !slices.ContainsFunc(f.Accounts, func(a Account) bool { return a.Subject == subject }) {
			return errors.New("issuer: a passkey without an account")
		}
		for _, k := range keys {
			if _, err := base64.RawURLEncoding.DecodeString(k.ID); err != nil || k.ID == "" || seen[k.ID] || len(k.Key) == 0 {
				return errors.New("issuer: a passkey that can't be used")
			}
			seen[k.ID] = true
		}
	}
	return nil
}
