package demonstration

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/identity/issuer"
	"github.com/ark-tre/ark/pkg/identity/signin"
	"github.com/ark-tre/ark/pkg/instance"
)

// longest is how long one job of the demonstration may take.
const longest = 10 * time.Minute

// Users signs the demonstration's users in, as their browsers would.
type Users struct {
	config   instance.Config
	walker   *signin.Walker
	options  Options
	outside  bool // they sign in at a provider that is not Ark's
	accounts map[string]issuer.Account
	clients  map[string]*client.Client
}

// NewUsers reads the demonstration's sign-ins from the Ark's own folder.
func NewUsers(ctx context.Context, c instance.Config, o Options) (*Users, error) {
	if !c.Demonstration {
		return nil, ark.Faultf(ark.Forbidden, "that Ark is no demonstration")
	}
	if c.Identity.Issuer != "" {
		return &Users{config: c, options: o, outside: true, clients: map[string]*client.Client{}}, nil
	}
	dir, err := issuer.OpenFileDirectory(c.Path("identity", "accounts.json"))
	if err != nil {
		return nil, err
	}
	u := &Users{config: c, options: o, walker: &signin.Walker{Transport: o.transport()}, accounts: map[string]issuer.Account{}, clients: map[string]*client.Client{}}
	for _, a := range dir.Accounts(ctx) {
		u.accounts[a.UserName] = a
	}
	return u, nil
}

