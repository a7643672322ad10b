package portal

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/portal/edge"
	"github.com/ark-tre/ark/pkg/store"
)

// Problem is the API's answer when something was refused or failed, as RFC 9457
// has it, with the parts of an ark.Fault as extensions.
type Problem struct {
	Type     string      `json:"type" doc:"urn:ark:problem: and the kind"`
	Title    string      `json:"title" doc:"The kind of problem in words"`
	Status   int         `json:"status"`
	Detail   string      `json:"detail" doc:"What happened and why"`
	Instance string      `json:"instance" doc:"urn:ark:request: and the reference of this request"`
	Kind     string      `json:"kind" enum:"internal,invalid,unknown,withheld,forbidden,conflict,lapsed,unavailable,too-much,unsigned"`
	Remedy   string      `json:"remedy,omitempty" doc:"What to do about it"`
	Policy   string      `json:"policy,omitempty" doc:"The rule that refused"`
	Where    []ark.Where `json:"where,omitempty" doc:"The places in the input"`
	StepUp   string      `json:"step_up,omitempty" doc:"The act that the second factor has to be shown for, at /step-up?for=; it serves for this act, once"`
}

var problemType = reflect.TypeFor[Problem]()

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(ct string) string {
	if ct == "application/json" {
		return "application/problem+json"
	}
	return ct
}

// problemOf makes the answer to an error. An error that is no ark.Fault says
// nothing but its reference.
func problemOf(ctx context.Context, err error) *Problem {
	kind := ark.KindOf(err)
	p := &Problem{Kind: kind.String(), Status: Status(kind), Type: "urn:ark:problem:" + kind.String(), Title: faultHead(kind),
		Detail: "Something went wrong on our side; nothing was half done.", Remedy: "Try again; if it happens again, tell the operator the reference.",
		Instance: "urn:ark:request:" + edge.Reference(ctx)}
	var f *ark.Fault
	if kind != ark.Internal && errors.As(err, &f) {
		p.Detail, p.Remedy, p.Policy = sentence(f.Says), sentence(f.Remedy), f.Policy
		if f.Where != (ark.Where{}) {
			p.Where = []ark.Where{f.Where}
		}
	}
	if errors.Is(err, store.ErrStale) {
		p.Status = http.StatusPreconditionFailed
	}
	if kind == ark.Withheld { // the same answer as for what does not exist
		p.Kind, p.Type = ark.Unknown.String(), "urn:ark:problem:"+ark.Unknown.String()
	}
	return p
}

// speakProblem makes huma's own refusals (a field of the wrong type, a body
// that is no JSON) into Problems. huma keeps that choice in a variable of its
// package, so it is set once for the process.
var speakProblem = sync.OnceFunc(func() {
	huma.NewErrorWithContext = func(hc huma.Context, status int, msg string, errs ...error) huma.StatusError {
		var ctx context.Context = context.Background()
		if hc != nil {
			ctx = hc.Context()
		}
		kind := ark.Invalid
		switch {
		case status == http.StatusRequestEntityTooLarge:
			kind = ark.TooMuch
		case status >= 500:
			kind = ark.Internal
		}
		p := problemOf(ctx, &ark.Fault{Kind: kind, Says: msg})
		p.Status = status
		for _, e := range errs {
			var d huma.ErrorDetailer
			if errors.As(e, &d) {
				// The message names what was expected; the value itself is not repeated.
				p.Where = append(p.Where, ark.Where{Field: d.ErrorDetail().Location})
				p.Detail = sentence(msg + ": " + d.ErrorDetail().Message)
			}
		}
		return p
	}
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return huma.NewErrorWithContext(nil, status, msg, errs...)
	}
})
