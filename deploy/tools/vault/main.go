// Command vault is a lean HashiCorp Vault for tests: the real core, HTTP
// interface and transit engine over storage in memory, and nothing else.
//
// It is a tool of the test run. It is never shipped: Vault's server is under
// the Business Source Licence. It listens on the address given as its one
// argument, initialises and unseals itself, and prints one line of JSON with
// its address and root token. It ends with its standard input, so that it
// can't outlive the test that started it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	log "github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/logical/transit"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: vault ADDRESS")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address string) error {
	logger := log.New(&log.LoggerOptions{Level: log.Error, Output: os.Stderr})
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:           storage,
		RedirectAddr:       url,
		DisableMlock:       true,
		Logger:             logger,
		BuiltinRegistry:    builtins{},
		LogicalBackends:    map[string]logical.Factory{"transit": transit.Factory},
		CredentialBackends: map[string]logical.Factory{"approle": approle.Factory},
		DefaultLeaseTTL:    time.Hour,
		MaxLeaseTTL:        24 * time.Hour,
	})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core, ListenerConfig: &configutil.Listener{}}), ReadHeaderTimeout: 10 * time.Second}
	one := &vault.SealConfig{SecretShares: 1, SecretThreshold: 1}
	init, err := core.Initialize(ctx, &vault.InitParams{BarrierConfig: one, RecoveryConfig: one})
	if err != nil {
		return err
	}
	if _, err = core.Unseal(init.SecretShares[0]); err != nil {
		return err
	}
	for core.Sealed() {
		time.Sleep(10 * time.Millisecond)
	}
	go func() { _ = server.Serve(listener) }()
	err = json.NewEncoder(os.Stdout).Encode(map[string]string{"address": url, "token": init.RootToken})
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until whoever started us goes away
	return server.Close()
}

// builtins is the registry of plugins that can be enabled.
type builtins struct{}

func (builtins) Contains(name string, t consts.PluginType) bool {
	_, ok := builtins{}.Get(name, t)
	return ok
}

func (builtins) Get(name string, t consts.PluginType) (func() (interface{}, error), bool) {
	var f logical.Factory
	switch {
	case name == "transit" && t == consts.PluginTypeSecrets:
		f = transit.Factory
	case name == "approle" && t == consts.PluginTypeCredential:
		f = approle.Factory
	default:
		return nil, false
	}
	return func() (interface{}, error) { return f, nil }, true
}

func (builtins) Keys(t consts.PluginType) []string {
	switch t {
	case consts.PluginTypeSecrets:
		return []string{"transit"}
	case consts.PluginTypeCredential:
		return []string{"approle"}
	}
	return nil
}

func (builtins) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, true
}

func (builtins) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
