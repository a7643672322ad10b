package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
)

type linkageCmd struct {
	Run linkageRunCmd `cmd:"" help:"Link all accepted deliveries into persons."`
}

type linkageRunCmd struct {
	online
	waiting
}

// Run starts a linkage and waits for its report.
func (c linkageRunCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var l catalogue.Linkage
	if err := k.Post(ctx, "/linkages", nil, &l); err != nil {
		return err
	}
	l, err = until(ctx, k, c.Wait, "the linkage", "/linkages", func(x catalogue.Linkage) bool {
		return x.ID == l.ID && (x.State == "done" || x.State == "failed")
	})
	if err != nil {
		return err
	}
	if l.State == "failed" {
		return ark.Faultf(ark.Conflict, "the linkage failed: %s", l.Says)
	}
	var r struct {
		Records, Identities, Persons int
		Tiers                        map[string]int `json:"records_by_tier"`
	}
	if err := json.Unmarshal(l.Report, &r); err != nil {
		return fmt.Errorf("read the linkage's report: %w", err)
	}
	return c.print(l, "linkage %d: %d records of %d identities are %d persons (%s)", l.Number, r.Records, r.Identities, r.Persons, numbers(r.Tiers))
}

// numbers is a map of counts as one text, in the order of its keys.
func numbers(m map[string]int) string {
	var out []string
	for k, n := range m {
		out = append(out, fmt.Sprintf("%s %d", k, n))
	}
	sort.Strings(out)
	return strings.Join(out, ", ")
}