// As returns a signed-in user; the first use signs them in with both factors.
func (u *Users) As(ctx context.Context, name string) (*client.Client, error) {
	if c, ok := u.clients[name]; ok {
		return c, nil
	}
	var h *http.Client
	err := u.options.again(ctx, func(ctx context.Context) (err error) { // a sign-in that broke off is begun anew
		h, err = u.signIn(ctx, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sign in %s: %w", name, err)
	}
	c := &client.Client{Origin: u.config.Origin, HTTP: h}
	u.clients[name] = c
	return c, nil
}

func (u *Users) signIn(ctx context.Context, name string) (*http.Client, error) {
	if u.outside {
		return outsideSignIn(ctx, u.config.Origin, name)
	}
	return u.walker.SignIn(ctx, u.config.Origin, u.credentials(name))
}

func (u *Users) credentials(name string) signin.Credentials {
	return signin.Credentials{UserName: name, Password: instance.DemoPassword, TOTPSecret: identity.Secret(u.accounts[name].TOTPSecret)}
}

// StepUp shows a user's second factor afresh, for one act.
func (u *Users) StepUp(ctx context.Context, name, act string) error {
	path := "/step-up?" + url.Values{"for": {act}, "to": {"/home"}}.Encode()
	c, err := u.As(ctx, name)
	if err != nil {
		return err
	}
	if u.outside {
		return outsideAgain(ctx, c.HTTP, u.config.Origin, path, name)
	}
	return u.options.again(ctx, func(ctx context.Context) error {
		return u.walker.Again(ctx, c.HTTP, u.config.Origin, path, u.credentials(name))
	})
}

// list is a page of the API's lists.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// all reads every page of a list.
func all[T any](ctx context.Context, c *client.Client, path string) ([]T, error) {
	var out []T
	for after := ""; ; {
		var l list[T]
		if err := c.Get(ctx, path+"?limit=500&after="+after, &l); err != nil {
			return nil, err
		}
		out = append(out, l.Items...)
		if after = l.Next; after == "" {
			return out, nil
		}
	}
}

// Load fills a running demonstration as its data engineer: sources and their
// deliveries, the lists of those who objected, a linkage, and every dataset's
// first version. What is there already is left alone.
func Load(ctx context.Context, o Options, u *Users) error {
	erin, err := u.As(ctx, "erin")
	if err != nil {
		return err
	}
	if err := o.deliver(ctx, erin); err != nil {
		return err
	}
	if err := o.link(ctx, erin); err != nil {
		return err
	}
	return o.publish(ctx, erin)
}

// deliver registers every source and sends every delivery, oldest first.
func (o Options) deliver(ctx context.Context, erin *client.Client) error {
	orgs, err := all[governance.Organisation](ctx, erin, "/organisations")
	if err != nil {
		return err
	}
	org := map[string]string{}
	for _, x := range orgs {
		org[x.Slug] = x.ID
	}
	var sent []catalogue.Delivery
	for _, dir := range o.feeds() {
		var feeds []feed
		if err := readJSON(filepath.Join(dir, "sources.json"), &feeds); err != nil {
			return err
		}
		o.Say("delivering the feeds of %d sources", len(feeds))
		for _, f := range feeds {
			ds, err := o.deliverFeed(ctx, erin, org[f.Organisation], dir, f)
			if err != nil {
				return fmt.Errorf("source %s: %w", f.ID, err)
			}
			sent = append(sent, ds...)
		}
	}
	o.Say("taking %d deliveries in: checking, cleansing, parting identifiers from payload", len(sent))
	for _, d := range sent {
		if err := o.accepted(ctx, erin, d); err != nil {
			return err
		}
	}
	for _, kind := range []string{catalogue.ListObjections, catalogue.ListOptOuts} {
		if err := erin.PostFile(ctx, "/lists/"+kind, filepath.Join(o.region(), "lists", kind+".dat")); err != nil {
			return fmt.Errorf("list of %s: %w", kind, err)
		}
	}
	return nil
}

func (o Options) deliverFeed(ctx context.Context, erin *client.Client, org, dir string, f feed) ([]catalogue.Delivery, error) {
	contract, err := os.ReadFile(filepath.Join(o.Tree, "deploy", "demo", "contracts", f.Contract))
	if err != nil {
		return nil, err
	}
	var s catalogue.Source
	in := map[string]string{"slug": f.ID, "org": org, "title": f.Title, "contract": string(contract)}
	if err := erin.Post(ctx, "/sources", in, &s); err != nil {
		return nil, err
	}
	var out []catalogue.Delivery
	sort.Strings(f.Deliveries)
	for _, name := range f.Deliveries {
		var d catalogue.Delivery
		if err := erin.Upload(ctx, "/sources/"+s.ID+"/deliveries", name, filepath.Join(dir, "deliveries", f.ID, name), &d); err != nil {
			return nil, fmt.Errorf("delivery %s: %w", name, err)
		}
		out = append(out, d)
	}
	return out, nil
}

// accepted waits until a delivery is taken in.
func (o Options) accepted(ctx context.Context, erin *client.Client, d catalogue.Delivery) error {
	ds := list[catalogue.Delivery]{}
	return erin.Until(ctx, longest, "a delivery to be taken in", "/sources/"+d.Source+"/deliveries?limit=500", &ds, func() (bool, error) {
		for _, x := range ds.Items {
			if x.ID == d.ID && x.State == "blocked" {
				return false, ark.Faultf(ark.Conflict, "delivery %s was blocked: %s", d.Name, x.Says)
			}
			if x.ID == d.ID && x.State == "accepted" {
				return true, nil
			}
		}
		return false, nil
	})
}

// link runs a linkage and waits for it.
func (o Options) link(ctx context.Context, erin *client.Client) error {
	o.Say("linking records into persons")
	var l catalogue.Linkage
	if err := erin.Post(ctx, "/linkages", nil, &l); err != nil {
		return err
	}
	ls := list[catalogue.Linkage]{}
	return erin.Until(ctx, longest, "the linkage", "/linkages?limit=500", &ls, func() (bool, error) {
		for _, x := range ls.Items {
			if x.ID == l.ID && x.State == "failed" {
				return false, ark.Faultf(ark.Conflict, "the linkage failed: %s", x.Says)
			}
			if x.ID == l.ID && x.State == "done" {
				return true, nil
			}
		}
		return false, nil
	})
}

// publish offers every dataset of the demonstration and builds its next version.
func (o Options) publish(ctx context.Context, erin *client.Client) error {
	files, err := filepath.Glob(filepath.Join(o.Tree, "deploy", "demo", "datasets", "*.yaml"))
	if err != nil {
		return err
	}
	o.Say("publishing %d datasets: objections, pseudonyms, signed manifests", len(files))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		var d catalogue.Dataset
		if err := erin.Post(ctx, "/datasets", map[string]string{"definition": string(text)}, &d); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(f), err)
		}
		if err := o.version(ctx, erin, d.ID); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(f), err)
		}
	}
	return nil
}

// version builds a dataset's next version and waits for it.
func (o Options) version(ctx context.Context, erin *client.Client, dataset string) error {
	var v struct{ ID string }
	if err := erin.Post(ctx, "/datasets/"+dataset+"/versions", nil, &v); err != nil {
		return err
	}
	vs := list[struct{ ID, State, Says string }]{}
	return erin.Until(ctx, longest, "the version", "/datasets/"+dataset+"/versions?limit=500", &vs, func() (bool, error) {
		for _, x := range vs.Items {
			if x.ID == v.ID && x.State == "failed" {
				return false, ark.Faultf(ark.Conflict, "the version failed: %s", x.Says)
			}
			if x.ID == v.ID && x.State == "published" {
				return true, nil
			}
		}
		return false, nil
	})
}
