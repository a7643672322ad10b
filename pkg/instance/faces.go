package instance

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/worker"
	"github.com/ark-tre/ark/workspace/enclave"
)

// landing is the portal's little of the object store: it can seal what lands
// and open nothing; what its users may see it asks of the workers.
type landing struct {
	*Role
	openers
}

// Land implements portal.Objects. The name is new at every attempt: a writer
// that cannot open what is there cannot compare it either. What it hashes to
// says whether a delivery is a repetition.
func (l landing) Land(ctx context.Context, source, name string, r io.Reader) (objects.Ref, error) {
	return l.Objects.Put(ctx, objects.Landing, fmt.Sprintf("%s/%s/%s", source, ark.MakeID(ark.PrefixDelivery), name), worker.LandingKey, r)
}

// LandList implements portal.Objects. Lists lie apart from deliveries: linkage
// reads them, and must not read what deliveries tell about people.
func (l landing) LandList(ctx context.Context, kind string, r io.Reader) (objects.Ref, error) {
	return l.Objects.Put(ctx, objects.Lists, fmt.Sprintf("%s/%s.dat", ark.MakeID(ark.PrefixDelivery), kind), worker.ListsKey, r)
}

// Open implements portal.Objects.
func (l landing) Open(ctx context.Context, ref objects.Ref) (io.ReadCloser, error) {
	return l.open(ctx, ref)
}

// outputs copies files out of outboxes, sealed as they come, and has the
// airlock worker open them.
type outputs struct {
	*Role
	openers
	enclave *enclave.Client
}

// Pin implements portal.Outputs.
func (o outputs) Pin(ctx context.Context, project, workspace string, names []string) ([]objects.Ref, error) {
	var out []objects.Ref
	for i, name := range names {
		w := o.Objects.Writer(ctx, objects.Outputs, fmt.Sprintf("%s/%s/%s", project, workspace, ark.MakeID(ark.PrefixFile)), worker.OutputsKey)
		sum, err := o.enclave.ReadOutbox(ctx, workspace, name, w)
		if err != nil {
			w.Abort()
			return nil, err
		}
		ref, err := w.Commit()
		if err != nil {
			return nil, err
		}
		if ref.SHA256 != sum {
			return nil, ark.Faultf(ark.Conflict, "file %d changed while it was being read", i+1).Do("wait until it is written, and submit again")
		}
		out = append(out, ref)
	}
	return out, nil
}

// Take implements portal.Outputs.
func (o outputs) Take(ctx context.Context, project string, r io.Reader) (objects.Ref, error) {
	return o.Objects.Put(ctx, objects.Outputs, fmt.Sprintf("%s/in/%s", project, ark.MakeID(ark.PrefixFile)), worker.OutputsKey, r)
}

// Look implements portal.Outputs: it stores nothing.
func (o outputs) Look(ctx context.Context, workspace, name string, most int64) ([]byte, error) {
	w := bounded{most: most}
	if _, err := o.enclave.ReadOutbox(ctx, workspace, name, &w); err != nil {
		return nil, err
	}
	return w.text.Bytes(), nil
}

// bounded keeps what is written to it, and refuses more than most bytes.
type bounded struct {
	text bytes.Buffer
	most int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if int64(b.text.Len()+len(p)) > b.most {
		return 0, ark.Faultf(ark.TooMuch, "the file is larger than %d bytes", b.most).Do("mend it, or take it away and fill in the form")
	}
	return b.text.Write(p)
}

// Open implements portal.Outputs.
func (o outputs) Open(ctx context.Context, project string, ref objects.Ref) (io.ReadCloser, error) {
	return o.open(ctx, ref)
}

// log is the ledger as the pages show it.
type log struct {
	*ledger.Log
	tiles ledger.Tiles
}

// maxTile bounds what is handed out of the log at once, in bytes.
const maxTile = 16 << 20

// Tile implements portal.Ledger.
func (l log) Tile(ctx context.Context, path string) ([]byte, error) {
	if path == "checkpoint" {
		data, _, err := l.tiles.Head(ctx)
		return data, err
	}
	data, err := l.tiles.Get(ctx, path)
	if len(data) > maxTile {
		return nil, ark.Faultf(ark.TooMuch, "that part of the log is too large to hand out")
	}
	return data, err
}
