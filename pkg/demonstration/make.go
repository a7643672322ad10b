package demonstration

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/instance"
	"github.com/ark-tre/ark/pkg/synthetic"
)

// Options say what demonstration to make.
type Options struct {
	Dir    string // the Ark's folder
	Tree   string // the checkout: contracts, datasets and the Synthea sample are below deploy/demo
	Listen string
	Parts  string // optional: a folder with services in place of the one-box defaults, see parts.go
	People int
	// Patience is how long the play's users repeat a request that is not
	// answered; in crash tests alone.
	Patience time.Duration
	Brief    bool     // leave out the crawl, which asks questions of its own
	Postbox  *Postbox // optional: where mails, webhooks and figures go
	Calm     func()   // optional: ends what disturbs the Ark; in crash tests alone
	Seed     uint64
	Say      func(format string, args ...any) // progress, a line at a time
}

// sentence is the banner of every page.
const sentence = "One box, printed sign-ins, invented people. Do not put anybody's records here."

// Make makes a new demonstration Ark in a folder that is empty or not there:
// the region's feeds, the keys and stores, the organisations and the users.
func Make(ctx context.Context, o Options, log *slog.Logger) error {
	_, port, ok := strings.Cut(o.Listen, ":")
	if !ok {
		return ark.Faultf(ark.Invalid, "the address to listen on has no port").Do("give one like 127.0.0.1:8080")
	}
	c := instance.Config{Region: "Northfield", Trial: sentence, Demonstration: true, Listen: o.Listen, Origin: "http://localhost:" + port,
		Store: "sqlite:"}
	if err := c.Built(o.Tree); err != nil {
		return err
	}
	if b := o.Postbox; b != nil {
		c.Metrics = b.figures
		c.Notify = instance.Notify{Webhook: "http://" + b.hook.Addr().String() + "/", SMTP: b.smtp.Addr().String(), From: "ark@example.org"}
	}
	o.Say("making keys, stores and the ledger in %s", o.Dir)
	if o.Parts != "" {
		if err := c.Parts(o.Parts); err != nil {
			return err
		}
	}
	if err := instance.Init(ctx, o.Dir, c, o.Parts); err != nil {
		return err
	}
	o.Say("making a city region of %d invented people, seen by its organisations' feeds", o.People)
	if _, err := synthetic.Generate(ctx, synthetic.Options{People: o.People, Seed: o.Seed, Dir: o.region()}); err != nil {
		return err
	}
	c, err := instance.Load(o.Dir)
	if err != nil {
		return err
	}
	ctl, err := instance.OpenControl(ctx, c, log)
	if err != nil {
		return err
	}
	defer ctl.Close()
	senders, err := o.senders()
	if err != nil {
		return err
	}
	return instance.Found(ctx, ctl, senders)
}

// region is where the feeds of the city region are.
func (o Options) region() string { return filepath.Join(o.Dir, "region") }

// feeds are the folders that hold sources.json, organisations.json and
// deliveries: the made region, and Synthea's, which nobody here wrote.
func (o Options) feeds() []string {
	return []string{o.region(), filepath.Join(o.Tree, "deploy", "demo", "synthea")}
}

// sender is an organisation as organisations.json has it.
type sender struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// feed is a source as sources.json has it.
type feed struct {
	ID           string   `json:"id"`
	Organisation string   `json:"organisation"`
	Title        string   `json:"title"`
	Contract     string   `json:"contract"`
	Deliveries   []string `json:"deliveries"`
}

func (o Options) senders() ([]governance.Organisation, error) {
	var out []governance.Organisation
	for _, dir := range o.feeds() {
		var all []sender
		if err := readJSON(filepath.Join(dir, "organisations.json"), &all); err != nil {
			return nil, err
		}
		for _, s := range all {
			out = append(out, governance.Organisation{Slug: s.ID, Name: s.Name, Kind: s.Kind})
		}
	}
	return out, nil
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return nil
}
