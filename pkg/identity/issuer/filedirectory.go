package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// FileDirectory is a Directory in one JSON file of mode 0600, rewritten whole
// and durably at each change: right for tens of accounts on one box, and for
// one process at a time.
type FileDirectory struct {
	path string
	mu   sync.Mutex
	data fileData
}

var _ Directory = (*FileDirectory)(nil)

type fileData struct {
	Accounts []Account            `json:"accounts"`
	Steps    map[string]int64     `json:"steps"`              // by subject
	Attempts map[string]Attempts  `json:"attempts"`           // by user name, of accounts only
	Passkeys map[string][]Passkey `json:"passkeys,omitempty"` // by subject
}

// OpenFileDirectory reads path; an absent file is an empty directory. A file
// that others may read, or that holds anything unexpected, is refused.
func OpenFileDirectory(path string) (*FileDirectory, error) {
	d := &FileDirectory{path: path, data: fileData{Steps: map[string]int64{}, Attempts: map[string]Attempts{}}}
	b, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	if err := parseDirectory(b, &d.data); err != nil {
		return nil, ark.Faultf(ark.Invalid, "the directory of accounts can't be read").Do("restore it from a backup").Because(err)
	}
	return d, nil
}

func parseDirectory(b []byte, into *fileData) error {
	if err := strictJSON(b, into); err != nil {
		return err
	}
	if into.Steps == nil {
		into.Steps = map[string]int64{}
	}
	if into.Attempts == nil {
		into.Attempts = map[string]Attempts{}
	}
	names, subjects := map[string]bool{}, map[string]bool{}
	for _, a := range into.Accounts {
		if a.Subject == "" || a.UserName == "" || CanonicalUserName(a.UserName) != a.UserName || names[a.UserName] || subjects[a.Subject] {
			return errors.New("issuer: an account without a name of its own")
		}
		if _, err := parseHash(a.PasswordHash); err != nil {
			return err
		}
		if _, err := TOTPCode(a.TOTPSecret, 1); err != nil || len(a.TOTPSecret) < 16 {
			return errors.New("issuer: an account without a usable TOTP secret")
		}
		names[a.UserName], subjects[a.Subject] = true, true
	}
	return into.checkPasskeys()
}

// Add puts accounts in, all or none. A user name or subject that is there is a
// Conflict.
func (d *FileDirectory) Add(_ context.Context, accounts ...Account) error {
	return d.change(func(next *fileData) error {
		for _, a := range accounts {
			if slices.ContainsFunc(next.Accounts, func(b Account) bool { return b.UserName == a.UserName || b.Subject == a.Subject }) {
				return ark.Faultf(ark.Conflict, "there is an account of that user name").Do("choose another user name")
			}
			next.Accounts = append(next.Accounts, a)
		}
		return nil
	})
}

// Replace changes the account with a's subject (a new password, a new TOTP
// secret, disabled); its attempts are forgotten.
func (d *FileDirectory) Replace(_ context.Context, a Account) error {
	return d.change(func(next *fileData) error {
		i := slices.IndexFunc(next.Accounts, func(b Account) bool { return b.Subject == a.Subject })
		if i < 0 {
			return ErrNoAccount
		}
		next.Accounts[i] = a
		delete(next.Attempts, a.UserName)
		return nil
	})
}

// Accounts lists every account.
func (d *FileDirectory) Accounts(context.Context) []Account {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.data.Accounts)
}

// ByUserName implements Directory.
func (d *FileDirectory) ByUserName(_ context.Context, name string) (Account, error) {
	return d.find(func(a Account) bool { return a.UserName == name })
}

// BySubject implements Directory.
func (d *FileDirectory) BySubject(_ context.Context, subject string) (Account, error) {
	return d.find(func(a Account) bool { return a.Subject == subject })
}

func (d *FileDirectory) find(is func(Account) bool) (Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.IndexFunc(d.data.Accounts, is); i >= 0 {
		return d.data.Accounts[i], nil
	}
	return Account{}, ErrNoAccount
}

// Attempt implements Directory. The file is written for unknown names too, so
// that time doesn't tell them apart.
func (d *FileDirectory) Attempt(_ context.Context, name string, at time.Time) (Attempts, error) {
	var before Attempts
	err := d.change(func(next *fileData) error {
		known := slices.ContainsFunc(next.Accounts, func(a Account) bool { return a.UserName == name })
		before = next.Attempts[name]
		if known && !locked(before, at) { // tries during a pause don't lengthen it
			next.Attempts[name] = Attempts{Count: before.Count + 1, Last: at.UTC()}
		}
		return nil
	})
	return before, err
}

// Succeeded implements Directory.
func (d *FileDirectory) Succeeded(_ context.Context, subject string, step int64) error {
	return d.change(func(next *fileData) error {
		i := slices.IndexFunc(next.Accounts, func(a Account) bool { return a.Subject == subject })
		if i < 0 {
			return ErrNoAccount
		}
		if step <= next.Steps[subject] {
			return ErrStepUsed
		}
		next.Steps[subject] = step
		delete(next.Attempts, next.Accounts[i].UserName)
		return nil
	})
}

// LastStep implements Directory.
func (d *FileDirectory) LastStep(_ context.Context, subject string) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.data.Steps[subject], nil
}

// change applies f to a copy, writes it durably, and only then believes it.
func (d *FileDirectory) change(f func(*fileData) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := json.Marshal(d.data)
	if err != nil {
		return err
	}
	next := fileData{Steps: map[string]int64{}, Attempts: map[string]Attempts{}}
	if err := json.Unmarshal(b, &next); err != nil {
		return err
	}
	if err := f(&next); err != nil {
		return err
	}
	if b, err = json.MarshalIndent(next, "", "\t"); err != nil {
		return err
	}
	if err := os.MkdirAll(dirOf(d.path), 0o700); err != nil {
		return err
	}
	if err := writePrivate(d.path, b); err != nil {
		return err
	}
	d.data = next
	return nil
}
