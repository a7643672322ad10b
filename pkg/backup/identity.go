package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"filippo.io/age"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
)

// NewIdentity writes a new identity into a file that is not there yet and
// returns its recipient. Who has the file opens every backup made for it.
func NewIdentity(path string) (recipient string, err error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("# opens backups of an Ark; keep it away from them\n# recipient: %s\n%s\n", id.Recipient(), id)
	err = durable.CreateFile(path, []byte(text), 0o400)
	if errors.Is(err, fs.ErrExist) {
		return "", ark.Faultf(ark.Conflict, "there is a file of that name").At(path, 0, "").Do("give another; an identity is never overwritten")
	}
	return id.Recipient().String(), err
}

// Recipients reads recipients as the configuration has them.
func Recipients(list []string) ([]age.Recipient, error) {
	all, err := age.ParseRecipients(strings.NewReader(strings.Join(list, "\n")))
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "a recipient of backups is not one of age's").At("config.yaml", 0, "backup.recipients").Do("they begin with age1; ark backup new-key prints one")
	}
	return all, nil
}

// Identities reads a file that NewIdentity, or age-keygen, wrote.
func Identities(path string) ([]age.Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, ark.Faultf(ark.Unavailable, "the identity for backups can't be read").At(path, 0, "").Because(err)
	}
	defer f.Close()
	all, err := age.ParseIdentities(f)
	if err != nil { // the error may quote the file
		return nil, ark.Faultf(ark.Invalid, "that file holds no identity for backups").At(path, 0, "").Do("give the file that ark backup new-key wrote")
	}
	return all, nil
}
