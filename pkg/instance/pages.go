package instance

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/portal/viewer"
)

// pagesPath is where the airlock's worker draws pages of a PDF.
const pagesPath = "/pages"

// drawer draws pages of a document, from the one numbered from on.
type drawer func(ctx context.Context, ref objects.Ref, from int) (inspect.Drawn, error)

// askPages is what it is asked.
type askPages struct {
	Ref  objects.Ref `json:"ref"`
	From int         `json:"from"`
}

// servePages answers with pictures of the documents that may says.
func servePages(w http.ResponseWriter, r *http.Request, draw drawer, may func(objects.Ref) bool, log *slog.Logger) {
	var ask askPages
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&ask); err != nil || draw == nil || !may(ask.Ref) {
		http.Error(w, "refused", http.StatusForbidden)
		return
	}
	drawn, err := draw(r.Context(), ask.Ref, ask.From)
	switch {
	case errors.Is(err, objects.ErrDamaged):
		log.ErrorContext(r.Context(), "object is not what was stored", "zone", ask.Ref.Zone, "err", err)
		http.Error(w, "damaged", http.StatusGone)
		return
	case errors.Is(err, inspect.ErrNotDrawn):
		log.InfoContext(r.Context(), "pages not drawn", "err", err)
		http.Error(w, "not drawn", http.StatusUnprocessableEntity)
		return
	case err != nil:
		log.WarnContext(r.Context(), "pages not drawn", "err", err)
		http.Error(w, "not there", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(drawn); err != nil {
		panic(http.ErrAbortHandler) // the reader sees a broken stream
	}
}

// mostPages bounds one answer of pictures, as JSON.
const mostPages = 64 << 20

// pages has the airlock's worker draw pages of ref.
func (o openers) pages(ctx context.Context, ref objects.Ref, from int) (viewer.Drawn, error) {
	resp, err := o.ask(ctx, "airlock", pagesPath, askPages{ref, from})
	if err != nil {
		return viewer.Drawn{}, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusGone:
		return viewer.Drawn{}, notAsStored(ref)
	case http.StatusUnprocessableEntity:
		return viewer.Drawn{}, viewer.ErrNotDrawn
	default:
		return viewer.Drawn{}, ark.Faultf(ark.Unavailable, "the airlock worker did not draw that").Do("tell the operator; its log says why")
	}
	var d viewer.Drawn
	if err := json.NewDecoder(io.LimitReader(resp.Body, mostPages)).Decode(&d); err != nil {
		return viewer.Drawn{}, ark.Faultf(ark.Unavailable, "the airlock worker's answer broke off").Do("try again in a moment").Because(err)
	}
	return d, nil
}

// Pages implements portal.Outputs.
func (o outputs) Pages(ctx context.Context, ref objects.Ref, from int) (viewer.Drawn, error) {
	return o.pages(ctx, ref, from)
}
