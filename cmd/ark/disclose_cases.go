package main

import (
	"context"
	"os"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/pkg/worker"
)

type discloseCasesCmd struct {
	File []string `arg:"" help:"Files of cases, as ark airlock cases writes them."`
	JSON bool     `name:"json" help:"Print JSON (always on)."`
}

// judgedCase is a case as this program judges it.
type judgedCase struct {
	File     string               `json:"file"`
	Case     string               `json:"case"`
	Source   string               `json:"source"`
	Stopped  bool                 `json:"stopped"`
	Verdict  disclosure.Verdict   `json:"verdict"`
	Findings []disclosure.Finding `json:"findings"`
}

// Run judges what left an Ark and should not have by the rules of this program:
// status 1 when they do not stop every case.
func (c discloseCasesCmd) Run(ctx context.Context) error {
	attacker := newAttacker()
	defer attacker.Close()
	out, passed := []judgedCase{}, false
	for _, name := range c.File {
		f, err := os.Open(name)
		if err != nil {
			return ark.Faultf(ark.Unknown, "the file of cases can't be read").At(name, 0, "").Do("check the path").Because(err)
		}
		cases, err := disclosure.ReadCases(f)
		f.Close()
		if err != nil {
			return err
		}
		for _, k := range cases {
			p, err := worker.Profile(k.Profile)
			if err != nil {
				return err
			}
			v, found, err := k.Judge(ctx, p, disclosure.File{Pseudonym: pseudonym.IsPseudonym, Attacker: attacker})
			if err != nil {
				return err
			}
			if found == nil {
				found = []disclosure.Finding{}
			}
			passed = passed || v != disclosure.Fail
			out = append(out, judgedCase{name, k.Name, k.Source, v == disclosure.Fail, v, found})
		}
	}
	return printResult(out, passed)
}
