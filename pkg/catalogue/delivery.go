package catalogue

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// maxContract bounds a contract's text.
const maxContract = 1 << 20

// RegisterSource registers a source, or gives it a new contract. What the data
// is declared to be is read from the contract. One that breaks what was built on
// the contract in force is refused, unless it is of the next major version.
func (r *Room) RegisterSource(ctx context.Context, actor store.Actor, s Source) (*Source, error) {
	if len(s.Contract) == 0 || len(s.Contract) > maxContract {
		return nil, ark.Faultf(ark.Invalid, "a source needs a contract of at most 1 MiB").At("", 0, "contract").Do("give the contract's YAML")
	}
	if err := r.St.View(ctx, func(q store.Querier) (err error) {
		s.Contract, err = contractWithLists(ctx, q, s.Contract)
		return err
	}); err != nil {
		return nil, err
	}
	contract, err := intake.ParseContract([]byte(s.Contract))
	if err != nil {
		return nil, err
	}
	s.Declared, s.ContractName = string(contract.Declared), contract.Name
	if s.Title == "" {
		s.Title = contract.Title
	}
	if r.Trial && s.Declared != "synthetic" && s.Declared != "public" {
		return nil, ark.Faultf(ark.Forbidden, "this Ark is for trial, so it takes no source that is not declared synthetic or public").
			At("", 0, "declared").Do("set up an Ark for production before giving it people's records; docs/production.md says how").By("trial-takes-no-real-data")
	}
	s.ContractHash = contract.Hash()
	err = r.St.Act(ctx, actor, "source.register", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		s.Registered = tx.Now()
		if old, err := sources.First(ctx, tx, "slug = $1", s.Slug); err == nil {
			if old.Org != s.Org {
				return nil, ark.Faultf(ark.Conflict, "that name belongs to a source of another organisation").At("", 0, "source").Do("choose another name")
			}
			s.ID, s.Breaks = old.ID, old.Breaks
			broken, err := breaks(old, contract, s.Registered)
			if err != nil {
				return nil, err
			}
			if broken != nil {
				s.Breaks = append(s.Breaks, *broken)
			}
			return []store.Event{sourceEvent("source.contract-changed", s)}, sources.Update(ctx, tx, &s)
		}
		s.ID = tx.NewID(ark.PrefixSource)
		return []store.Event{sourceEvent("source.registered", s)}, sources.Insert(ctx, tx, &s)
	})
	if err != nil {
		return nil, err
	}
	return &s, nil
}

func sourceEvent(kind string, s Source) store.Event {
	return store.Event{Type: kind, Subjects: []string{s.ID, s.Org}, Body: map[string]string{"contract": s.ContractHash, "declared": s.Declared}}
}

// IntakeJob is what the intake worker is given.
type IntakeJob struct {
	Delivery     string          `json:"delivery"`
	DeliveryName string          `json:"delivery_name"`
	Source       string          `json:"source"` // slug
	Number       int             `json:"number"`
	Contract     string          `json:"contract"`
	Received     time.Time       `json:"received"`
	Files        []DeliveredFile `json:"files"` // manifest.json among them
}

// IntakeResult is what it gives back. Blocked says why nothing was taken in.
type IntakeResult struct {
	Blocked string                 `json:"blocked,omitempty"`
	Sent    time.Time              `json:"sent,omitzero"` // as the manifest says
	Outputs map[string]objects.Ref `json:"outputs,omitempty"`
	Counts  DeliveryCounts         `json:"counts"`
	Quality json.RawMessage        `json:"quality,omitempty"`
}

