package worker

import (
	"context"
	"encoding/json"

	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/workspace/enclave"
)

// Keys that workers use, beside those of publishing and cutting.
const (
	LandingKey     = keys.Name("landing/deliveries")
	IdentifiersKey = keys.Name("identifiers/data")
	PayloadKey     = keys.Name("payload/data")
	IndexKey       = keys.Name("index/data")
	OutputsKey     = keys.Name("outputs/data")
	RecordsKey     = keys.Name("records/keys")
	PersonsKey     = keys.Name("persons/ids")
	ReleaseKey     = keys.Name("release/bundles")
	ListsKey       = keys.Name("lists/people")
)

// Bench is what a worker works with.
type Bench struct {
	Objects *objects.Store
	Keys    keys.Keyring
	Engine  engine.Runner
	Inspect inspect.Inspector
	Known   *KnownSets // nil: made anew for every request
	Tmp     string     // a folder of this role's own
	Check   Check      // of national opt-outs
	Enclave *enclave.Client
	Limits  enclave.Limits // of each workspace
	Trial   bool
}

// Roles are the workers' roles and the kinds of job that each does.
func (b Bench) Roles() map[string]map[string][]work.Step {
	return map[string]map[string][]work.Step{
		"intake":  {"intake": b.intakeSteps()},
		"linkage": {"link": b.linkSteps(), "identify": b.identifySteps()},
		"publish": {"publish": b.publishSteps(), "synthesize": b.synthesisSteps(), "feasibility": b.feasibilitySteps(), "assess": b.assessSteps(), "cut": b.cutSteps(), "end-extract": b.endSteps(), "trace": b.traceSteps(), "rotate-names": b.rotateSteps(), "certify-version": b.certifySteps()},
		"enclave": {"start-workspace": b.startSteps()},
		"airlock": {"check": b.checkSteps(), "release": b.releaseSteps(), "make": b.makeSteps(), "check-input": b.bringSteps(), "sample": b.sampleSteps(), "type-published": b.publishedSteps()},
	}
}

// step makes a Step of a function with typed input.
func step[In, Carry any](name string, do func(ctx context.Context, in In, carry Carry) (any, error)) work.Step {
	return work.Step{Name: name, Do: func(ctx context.Context, rawIn, rawCarry json.RawMessage) (any, error) {
		var in In
		if err := json.Unmarshal(rawIn, &in); err != nil {
			return nil, err
		}
		var carry Carry
		if len(rawCarry) > 0 {
			if err := json.Unmarshal(rawCarry, &carry); err != nil {
				return nil, err
			}
		}
		return do(ctx, in, carry)
	}}
}

// none is the carry of a first step.
type none = json.RawMessage
