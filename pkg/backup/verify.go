package backup

import (
	"context"
	"io"

	"filippo.io/age"
)

// Verify reads everything beside the bundle that its manifest names: objects
// whole, and the copies of keys or the evidence that they were destroyed. It
// returns what is wrong, in words, at most 50 of it.
func (f *Folder) Verify(ctx context.Context, m *Manifest, with []age.Identity) (wrong []string, err error) {
	find := func(err error) {
		if len(wrong) < 50 {
			wrong = append(wrong, err.Error())
		}
	}
	done := map[string]bool{}
	for _, o := range m.Objects {
		if err := ctx.Err(); err != nil {
			return wrong, err
		}
		if done[o.SHA256] {
			continue
		}
		done[o.SHA256] = true
		r, err := f.Open(o.SHA256)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			r.Close()
		}
		if err != nil {
			find(err)
		}
	}
	for _, k := range m.Keys {
		_, gone, err := f.Destroyed(k.Name)
		if err == nil && !gone && !k.Destroyed {
			_, err = f.Key(k.Name, with)
		}
		if err != nil {
			find(err)
		}
	}
	return wrong, nil
}
