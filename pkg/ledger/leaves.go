package ledger

import "io/fs"

// RestoredType is the type of the entry with which an Ark goes on that was
// restored from a backup. All before it was in the backup; a head that was
// given out for more entries than that is of acts that are lost.
const RestoredType = "ark.restored"

// Leaves reads the entries of an exported log from first up to size. Verify the
// log before what it says is believed.
func Leaves(export fs.FS, first, size int64) ([]Leaf, error) {
	var out []Leaf
	get := dirGetter(export)
	for n := first / width; n*width < size; n++ {
		entries, err := get.bundle(n, int(min(width, size-n*width)))
		if err != nil {
			return nil, err
		}
		for i, e := range entries {
			if n*width+int64(i) < first {
				continue
			}
			l, err := ParseLeaf(e)
			if err != nil {
				return nil, err
			}
			out = append(out, l)
		}
	}
	return out, nil
}
