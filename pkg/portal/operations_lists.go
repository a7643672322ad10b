package portal

import (
	"bytes"
	"errors"

	"github.com/ark-tre/ark/pkg/ark"
)

// listBytes is the largest list of NHS numbers: every person of a nation.
const listBytes = 1 << 30

type listIn struct {
	Kind    string `path:"kind" enum:"objections,optouts,checked"`
	RawBody []byte `contentType:"application/octet-stream"`
}

// listOperations receive lists of people who objected or opted out, and lead
// to what the catalogue offers beside: code lists, versions, traces.
func (p *Portal) listOperations(a *API) error {
	return errors.Join(p.traceOperations(a), p.codeListOperations(a), p.versionOperations(a), operation(a, Op{Method: post, Path: "/lists/{kind}", Action: "linkage.run", On: "Ark", Tag: "Data", Summary: "Receive a list of NHS numbers, one a line, in the format of the national check", Body: listBytes},
		func(c *Call, in *listIn) (*struct{}, error) {
			if len(in.RawBody) == 0 {
				return nil, ark.Faultf(ark.Invalid, "the list is empty").Do("send one NHS number a line")
			}
			ref, err := p.cfg.Rooms.Objects.LandList(c.Ctx(), in.Kind, bytes.NewReader(in.RawBody))
			if err != nil {
				return nil, err
			}
			return nil, p.cfg.Rooms.Catalogue.ReceiveList(c.Ctx(), c.Actor, in.Kind, ref)
		}))
}
