package portal

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// addOperations registers the whole API.
func (p *Portal) addOperations(a *API) error {
	return errors.Join(p.selfOperations(a), p.peopleOperations(a), p.dataOperations(a), p.uploadOperations(a), p.projectOperations(a), p.refreshOperations(a), p.countsOperations(a), p.workspaceOperations(a), p.airlockOperations(a), p.standingOperations(a), p.publishedOperations(a), p.inputOperations(a), p.pairOperations(a), p.openOperations(a), p.listOperations(a))
}

// GET and POST are short for the methods of an Op.
const (
	get  = "GET"
	post = "POST"
	put  = "PUT"
)

// read runs fn on one state of the metadata and wraps what it found.
func read[T any](c *Call, fn func(ctx context.Context, q store.Querier) (T, error)) (*Body[T], error) {
	var out T
	err := c.view(func(q store.Querier) error {
		var err error
		out, err = fn(c.Ctx(), q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Body[T]{out}, nil
}

// Paged is the input of a list. Lists are in the order things were made.
type Paged struct {
	After string `query:"after" maxLength:"80" doc:"The cursor of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// PagedOne is Paged under one thing.
type PagedOne struct {
	One
	Paged
}

// page cuts one page out of a list. Ids grow, so their order is that in which
// things were made, whatever order the pages of the portal show them in.
func page[T any](all []T, id func(T) string, in Paged) *Body[List[T]] {
	out := List[T]{Items: []T{}}
	all = slices.SortedFunc(slices.Values(all), func(x, y T) int { return strings.Compare(id(x), id(y)) })
	limit := in.Limit
	if limit == 0 {
		limit = 100
	}
	for _, x := range all {
		if id(x) <= in.After {
			continue
		}
		if len(out.Items) == limit {
			out.Next = id(out.Items[limit-1])
			break
		}
		out.Items = append(out.Items, x)
	}
	return &Body[List[T]]{out}
}

// Me is who the caller is, and what waits for them.
type Me struct {
	User    string     `json:"user"`
	Name    string     `json:"name"`
	Org     string     `json:"org"`
	Roles   []ark.Role `json:"roles"`
	Waiting []Todo     `json:"waiting"`
}

// Todo is one thing that waits for the caller.
type Todo struct {
	What string `json:"what"`
	Why  string `json:"why"`
	Page string `json:"page"`
}

func (p *Portal) selfOperations(a *API) error {
	return operation(a, Op{Method: get, Path: "/me", Action: "self.read", On: "Ark", Tag: "You", Summary: "Who you are and what waits for you"}, func(c *Call, _ *None) (*Body[Me], error) {
		m := Me{User: c.Viewer.User, Name: c.Viewer.Name, Org: c.Viewer.Org, Roles: c.Viewer.Roles, Waiting: []Todo{}}
		for _, r := range c.Viewer.Roles {
			c.Viewer.Role, c.todos = r, nil
			for _, t := range p.waiting(c) {
				m.Waiting = append(m.Waiting, Todo{What: t.Text, Why: t.What, Page: t.Href})
			}
		}
		return &Body[Me]{m}, nil
	})
}

// userIn is the input of adding an account.
type userIn struct {
	Body struct {
		Name          string     `json:"name"`
		Email         string     `json:"email"`
		Org           string     `json:"org"`
		Roles         []ark.Role `json:"roles"`
		Issuer        string     `json:"issuer" doc:"The address of the OpenID Connect provider"`
		Subject       string     `json:"subject" doc:"The stable name by which the provider knows the account"`
		Human         string     `json:"human,omitempty" doc:"Of the human being whose second account it is; left out for a new one"`
		Accreditation string     `json:"accreditation,omitempty"`
		TrainingUntil time.Time  `json:"training_until,omitzero"`
		TermsUntil    time.Time  `json:"terms_until,omitzero"`
	}
}

type orgIn struct{ Body governance.Organisation }

type trainingIn struct {
	One
	Body struct {
		Training time.Time `json:"training,omitzero" doc:"Until when it holds"`
		Terms    time.Time `json:"terms,omitzero"`
	}
}

type suspendedIn struct {
	One
	Body struct {
		Suspended bool `json:"suspended"`
	}
}

type delegationIn struct {
	One
	Body struct {
		Committee string    `json:"committee" doc:"The organisation whose custodians decide"`
		Scope     string    `json:"scope" minLength:"1" maxLength:"2000"`
		Until     time.Time `json:"until"`
	}
}

type revokeIn struct {
	One
	Delegation string `path:"delegation" maxLength:"80"`
}

type rolesIn struct {
	One
	Body struct {
		Roles []ark.Role `json:"roles"`
	}
}

func (p *Portal) peopleOperations(a *API) error {
	g := p.cfg.Rooms.Governance
	return errors.Join(
		operation(a, Op{Method: get, Path: "/organisations", Action: "self.read", On: "Ark", Tag: "People", Summary: "Organisations"}, func(c *Call, in *Paged) (*Body[List[governance.Organisation]], error) {
			all, err := read(c, governance.Organisations)
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(o governance.Organisation) string { return o.ID }, *in), nil
		}),
		operation(a, Op{Method: post, Path: "/organisations", Action: "organisation.manage", On: "Ark", Tag: "People", Summary: "Add or change an organisation"}, func(c *Call, in *orgIn) (*Body[*governance.Organisation], error) {
			o, err := g.AddOrganisation(c.Ctx(), c.Actor, in.Body)
			return &Body[*governance.Organisation]{o}, err
		}),
		operation(a, Op{Method: get, Path: "/users", Action: "user.manage", On: "Ark", Tag: "People", Summary: "Accounts"}, func(c *Call, in *Paged) (*Body[List[governance.User]], error) {
			all, err := read(c, governance.Users)
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(u governance.User) string { return u.ID }, *in), nil
		}),
		operation(a, Op{Method: post, Path: "/users", Action: "user.manage", On: "Ark", Tag: "People", Summary: "Add or change an account"}, func(c *Call, in *userIn) (*Body[*governance.User], error) {
			b := in.Body
			u, err := g.AddUser(c.Ctx(), c.Actor, governance.User{Name: b.Name, Email: b.Email, Org: b.Org, Roles: b.Roles, Issuer: b.Issuer, Subject: b.Subject,
				Human: b.Human, Accreditation: b.Accreditation, TrainingUntil: b.TrainingUntil, TermsUntil: b.TermsUntil})
			return &Body[*governance.User]{u}, err
		}),
		operation(a, Op{Method: put, Path: "/users/{id}/roles", Action: "user.manage", On: "Ark", Tag: "People", Summary: "Set the roles of an account"}, func(c *Call, in *rolesIn) (*struct{}, error) {
			return nil, g.SetRoles(c.Ctx(), c.Actor, in.ID, in.Body.Roles)
		}),
		operation(a, Op{Method: put, Path: "/users/{id}/training", Action: "user.manage", On: "Ark", Tag: "People", Summary: "Record until when training and terms hold"}, func(c *Call, in *trainingIn) (*struct{}, error) {
			return nil, g.RecordTraining(c.Ctx(), c.Actor, in.ID, in.Body.Training, in.Body.Terms)
		}),
		operation(a, Op{Method: put, Path: "/users/{id}/suspended", Action: "user.manage", On: "Ark", Tag: "People", Summary: "Suspend or restore an account"}, func(c *Call, in *suspendedIn) (*struct{}, error) {
			return nil, g.Suspend(c.Ctx(), c.Actor, in.ID, in.Body.Suspended)
		}),
		operation(a, Op{Method: get, Path: "/organisations/{id}/delegations", Action: "delegation.manage", On: "Organisation", Tag: "People", Summary: "Delegations of your organisation"}, func(c *Call, in *PagedOne) (*Body[List[governance.Delegation]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]governance.Delegation, error) {
				return governance.DelegationsOf(ctx, q, in.ID)
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(d governance.Delegation) string { return d.ID }, in.Paged), nil
		}),
		operation(a, Op{Method: post, Path: "/organisations/{id}/delegations", Action: "delegation.manage", On: "Organisation", Tag: "People", Summary: "Let a committee decide for your organisation"}, func(c *Call, in *delegationIn) (*Body[*governance.Delegation], error) {
			d, err := g.Delegate(c.Ctx(), c.Actor, in.ID, in.Body.Committee, in.Body.Scope, in.Body.Until)
			return &Body[*governance.Delegation]{d}, err
		}),
		operation(a, Op{Method: post, Path: "/organisations/{id}/delegations/{delegation}/revoke", Action: "delegation.manage", On: "Organisation", Tag: "People", Summary: "Take a delegation back"}, func(c *Call, in *revokeIn) (*struct{}, error) {
			return nil, g.RevokeDelegation(c.Ctx(), c.Actor, in.ID, in.Delegation)
		}),
		operation(a, Op{Method: get, Path: "/jobs", Action: "system.read", On: "Ark", Tag: "System", Summary: "Jobs, without what they carry"}, func(c *Call, in *Paged) (*Body[List[JobOut]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]store.Job, error) { return store.Jobs(ctx, q, "") })
			if err != nil {
				return nil, err
			}
			out := make([]JobOut, len(all.Body))
			for i, j := range all.Body {
				out[i] = JobOut{ID: j.ID, Kind: j.Kind, Role: j.Role, Subject: j.Subject, State: string(j.State), Step: j.Step, Attempts: j.Attempts, Says: j.Says, Created: j.Created, Updated: j.Updated}
			}
			return page(out, func(j JobOut) string { return j.ID }, *in), nil
		}),
		operation(a, Op{Method: post, Path: "/jobs/{id}/retry", Action: "job.retry", On: "Ark", Tag: "System", Summary: "Start a failed job again"}, func(c *Call, in *One) (*struct{}, error) {
			return nil, p.retry(c, in.ID)
		}),
	)
}

// JobOut is a job as operators may know it: what it carries stays inside.
type JobOut struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Role     string    `json:"role"`
	Subject  string    `json:"subject"`
	State    string    `json:"state"`
	Step     int       `json:"step"`
	Attempts int       `json:"attempts"`
	Says     string    `json:"says,omitempty"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
}

// datasetIn is the input of offering a dataset.
type datasetIn struct {
	Body struct {
		Definition string `json:"definition" maxLength:"1000000" doc:"YAML"`
	}
}

type sourceIn struct {
	Body struct {
		Slug     string `json:"slug" minLength:"1" maxLength:"63"`
		Org      string `json:"org" doc:"Identifier of its organisation"`
		Title    string `json:"title,omitempty" maxLength:"300"`
		Contract string `json:"contract" maxLength:"1000000" doc:"YAML"`
	}
}

type recallIn struct {
	One
	Body struct {
		Reason string `json:"reason" enum:"court-order,misdelivery,wrong-link,wrong-data,consent-withdrawn"`
		Days   int    `json:"days" minimum:"1" maximum:"90" doc:"Within which frozen extracts have to be cut anew"`
	}
}

type rotateIn struct {
	Body struct {
		Reason string `json:"reason" enum:"scheduled,exposed,left"`
	}
}

type withdrawIn struct {
	One
	Version string `path:"version" maxLength:"80"`
	Body    struct {
		Reason string `json:"reason" enum:"court-order,misdelivery,wrong-link,wrong-data,consent-withdrawn"`
		Days   int    `json:"days" minimum:"1" maximum:"90" doc:"Within which frozen extracts have to be cut anew; after that they are destroyed"`
	}
}

type feasibilityIn struct {
	One
	Body struct {
		Filters map[string]string `json:"filters" doc:"Table to filter; one on person bounds every table"`
	}
}

type questionIn struct {
	One
	Question string `path:"question" maxLength:"80"`
}

func (p *Portal) dataOperations(a *API) error {
	k := p.cfg.Rooms.Catalogue
	return errors.Join(
		operation(a, Op{Method: get, Path: "/sources", Action: "self.read", On: "Ark", Tag: "Data", Summary: "Sources you may see"}, func(c *Call, in *Paged) (*Body[List[catalogue.Source]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]catalogue.Source, error) {
				ss, err := catalogue.Sources(ctx, q)
				var out []catalogue.Source
				for _, s := range ss {
					if p.cfg.Store.CheckIn(ctx, q, c.Actor, "source.read", store.Resource{Type: "Source", ID: s.ID}) == nil {
						out = append(out, s)
					}
				}
				return out, err
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(s catalogue.Source) string { return s.ID }, *in), nil
		}),
		operation(a, Op{Method: post, Path: "/sources", Action: "source.register", On: "Ark", Tag: "Data", Summary: "Register a source or change its contract", Body: 2 << 20}, func(c *Call, in *sourceIn) (*Body[*catalogue.Source], error) {
			s, err := k.RegisterSource(c.Ctx(), c.Actor, catalogue.Source{Slug: in.Body.Slug, Org: in.Body.Org, Title: in.Body.Title, Contract: in.Body.Contract})
			return &Body[*catalogue.Source]{s}, err
		}),
		operation(a, Op{Method: get, Path: "/sources/{id}/deliveries", Action: "delivery.read", On: "Source", Tag: "Data", Summary: "Deliveries of a source"}, func(c *Call, in *PagedOne) (*Body[List[catalogue.Delivery]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]catalogue.Delivery, error) {
				return catalogue.Deliveries(ctx, q, in.ID)
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(d catalogue.Delivery) string { return d.ID }, in.Paged), nil
		}),
		operation(a, Op{Method: post, Path: "/sources/{id}/deliveries", Action: "delivery.receive", On: "Source", Tag: "Data", Summary: "Deliver files with their manifest.json, as multipart/form-data", Body: uploadBytes, Stream: true}, func(c *Call, in *One) (*Body[*catalogue.Delivery], error) {
			d, err := p.receive(c)
			return &Body[*catalogue.Delivery]{d}, err
		}),
		operation(a, Op{Method: post, Path: "/deliveries/{id}/recall", Action: "delivery.recall", On: "Delivery", Tag: "Data", Summary: "Take a delivery back: versions that hold it are withdrawn, extracts frozen and cut anew"}, func(c *Call, in *recallIn) (*Body[*catalogue.Recall], error) {
			rec, err := k.RecallDelivery(c.Ctx(), c.Actor, in.ID, in.Body.Reason, in.Body.Days)
			return &Body[*catalogue.Recall]{rec}, err
		}),
		operation(a, Op{Method: get, Path: "/linkages", Action: "linkage.read", On: "Ark", Tag: "Data", Summary: "Linkage runs"}, func(c *Call, in *Paged) (*Body[List[catalogue.Linkage]], error) {
			all, err := read(c, catalogue.Linkages)
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(l catalogue.Linkage) string { return l.ID }, *in), nil
		}),
		operation(a, Op{Method: post, Path: "/linkages", Action: "linkage.run", On: "Ark", Tag: "Data", Summary: "Link all accepted deliveries"}, func(c *Call, _ *None) (*Body[*catalogue.Linkage], error) {
			l, err := k.RunLinkage(c.Ctx(), c.Actor)
			return &Body[*catalogue.Linkage]{l}, err
		}),
		operation(a, Op{Method: get, Path: "/name-keys", Action: "linkage.read", On: "Ark", Tag: "Data", Summary: "Versions of the key that names people, but for the first"}, func(c *Call, in *Paged) (*Body[List[catalogue.NameKey]], error) {
			all, err := read(c, catalogue.NameKeys)
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(k catalogue.NameKey) string { return strconv.Itoa(k.Number) }, *in), nil
		}),
		operation(a, Op{Method: post, Path: "/name-keys", Action: "names.rotate", On: "Ark", Tag: "Data", Summary: "Change the key that names people: versions built from then on are named under the new one"}, func(c *Call, in *rotateIn) (*Body[*catalogue.NameKey], error) {
			n, err := k.RotateNames(c.Ctx(), c.Actor, in.Body.Reason)
			return &Body[*catalogue.NameKey]{n}, err
		}),
		operation(a, Op{Method: get, Path: "/datasets", Action: "self.read", On: "Ark", Tag: "Data", Summary: "The catalogue"}, func(c *Call, in *Paged) (*Body[List[catalogue.Dataset]], error) {
			all, err := read(c, catalogue.Datasets)
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(d catalogue.Dataset) string { return d.ID }, *in), nil
		}),
		operation(a, Op{Method: post, Path: "/datasets", Action: "dataset.offer", On: "Ark", Tag: "Data", Summary: "Offer a dataset or change its definition", Body: 2 << 20}, func(c *Call, in *datasetIn) (*Body[*catalogue.Dataset], error) {
			d, err := catalogue.ParseDataset([]byte(in.Body.Definition))
			if err != nil {
				return nil, err
			}
			d, err = k.OfferDataset(c.Ctx(), c.Actor, *d)
			return &Body[*catalogue.Dataset]{d}, err
		}),
		operation(a, Op{Method: get, Path: "/datasets/{id}", Action: "dataset.read", On: "Dataset", Tag: "Data", Summary: "A dataset with its dictionary"}, func(c *Call, in *One) (*Body[*catalogue.Dataset], error) {
			return read(c, func(ctx context.Context, q store.Querier) (*catalogue.Dataset, error) {
				return catalogue.GetDataset(ctx, q, in.ID)
			})
		}),
		operation(a, Op{Method: get, Path: "/datasets/{id}/versions", Action: "dataset.read", On: "Dataset", Tag: "Data", Summary: "Versions of a dataset"}, func(c *Call, in *PagedOne) (*Body[List[VersionOut]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]VersionOut, error) {
				vs, err := catalogue.Versions(ctx, q, in.ID)
				return publicVersions(vs), err
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(v VersionOut) string { return v.ID }, in.Paged), nil
		}),
		operation(a, Op{Method: post, Path: "/datasets/{id}/versions", Action: "version.publish", On: "Dataset", Tag: "Data", Summary: "Publish the next version"}, func(c *Call, in *One) (*Body[VersionOut], error) {
			v, err := k.Publish(c.Ctx(), c.Actor, in.ID)
			if err != nil {
				return nil, err
			}
			return &Body[VersionOut]{publicVersions([]catalogue.Version{*v})[0]}, nil
		}),
		operation(a, Op{Method: get, Path: "/datasets/{id}/released", Action: "dataset.exposure", On: "Dataset", Tag: "Data", Summary: "How much the releases of a dataset tell together"}, func(c *Call, in *One) (*Body[*exposureSays], error) {
			return read(c, func(ctx context.Context, q store.Querier) (*exposureSays, error) {
				d, s, _, err := exposureOf(ctx, q, in.ID)
				if err != nil {
					return nil, err
				}
				return &exposureSays{d.ID, s}, nil
			})
		}),
		operation(a, Op{Method: post, Path: "/datasets/{id}/versions/{version}/withdraw", Action: "version.withdraw", On: "Dataset", Tag: "Data", Summary: "Take a version back: extracts of it are frozen, cut anew from a later one, and destroyed"}, func(c *Call, in *withdrawIn) (*Body[*catalogue.Recall], error) {
			rec, err := k.WithdrawVersion(c.Ctx(), c.Actor, in.ID, in.Version, in.Body.Reason, in.Body.Days)
			return &Body[*catalogue.Recall]{rec}, err
		}),
		operation(a, Op{Method: post, Path: "/datasets/{id}/feasibility", Action: "feasibility.ask", On: "Dataset", Tag: "Data", Summary: "Ask how many people a filter would reach; rounded and recorded"}, func(c *Call, in *feasibilityIn) (*Body[*catalogue.Feasibility], error) {
			f, err := k.AskFeasibility(c.Ctx(), c.Actor, in.ID, in.Body.Filters)
			return &Body[*catalogue.Feasibility]{f}, err
		}),
		operation(a, Op{Method: get, Path: "/datasets/{id}/feasibility/{question}", Action: "feasibility.ask", On: "Dataset", Tag: "Data", Summary: "The answer to your feasibility question"}, func(c *Call, in *questionIn) (*Body[*catalogue.Feasibility], error) {
			out, err := read(c, func(ctx context.Context, q store.Querier) (*catalogue.Feasibility, error) {
				return catalogue.GetFeasibility(ctx, q, in.Question)
			})
			if err == nil && (out.Body.User != c.Actor.User || out.Body.Dataset != in.ID) {
				return nil, ark.Faultf(ark.Withheld, "there is no such feasibility question")
			}
			return out, err
		}),
	)
}

