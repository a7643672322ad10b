package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/ark-tre/ark/pkg/backup"
	"github.com/ark-tre/ark/pkg/instance"
	"github.com/ark-tre/ark/pkg/ledger"
)

type backupCmd struct {
	Take   backupTakeCmd   `cmd:"" default:"withargs" help:"Copy the Ark into the folder that its configuration names (the default)."`
	NewKey backupNewKeyCmd `cmd:"" help:"Make the identity that opens backups, and print the recipient for the configuration."`
	List   backupListCmd   `cmd:"" help:"List the backups in a folder."`
	Verify backupVerifyCmd `cmd:"" help:"Read a backup whole and hold it against its manifest, without restoring it; status 1 when something is wrong."`
}

type backupTakeCmd struct {
	Dir   string `help:"The Ark's folder." required:"" type:"path"`
	First bool   `help:"Make backup.to, which is there and empty, a folder of backups."`
}

// Run copies an Ark and prints what to note.
func (c backupTakeCmd) Run(ctx context.Context) error {
	cfg, err := instance.Load(c.Dir)
	if err != nil {
		return err
	}
	t, err := instance.TakeBackup(ctx, cfg, c.First, version, warnings())
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d acts, %d objects (%d new), %d keys beside it\n", t.Name, t.Acts, len(t.Objects), t.New, len(t.Keys))
	for _, l := range t.Left {
		fmt.Println("not in it: " + l)
	}
	fmt.Println("sha256 " + t.SHA256)
	return nil
}

func warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type backupNewKeyCmd struct {
	File string `arg:"" help:"Where to write the identity; it must not be there." type:"path"`
}

// Run makes an identity.
func (c backupNewKeyCmd) Run() error {
	recipient, err := backup.NewIdentity(c.File)
	if err != nil {
		return err
	}
	fmt.Println(recipient)
	return nil
}

type backupListCmd struct {
	From string `help:"The folder of backups." required:"" type:"path"`
}

// Run lists the backups.
func (c backupListCmd) Run() error {
	f, err := backup.Open(c.From)
	if err != nil {
		return err
	}
	names, err := f.Names()
	for _, n := range names {
		fmt.Println(n)
	}
	return err
}

type backupVerifyCmd struct {
	From     string `help:"The folder of backups." required:"" type:"path"`
	Identity string `help:"The file that opens them." required:"" type:"existingfile"`
	SHA256   string `name:"sha256" help:"What the bundle has to hash to, as ark backup printed."`
	Name     string `arg:"" optional:"" help:"Which backup; the newest, if left out."`
}

// Run verifies one backup.
func (c backupVerifyCmd) Run(ctx context.Context) error {
	with, err := backup.Identities(c.Identity)
	if err != nil {
		return err
	}
	f, err := backup.Open(c.From)
	if err != nil {
		return err
	}
	if c.Name == "" {
		if c.Name, err = f.Newest(); err != nil {
			return err
		}
	}
	tmp, err := os.MkdirTemp("", "ark-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	m, sum, err := f.Unpack(c.Name, tmp+"/bundle", with)
	if err != nil {
		return err
	}
	wrong, err := f.Verify(ctx, m, with)
	if err != nil {
		return err
	}
	if c.SHA256 != "" && c.SHA256 != sum {
		wrong = append(wrong, "the bundle is not the one whose SHA-256 was given")
	}
	report, err := ledger.Verify(os.DirFS(tmp+"/bundle/ledger"), []string{m.Ledger.Key})
	if err != nil {
		return err
	}
	for _, found := range report.Findings {
		wrong = append(wrong, found.String())
	}
	for _, w := range wrong {
		fmt.Println(w)
	}
	if len(wrong) > 0 || !report.OK() {
		fmt.Println("NOT VERIFIED")
		return errFound
	}
	fmt.Printf("verified: %s of %s, taken %s by ark %s: %d acts, %d objects, %d keys beside it, ledger of %d entries\n", c.Name, m.Origin, m.Taken.Format("2006-01-02 15:04:05Z"), m.Program, m.Acts, len(m.Objects), len(m.Keys), m.Ledger.Size)
	fmt.Println("sha256 " + sum)
	return nil
}

type restoreCmd struct {
	Dir      string `help:"Where the Ark will be; it must not be there, or be empty." required:"" type:"path"`
	From     string `help:"The folder of backups." required:"" type:"path"`
	Identity string `help:"The file that opens them." required:"" type:"existingfile"`
	SHA256   string `name:"sha256" help:"What the bundle has to hash to, as ark backup printed."`
	Ledger   string `help:"The newest copy of this Ark's ledger that anybody has, as ark ledger fetch makes it: what was destroyed, closed or suspended after the backup is so again." type:"existingdir"`
	Origin   string `help:"Its address as browsers see it, on the same host; as it was, if left out."`
	Listen   string `help:"Where to listen; as it was, if left out."`
	Name     string `arg:"" optional:"" help:"Which backup; the newest, if left out."`
}

// Run restores an Ark and says what is lost and what is left to do.
func (c restoreCmd) Run(ctx context.Context) error {
	with, err := backup.Identities(c.Identity)
	if err != nil {
		return err
	}
	r, err := instance.Restore(ctx, instance.Restoring{Dir: c.Dir, From: c.From, Name: c.Name, With: with, SHA256: c.SHA256, Ledger: c.Ledger, Origin: c.Origin, Listen: c.Listen}, warnings())
	if err != nil {
		return err
	}
	fmt.Printf("the Ark of %s is in %s: %d acts, %d objects\n", r.Taken.Format("2006-01-02 15:04:05Z"), c.Dir, r.Acts, len(r.Objects))
	if r.Lost > 0 {
		fmt.Printf("%d later acts are known to be lost\n", r.Lost)
	}
	fmt.Printf("destroyed, closed and suspended after the backup, as far as known: %d keys, %d projects, %d accounts\n", len(r.Gone), len(r.Later.Closed)+len(r.Later.Suspended), len(r.Later.Users))
	for _, line := range r.Again {
		fmt.Println("do again: " + line)
	}
	for _, l := range r.Left {
		fmt.Println("was not in it: " + l)
	}
	if r.Ended > 0 {
		fmt.Printf("%d workspaces ended with their homes\n", r.Ended)
	}
	fmt.Printf("what happened after %s is not known here. A key that was destroyed since, and whose copy in the folder of backups was not reached, is back.\n", r.Until.Format("2006-01-02 15:04:05Z"))
	fmt.Println("everybody signs in anew; backups are off until backup.to is set; start it with: ark serve --dir " + c.Dir)
	return nil
}
