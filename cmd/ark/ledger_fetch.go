package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/ledger"
)

type ledgerFetchCmd struct {
	Origin string `arg:"" help:"Address of the Ark, or of its log."`
	Dir    string `arg:"" help:"The folder to write, new or empty." type:"path"`
	Key    string `help:"The ledger's public key, one line per version. Without it, the Ark's own word for its key is taken for the copy, and only ark ledger verify with a key from elsewhere proves anything." type:"existingfile" placeholder:"FILE"`
}

// Run copies a published ledger, as anybody may.
func (c ledgerFetchCmd) Run(ctx context.Context) error {
	base := strings.TrimSuffix(strings.TrimSuffix(c.Origin, "/"), "/ledger/log")
	anyone := &client.Client{Origin: base, HTTP: &http.Client{Transport: identity.Transport(), Timeout: time.Minute}}
	var keys []string
	var err error
	if c.Key != "" {
		keys, err = readLines(c.Key)
	} else {
		var text []byte
		text, _, err = anyone.Page(ctx, "/ledger/key")
		keys = []string{strings.TrimSpace(string(text))}
		fmt.Fprintln(os.Stderr, "ark: the key is the Ark's own word; verify with one from elsewhere")
	}
	if err != nil {
		return err
	}
	head, err := ledger.Fetch(func(path string) ([]byte, error) {
		data, _, err := anyone.Page(ctx, "/ledger/log/"+path)
		return data, err
	}, c.Dir, keys...)
	if err != nil {
		return err
	}
	fmt.Printf("fetched %d entries; check them with: ark ledger verify --key FILE %s\n", head.Size, c.Dir)
	return nil
}