// VersionOut is a version as everyone may know it: no object, no exact count.
type VersionOut struct {
	ID        string                      `json:"id"`
	Dataset   string                      `json:"dataset"`
	Number    int                         `json:"number"`
	Edition   string                      `json:"edition" doc:"Its first part rises when what was made for the version before need not fit it; a permit names the one it was given for"`
	State     string                      `json:"state"`
	Started   string                      `json:"started"`
	Published string                      `json:"published,omitempty"`
	Says      string                      `json:"says,omitempty"`
	People    string                      `json:"people,omitempty" doc:"Rounded"`
	Rows      map[string]string           `json:"rows,omitempty" doc:"Table to rounded rows"`
	Hash      string                      `json:"hash,omitempty" doc:"SHA-256 of the signed manifest"`
	Synthetic map[string]string           `json:"synthetic,omitempty" doc:"Table to the address of its synthetic CSV"`
	Quality   []catalogue.VariableQuality `json:"quality,omitempty"`
}

func publicVersions(vs []catalogue.Version) []VersionOut {
	const layout = "2006-01-02T15:04:05.000000Z07:00"
	out := make([]VersionOut, 0, len(vs))
	for _, v := range vs {
		o := VersionOut{ID: v.ID, Dataset: v.Dataset, Number: v.Number, Edition: v.Edition(), State: v.State, Started: v.Started.UTC().Format(layout), Says: v.Says, People: v.People, Hash: v.Hash, Quality: v.Quality, Rows: map[string]string{}, Synthetic: map[string]string{}}
		if !v.Published.IsZero() {
			o.Published = v.Published.UTC().Format(layout)
		}
		for _, t := range v.Tables {
			o.Rows[t.Name] = t.RowText
		}
		for t := range v.Synthetic {
			o.Synthetic[t] = "/catalogue/" + v.Dataset + "/synthetic/" + t + ".csv"
		}
		out = append(out, o)
	}
	return out
}

func atoi(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
