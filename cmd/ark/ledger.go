package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/ledger"
)

type ledgerCmd struct {
	Fetch  ledgerFetchCmd  `cmd:"" help:"Copy a published ledger, to verify it."`
	Verify ledgerVerifyCmd `cmd:"" help:"Verify an exported ledger, offline."`
}

type ledgerVerifyCmd struct {
	Against []string `help:"A checkpoint given out earlier, as a permit or release carries it: the ledger must begin with what it fixes. May be repeated." type:"existingfile" placeholder:"FILE"`
	Key     string   `help:"The ledger's public key, one line per version; from another source than the export." type:"existingfile" required:"" placeholder:"FILE"`
	Dir     string   `arg:"" help:"The exported ledger." type:"existingdir"`
}

// Run prints what was found; a finding makes the exit status 1.
func (c ledgerVerifyCmd) Run() error {
	keys, err := readLines(c.Key)
	if err != nil {
		return err
	}
	var against [][]byte
	for _, name := range c.Against {
		signed, err := os.ReadFile(name)
		if err != nil {
			return unreadable(name, err)
		}
		against = append(against, signed)
	}
	report, err := ledger.Verify(os.DirFS(c.Dir), keys, against...)
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		fmt.Println(f)
	}
	if report.Dismissed > 0 {
		fmt.Printf("and %d more findings\n", report.Dismissed)
	}
	if !report.OK() {
		fmt.Println("NOT VERIFIED")
		return errFound
	}
	fmt.Printf("verified: %s, %d entries, root %s\n", report.Origin, report.Size, report.Root)
	if report.Size > 0 {
		fmt.Printf("entries are dated %s to %s\n", report.First.Format("2006-01-02 15:04:05Z"), report.Last.Format("2006-01-02 15:04:05Z"))
	}
	for _, r := range report.Restored {
		fmt.Printf("restored from a backup at entry %d, on %s: a checkpoint of more than %d entries from before then is of acts that are lost\n", r.Entry, r.Time.Format("2006-01-02 15:04:05Z"), r.Entry)
	}
	for _, size := range report.Against {
		fmt.Printf("begins with the %d entries of a checkpoint given out earlier\n", size)
	}
	return nil
}

// readLines returns the lines of a file that are not empty.
func readLines(name string) ([]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

func unreadable(name string, err error) error {
	return ark.Faultf(ark.Invalid, "the file can't be read").At(name, 0, "").Do("check its name and permissions").Because(err)
}
