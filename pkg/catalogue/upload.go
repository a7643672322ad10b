package catalogue

import (
	"context"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// PartSize is how large the parts of an upload are, but for each file's last.
const PartSize = 32 << 20

// mostParts bounds the parts of one file.
const mostParts = 10_000

// Upload is a delivery that comes in parts, so that one that breaks off goes on
// where it was. There is one for each manifest of a source: asked for again, it
// says which parts are there.
type Upload struct {
	ID       string        `json:"id"`
	Source   string        `json:"source"`
	Name     string        `json:"name"`      // of the delivery
	Manifest DeliveredFile `json:"manifest"`  // manifest.json as it landed
	Files    []UploadFile  `json:"files"`     // the manifest's files
	PartSize int64         `json:"part_size"` // bytes of each part but a file's last
	Opened   time.Time     `json:"opened"`
	Touched  time.Time     `json:"touched,omitzero"`   // when the last part came
	Delivery string        `json:"delivery,omitempty"` // once it is complete
	Expired  time.Time     `json:"expired,omitzero"`   // given up: nothing came for a fortnight
	Gone     bool          `json:"gone,omitempty"`     // and what had come is removed
}

// UploadFile is one file of an upload.
type UploadFile struct {
	Name   string       `json:"name"`
	SHA256 string       `json:"sha256"` // of the whole, as the manifest says
	Parts  []UploadPart `json:"parts"`  // those that are there, by number
}

// UploadPart is one part as it landed.
type UploadPart struct {
	Number int         `json:"number"` // from 1
	Ref    objects.Ref `json:"ref"`
}

var uploads = store.Docs[Upload]{Table: "uploads", Noun: "upload", Keys: []string{"source", "manifest"},
	Of: func(u *Upload) (string, []any) { return u.ID, []any{u.Source, u.Manifest.Ref.SHA256} }}

// GetUpload returns an upload of a source.
func GetUpload(ctx context.Context, q store.Querier, source, id string) (*Upload, error) {
	u, err := uploads.Get(ctx, q, id)
	if err == nil && u.Source != source {
		return nil, ark.Faultf(ark.Unknown, "this source has no such upload")
	}
	return u, err
}

// OpenUpload begins an upload by its manifest, which has landed, or gives the
// one there is.
func (r *Room) OpenUpload(ctx context.Context, actor store.Actor, source string, m *intake.Manifest, landed objects.Ref) (*Upload, error) {
	var u *Upload
	err := r.St.Act(ctx, actor, "delivery.receive", store.Resource{Type: "Source", ID: source}, func(tx *store.Tx) ([]store.Event, error) {
		s, err := sources.Get(ctx, tx, source)
		if err != nil {
			return nil, err
		}
		if m.Source != s.Slug {
			return nil, ark.Faultf(ark.Invalid, "the manifest is of another source").At("manifest.json", 0, "source").Do("deliver to the source that the manifest names")
		}
		if u, err = uploads.First(ctx, tx, "source = $1 AND manifest = $2", source, landed.SHA256); err == nil && u.Gone {
			u.Manifest.Ref, u.Opened, u.Touched, u.Expired, u.Gone = landed, tx.Now(), time.Time{}, time.Time{}, false
			return []store.Event{{Type: "delivery.upload-opened", Subjects: []string{u.ID, source}, Body: map[string]any{"files": len(u.Files)}}}, uploads.Update(ctx, tx, u)
		} else if err == nil {
			return []store.Event{{Type: "delivery.upload-resumed", Subjects: []string{u.ID, source}}}, nil
		}
		u = &Upload{ID: tx.NewID(ark.PrefixUpload), Source: source, Name: m.Delivery, PartSize: PartSize, Opened: tx.Now(), Manifest: DeliveredFile{Name: "manifest.json", Ref: landed}}
		for _, f := range m.Files {
			if !slices.ContainsFunc(u.Files, func(x UploadFile) bool { return x.Name == f.Name }) {
				u.Files = append(u.Files, UploadFile{Name: f.Name, SHA256: f.SHA256, Parts: []UploadPart{}})
			}
		}
		return []store.Event{{Type: "delivery.upload-opened", Subjects: []string{u.ID, source}, Body: map[string]any{"files": len(u.Files)}}}, uploads.Insert(ctx, tx, u)
	})
	return u, err
}

// Takes reports whether a part is there already, and refuses one that the
// upload has no place for: AddPart asks it, and so does whoever is about to
// store the part's bytes.
func (u *Upload) Takes(file string, number int, sum string) (there bool, err error) {
	if !u.Expired.IsZero() {
		return false, ark.Faultf(ark.Lapsed, "nothing came to this upload for a fortnight, and it was given up").Do("begin it again by its manifest")
	}
	if u.Delivery != "" {
		return false, ark.Faultf(ark.Conflict, "the upload is complete").Do("deliver what is missing under a new name")
	}
	at := slices.IndexFunc(u.Files, func(f UploadFile) bool { return f.Name == file })
	if at < 0 || number < 1 || number > mostParts {
		return false, ark.Faultf(ark.Invalid, "the upload's manifest names no such file, or the part's number is not from 1 to %d", mostParts).Do("send the files that the manifest names")
	}
	i, there := u.Files[at].place(number)
	if there && u.Files[at].Parts[i].Ref.SHA256 != sum {
		return false, ark.Faultf(ark.Conflict, "that part is there already with other bytes").At(file, 0, "").Do("the file changed while it was sent: make a new manifest of it")
	}
	return there, nil
}

func (f *UploadFile) place(number int) (int, bool) {
	return slices.BinarySearchFunc(f.Parts, number, func(p UploadPart, n int) int { return p.Number - n })
}

// AddPart records a part that has landed. The same bytes again change nothing.
func (r *Room) AddPart(ctx context.Context, actor store.Actor, source, id, file string, number int, ref objects.Ref) (*Upload, error) {
	var u *Upload
	err := r.St.Act(ctx, actor, "delivery.receive", store.Resource{Type: "Source", ID: source}, func(tx *store.Tx) ([]store.Event, error) {
		var err error
		if u, err = GetUpload(ctx, tx, source, id); err != nil {
			return nil, err
		}
		there, err := u.Takes(file, number, ref.SHA256)
		if err != nil {
			return nil, err
		}
		if !there {
			f := &u.Files[slices.IndexFunc(u.Files, func(f UploadFile) bool { return f.Name == file })]
			i, _ := f.place(number)
			f.Parts = slices.Insert(f.Parts, i, UploadPart{number, ref})
			u.Touched = tx.Now()
		}
		return []store.Event{{Type: "delivery.part-received", Subjects: []string{u.ID, source}, Body: map[string]any{"part": number, "bytes": ref.Size}}}, uploads.Update(ctx, tx, u)
	})
	return u, err
}

// CompleteUpload makes a delivery of an upload whose parts are all there; done
// again it gives the same delivery.
func (r *Room) CompleteUpload(ctx context.Context, actor store.Actor, source, id string) (*Delivery, error) {
	var u *Upload
	if err := r.St.View(ctx, func(q store.Querier) (err error) {
		u, err = GetUpload(ctx, q, source, id)
		return err
	}); err != nil {
		return nil, err
	}
	files := []DeliveredFile{u.Manifest}
	for _, f := range u.Files {
		if len(f.Parts) == 0 || f.Parts[len(f.Parts)-1].Number != len(f.Parts) {
			return nil, ark.Faultf(ark.Conflict, "not every part of the file is there").At(f.Name, 0, "").Do("ask which parts are there, and send the others")
		}
		d := DeliveredFile{Name: f.Name}
		for _, p := range f.Parts {
			d.Parts = append(d.Parts, p.Ref)
		}
		if len(d.Parts) == 1 {
			d.Ref, d.Parts = d.Parts[0], nil
		}
		files = append(files, d)
	}
	d, err := r.ReceiveDelivery(ctx, actor, source, u.Name, files)
	if err != nil || u.Delivery != "" {
		return d, err
	}
	return d, r.St.Act(ctx, actor, "delivery.receive", store.Resource{Type: "Source", ID: source}, func(tx *store.Tx) ([]store.Event, error) {
		u, err := GetUpload(ctx, tx, source, id)
		if err != nil {
			return nil, err
		}
		u.Delivery = d.ID
		return []store.Event{{Type: "delivery.upload-completed", Subjects: []string{u.ID, d.ID, source}}}, uploads.Update(ctx, tx, u)
	})
}
