package portal

import (
	"context"
	"errors"
	"time"

	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/store"
)

// PairLine is a pair of records that waits for an answer. It does not tell whose
// they are, nor whether somebody answered.
type PairLine struct {
	ID     string    `json:"id"`
	Number int       `json:"number"`
	Asked  time.Time `json:"asked"`
}

// PairOut is what a reviewer is shown of a pair.
type PairOut struct {
	ID     string                `json:"id"`
	Number int                   `json:"number"`
	Prior  float64               `json:"prior" doc:"Bits of two records drawn blindly"`
	Fields []linkage.ReviewField `json:"fields" doc:"The waterfall, field by field, with what the two say where they differ"`
	Rarity float64               `json:"rarity" doc:"Bits that rare values add, and that rules take away which keep people apart"`
}

type pairAnswerIn struct {
	One
	Body struct {
		Answer string `json:"answer" enum:"same,different,unclear"`
	}
}

// pairOperations are clerical review without the pages.
func (p *Portal) pairOperations(a *API) error {
	return errors.Join(
		operation(a, Op{Method: get, Path: "/pairs", Action: "self.read", On: "Ark", Tag: "Data", Summary: "Pairs of records that wait for your answer, oldest first"}, func(c *Call, in *Paged) (*Body[List[PairLine]], error) {
			all, err := read(c, func(_ context.Context, q store.Querier) ([]PairLine, error) {
				open, err := p.openPairs(c, q)
				var out []PairLine
				for _, x := range open {
					out = append(out, PairLine{x.ID, x.Number, x.Asked})
				}
				return out, err
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(x PairLine) string { return x.ID }, *in), nil
		}),
		operation(a, Op{Method: get, Path: "/pairs/{id}", Action: "pair.decide", On: "Pair", Tag: "Data", Record: true, Summary: "What the two records of a pair say, and how the weight comes about; the look is recorded"}, func(c *Call, _ *One) (*Body[*PairOut], error) {
			x, seen, err := p.readPair(c)
			if err != nil {
				return nil, err
			}
			return &Body[*PairOut]{&PairOut{ID: x.ID, Number: x.Number, Prior: seen.Prior, Fields: seen.Fields, Rarity: seen.Rarity}}, nil
		}),
		operation(a, Op{Method: post, Path: "/pairs/{id}/answer", Action: "pair.decide", On: "Pair", Tag: "Data", Summary: "Say whether two records are of one person"}, func(c *Call, in *pairAnswerIn) (*struct{}, error) {
			return nil, p.cfg.Rooms.Catalogue.AnswerPair(c.Ctx(), c.Actor, in.ID, in.Body.Answer)
		}),
	)
}
