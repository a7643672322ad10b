package pages

import "encoding/binary"

// runs visits n numbers of width bits that src holds as runs of one number and
// groups of eight, each with how often it comes.
func runs(src []byte, width uint, n int64, visit func(v uint64, times int64) error) error {
	for n > 0 {
		head, k := binary.Uvarint(src)
		if k <= 0 || head>>1 == 0 || head>>1 > 1<<31-1 {
			return ErrDamaged
		}
		src = src[k:]
		if head&1 == 0 { // one number, again and again
			size := int(width+7) / 8
			if len(src) < size {
				return ErrDamaged
			}
			v := uint64(0)
			for i := range size {
				v |= uint64(src[i]) << (8 * i)
			}
			src = src[size:]
			times := min(int64(head>>1), n)
			if err := visit(v, times); err != nil {
				return err
			}
			n -= times
			continue
		}
		have := min(int64(head>>1)*8, n)
		need := (have*int64(width) + 7) / 8
		if need > int64(len(src)) {
			return ErrDamaged
		}
		bit := uint64(0)
		for range have {
			if err := visit(bits(src, bit, width), 1); err != nil {
				return err
			}
			bit += uint64(width)
		}
		src = src[min(int64(head>>1)*int64(width), int64(len(src))):]
		n -= have
	}
	return nil
}

// bits is the number of width bits, 64 at most, that begins at a bit of src, the
// lowest first.
func bits(src []byte, bit uint64, width uint) uint64 {
	v, got := uint64(0), uint(0)
	for i := bit / 8; got < width; i++ {
		b, from := uint64(src[i]), uint(0)
		if got == 0 {
			from = uint(bit % 8)
		}
		v |= b >> from << got
		got += 8 - from
	}
	if width < 64 {
		v &= 1<<width - 1
	}
	return v
}

// deltas visits n numbers of which each is told by how far it is from the one
// before it (DELTA_BINARY_PACKED of the format's specification), and returns
// what stands behind them.
func deltas(src []byte, n int64, visit func(v int64) error) (rest []byte, err error) {
	var head [3]uint64 // values of a block, parts of a block, values in all
	for i := range head {
		v, k := binary.Uvarint(src)
		if k <= 0 {
			return nil, ErrDamaged
		}
		head[i], src = v, src[k:]
	}
	last, k := binary.Varint(src)
	block, parts := head[0], head[1]
	if k <= 0 || head[2] != uint64(n) || block == 0 || block > 1<<16 || block%128 != 0 || parts == 0 || parts > block/32 || block%parts != 0 || block/parts%32 != 0 {
		return nil, ErrDamaged
	}
	src = src[k:]
	if err := visit(last); err != nil {
		return nil, err
	}
	each := int64(block / parts)
	for n--; n > 0; {
		least, k := binary.Varint(src)
		if k <= 0 || uint64(len(src)-k) < parts {
			return nil, ErrDamaged
		}
		widths := src[k : k+int(parts)]
		src = src[k+int(parts):]
		for _, w := range widths {
			if n == 0 {
				break
			}
			have := min(each, n)
			if w > 64 || (have*int64(w)+7)/8 > int64(len(src)) {
				return nil, ErrDamaged
			}
			for i := range have {
				last += least + int64(bits(src, uint64(i)*uint64(w), uint(w)))
				if err := visit(last); err != nil {
					return nil, err
				}
			}
			src = src[min(each*int64(w)/8, int64(len(src))):]
			n -= have
		}
	}
	return src, nil
}
