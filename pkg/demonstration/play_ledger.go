package demonstration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/instance"
	"github.com/ark-tre/ark/pkg/ledger"
	"net/http"
)

// public is somebody who is not signed in.
func (p *play) public() *client.Client {
	return &client.Client{Origin: p.u.config.Origin, HTTP: &http.Client{Transport: p.transport(), Timeout: time.Minute}}
}

// verify reads the register as the public and verifies the ledger offline,
// from what the Ark publishes and the key alone.
func (p *play) verify(ctx context.Context) error {
	anyone := p.public()
	for path, parts := range map[string][]string{
		"/":                      {"DEMONSTRATION"},
		"/register":              {"Alcohol in emergency departments"},
		"/register/" + p.project: {"Alcohol in emergency departments", "University of Northfield"},
		"/ledger":                {"DEMONSTRATION"},
		"/safe":                  {"DEMONSTRATION"},
		"/latency":               {"DEMONSTRATION"},
	} {
		text, _, err := anyone.Page(ctx, path)
		if err != nil {
			return err
		}
		if err := must(contains(string(text), parts...), "the page %s lacks one of %v", path, parts); err != nil {
			return err
		}
		if err := must(!strings.Contains(string(text), canary), "unreviewed text of an author is on the public page %s", path); err != nil {
			return err
		}
	}
	if err := refused(anyone.Get(ctx, "/projects/"+p.project, nil), "reading a project without signing in", ark.Unsigned); err != nil {
		return err
	}
	return p.verifyLedger(ctx, anyone)
}

func (p *play) verifyLedger(ctx context.Context, anyone *client.Client) error {
	key, err := p.ledgerKey(ctx)
	if err != nil {
		return err
	}
	dir := filepath.Join(p.tmp, "ledger")
	get := func(path string) ([]byte, error) {
		data, _, err := anyone.Page(ctx, "/ledger/log/"+path)
		return data, err
	}
	if _, err := ledger.Fetch(get, dir, key); err != nil {
		return err
	}
	var permit governance.Permit
	if err := p.as(ctx, "amina").Get(ctx, "/projects/"+p.project+"/permit", &permit); err != nil {
		return err
	}
	report, err := ledger.Verify(os.DirFS(dir), []string{key}, []byte(permit.Checkpoint))
	if err != nil {
		return err
	}
	if err := must(report.OK() && report.Size > 50, "the ledger does not verify: %v", report.Findings); err != nil {
		return err
	}
	p.Say("    ledger: %d entries verified offline; it begins with the %v entries of the permit's checkpoint", report.Size, report.Against)
	return p.tamper(dir, key)
}

// ledgerKey reads the public key from the Ark's own folder: another way than
// the one the log comes by.
func (p *play) ledgerKey(ctx context.Context) (string, error) {
	ctl, err := instance.OpenRole(ctx, p.u.config, "control")
	if err != nil {
		return "", err
	}
	return ctl.LedgerKey(ctx)
}

// tamper flips one bit of one entry bundle: verification has to see it.
func (p *play) tamper(dir, key string) error {
	var bundle string
	err := filepath.WalkDir(filepath.Join(dir, "tile", "entries"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			bundle = path
		}
		return err
	})
	if err != nil || bundle == "" {
		return fmt.Errorf("the ledger has no entry bundle: %w", err)
	}
	data, err := os.ReadFile(bundle)
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(bundle, data, 0o644); err != nil {
		return err
	}
	report, err := ledger.Verify(os.DirFS(dir), []string{key})
	if err != nil {
		return err
	}
	return must(!report.OK(), "a flipped bit in the ledger was not found")
}

// latency prints the time of each stage, as the Ark publishes it.
func (p *play) latency(ctx context.Context) error {
	var stages list[struct {
		Stage   string    `json:"stage"`
		Who     string    `json:"who"`
		Seconds []float64 `json:"seconds"`
	}]
	if err := p.public().Get(ctx, "/latency", &stages); err != nil {
		return err
	}
	if err := must(len(stages.Items) >= 4, "the latency has only %d stages", len(stages.Items)); err != nil {
		return err
	}
	for _, s := range stages.Items {
		longest := 0.0
		for _, x := range s.Seconds {
			longest = max(longest, x)
		}
		p.Say("    %-45s %3d times, longest %8.2f s  (%s)", s.Stage, len(s.Seconds), longest, s.Who)
	}
	p.Say("    this run, from its first step to here: %.1f s", time.Since(p.began).Seconds())
	return nil
}
