package portal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/store"
)

type uploadIn struct {
	One
	Body struct {
		Manifest string `json:"manifest" minLength:"2" maxLength:"4000000" doc:"The text of manifest.json"`
	}
}

// UploadOne names one upload of a source.
type UploadOne struct {
	One
	Upload string `path:"upload" maxLength:"80"`
}

type partIn struct {
	UploadOne
	File   string `path:"file" maxLength:"128" doc:"As the manifest names it"`
	Part   int    `path:"part" minimum:"1" maximum:"10000"`
	SHA256 string `query:"sha256" required:"true" minLength:"64" maxLength:"64" pattern:"^[0-9a-f]{64}$" doc:"Of the part's bytes"`
}

// uploadOperations are deliveries in parts: one that breaks off goes on where
// it was.
func (p *Portal) uploadOperations(a *API) error {
	k := p.cfg.Rooms.Catalogue
	return errors.Join(
		operation(a, Op{Method: post, Path: "/sources/{id}/uploads", Action: "delivery.receive", On: "Source", Tag: "Data", Summary: "Begin a delivery in parts by its manifest, or find the one that broke off", Body: 5 << 20}, func(c *Call, in *uploadIn) (*Body[*catalogue.Upload], error) {
			m, err := intake.ParseManifest([]byte(in.Body.Manifest))
			if err != nil {
				return nil, err
			}
			for _, f := range m.Files {
				if plainFile(f.Name) != f.Name || len(f.Name) > 128 {
					return nil, ark.Faultf(ark.Invalid, "a file name holds more than letters, digits, dots, hyphens and underscores").At("", 0, "manifest").Do("rename the file")
				}
			}
			slug, err := p.slugOf(c)
			if err != nil {
				return nil, err
			}
			ref, err := p.cfg.Rooms.Objects.Land(c.Ctx(), slug, "manifest.json", strings.NewReader(in.Body.Manifest))
			if err != nil {
				return nil, err
			}
			u, err := k.OpenUpload(c.Ctx(), c.Actor, in.ID, m, ref)
			return &Body[*catalogue.Upload]{u}, err
		}),
		operation(a, Op{Method: get, Path: "/sources/{id}/uploads/{upload}", Action: "delivery.read", On: "Source", Tag: "Data", Summary: "Which parts of an upload are there"}, func(c *Call, in *UploadOne) (*Body[*catalogue.Upload], error) {
			return read(c, func(ctx context.Context, q store.Querier) (*catalogue.Upload, error) {
				return catalogue.GetUpload(ctx, q, in.ID, in.Upload)
			})
		}),
		operation(a, Op{Method: put, Path: "/sources/{id}/uploads/{upload}/files/{file}/parts/{part}", Action: "delivery.receive", On: "Source", Tag: "Data", Summary: "Send one part's bytes as the body", Body: 2 * catalogue.PartSize, Stream: true}, func(c *Call, in *partIn) (*Body[*catalogue.Upload], error) {
			slug, err := p.slugOf(c)
			if err != nil {
				return nil, err
			}
			var there *catalogue.Upload
			if err := c.view(func(q store.Querier) error { // before the bytes land: what is refused leaves nothing behind
				u, err := catalogue.GetUpload(c.Ctx(), q, in.ID, in.Upload)
				if err != nil {
					return err
				}
				has, err := u.Takes(in.File, in.Part, in.SHA256)
				if has {
					there = u
				}
				return err
			}); err != nil || there != nil {
				return &Body[*catalogue.Upload]{there}, err
			}
			ref, err := p.cfg.Rooms.Objects.Land(c.Ctx(), slug, "part", &wholePart{r: c.R.Body, sum: sha256.New(), want: in.SHA256, file: in.File})
			if err != nil {
				return nil, broken4xx(err)
			}
			u, err := k.AddPart(c.Ctx(), c.Actor, in.ID, in.Upload, in.File, in.Part, ref)
			return &Body[*catalogue.Upload]{u}, err
		}),
		operation(a, Op{Method: post, Path: "/sources/{id}/uploads/{upload}/complete", Action: "delivery.receive", On: "Source", Tag: "Data", Summary: "Make a delivery of an upload whose parts are all there"}, func(c *Call, in *UploadOne) (*Body[*catalogue.Delivery], error) {
			d, err := k.CompleteUpload(c.Ctx(), c.Actor, in.ID, in.Upload)
			return &Body[*catalogue.Delivery]{d}, err
		}),
	)
}

// wholePart reads a part, which has to have a hash. It fails at the end where it has
// another, so that whoever stores it stores nothing.
type wholePart struct {
	r   io.Reader
	sum interface {
		io.Writer
		Sum([]byte) []byte
	}
	want, file string
}

// Read implements io.Reader.
func (h *wholePart) Read(to []byte) (int, error) {
	n, err := h.r.Read(to)
	h.sum.Write(to[:n])
	if err == io.EOF && hex.EncodeToString(h.sum.Sum(nil)) != h.want {
		return n, ark.Faultf(ark.Invalid, "the part arrived with other bytes than its hash says").At(h.file, 0, "").Do("send it again")
	}
	return n, err
}

// slugOf is the short name of the source that a call is about.
func (p *Portal) slugOf(c *Call) (slug string, err error) {
	err = c.view(func(q store.Querier) error {
		s, err := catalogue.GetSource(c.Ctx(), q, c.R.PathValue("id"))
		if err == nil {
			slug = s.Slug
		}
		return err
	})
	return slug, err
}

// hashText is what a page shows of a file's hash.
func hashText(f catalogue.DeliveredFile) string {
	if n := len(f.Parts); n > 0 {
		return number(int64(n)) + " parts"
	}
	return short(f.Ref.SHA256)
}
