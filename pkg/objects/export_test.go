package objects

import "context"

// ForgeChunk seals other bytes in the place of an object's only chunk, as
// whoever holds its data key can, and says where they lie.
func ForgeChunk(ctx context.Context, s *Store, ref Ref, plain []byte) (sealed []byte, at int, err error) {
	o, err := s.load(ctx, ref.Zone, ref.Name)
	if err != nil {
		return nil, 0, err
	}
	return o.box.seal(nil, plain, 0, flagLast), o.head, nil
}