// ReceiveDelivery records that files have landed and has them taken in. The
// same name with the same bytes is the same delivery; with other bytes it is
// refused.
func (r *Room) ReceiveDelivery(ctx context.Context, actor store.Actor, source, name string, files []DeliveredFile) (*Delivery, error) {
	if len(files) == 0 {
		return nil, ark.Faultf(ark.Invalid, "a delivery needs files").Do("give the data files and their manifest.json")
	}
	var d Delivery
	err := r.St.Act(ctx, actor, "delivery.receive", store.Resource{Type: "Source", ID: source}, func(tx *store.Tx) ([]store.Event, error) {
		s, err := sources.Get(ctx, tx, source)
		if err != nil {
			return nil, err
		}
		all, err := deliveries.Where(ctx, tx, "source = $1", source)
		if err != nil {
			return nil, err
		}
		for _, old := range all {
			if old.Name != name {
				continue
			}
			if !sameFiles(old.Files, files) {
				return nil, ark.Faultf(ark.Conflict, "a delivery of that name has already arrived with other bytes").Do("give the correction a new delivery name")
			}
			d = old
			return []store.Event{{Type: "delivery.repeated", Subjects: []string{d.ID, source}}}, nil
		}
		d = Delivery{ID: tx.NewID(ark.PrefixDelivery), Source: source, Name: name, Number: len(all) + 1, State: r.delivery.Start, Files: files, Received: tx.Now()}
		if err := deliveries.Insert(ctx, tx, &d); err != nil {
			return nil, err
		}
		job := IntakeJob{Delivery: d.ID, DeliveryName: name, Source: s.Slug, Number: d.Number, Contract: s.Contract, Received: d.Received, Files: files}
		if _, err := tx.Enqueue(ctx, "intake", "intake", d.ID, job); err != nil {
			return nil, err
		}
		return []store.Event{{Type: "delivery.received", Subjects: []string{d.ID, source, s.Org}, Body: map[string]any{"files": len(files), "contract": s.ContractHash}}}, nil
	})
	if err != nil {
		return nil, err
	}
	return &d, nil
}

func sameFiles(a, b []DeliveredFile) bool {
	if len(a) != len(b) {
		return false
	}
	at := map[string]DeliveredFile{}
	for _, f := range a {
		at[f.Name] = f
	}
	for _, f := range b {
		old, there := at[f.Name]
		whole := len(old.Parts) == 0 && len(f.Parts) == 0
		if !there || whole && old.Ref.SHA256 != f.Ref.SHA256 || old.Size() != f.Size() {
			return false // of what came in parts the manifest holds the hash, and it is among the files
		}
	}
	return true
}

// ApplyIntake records an intake's result inside the change that ends its job.
func (r *Room) ApplyIntake(ctx context.Context, tx *store.Tx, id string, res IntakeResult) ([]store.Event, error) {
	d, err := deliveries.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	to := "accepted"
	if res.Blocked != "" {
		to = "blocked"
	}
	if err := r.delivery.Move(d.State, to, "delivery.apply"); err != nil {
		return nil, err
	}
	d.State, d.Checked, d.Sent, d.Says, d.Outputs, d.Counts, d.Quality = to, tx.Now(), res.Sent, res.Blocked, res.Outputs, res.Counts, res.Quality
	return []store.Event{{Type: "delivery." + to, Subjects: []string{d.ID, d.Source}, Body: d.Counts}}, deliveries.Update(ctx, tx, d)
}

// GetSource returns a source.
func GetSource(ctx context.Context, q store.Querier, id string) (*Source, error) {
	return sources.Get(ctx, q, id)
}

// SourceBySlug returns a source by its short name.
func SourceBySlug(ctx context.Context, q store.Querier, slug string) (*Source, error) {
	return sources.First(ctx, q, "slug = $1", slug)
}

// Sources returns all sources.
func Sources(ctx context.Context, q store.Querier) ([]Source, error) {
	return sources.Where(ctx, q, "")
}

// GetDelivery returns a delivery.
func GetDelivery(ctx context.Context, q store.Querier, id string) (*Delivery, error) {
	return deliveries.Get(ctx, q, id)
}

// Deliveries returns deliveries, oldest first: of one source, or of all when source is empty.
func Deliveries(ctx context.Context, q store.Querier, source string) ([]Delivery, error) {
	if source == "" {
		return deliveries.Where(ctx, q, "")
	}
	return deliveries.Where(ctx, q, "source = $1", source)
}
