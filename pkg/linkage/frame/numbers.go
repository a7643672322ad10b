package frame

// Numbers numbers distinct 64-bit keys from 1 in order of first appearance.
type Numbers struct {
	keys []uint64
	nums []uint32
	n    uint32
}

// NewNumbers returns an empty table with room for about size keys.
func NewNumbers(size int) *Numbers {
	n := 64
	for n < 2*size {
		n *= 2
	}
	return &Numbers{keys: make([]uint64, n), nums: make([]uint32, n)}
}

// Len is how many keys there are.
func (t *Numbers) Len() int { return int(t.n) }

// Mix spreads the bits of k.
func Mix(k uint64) uint64 {
	k ^= k >> 32
	k *= 0x9E3779B97F4A7C15
	k ^= k >> 29
	k *= 0xBF58476D1CE4E5B9
	return k ^ k>>32
}

// Number returns the number of k, a new one when k is new.
func (t *Numbers) Number(k uint64) uint32 {
	mask := uint64(len(t.keys) - 1)
	i := Mix(k) & mask
	for t.nums[i] != 0 {
		if t.keys[i] == k {
			return t.nums[i]
		}
		i = (i + 1) & mask
	}
	t.n++
	n := t.n
	t.keys[i], t.nums[i] = k, n
	if int(t.n)*2 > len(t.keys) {
		t.grow()
	}
	return n
}

// Find returns the number of k, 0 when it has none.
func (t *Numbers) Find(k uint64) uint32 {
	mask := uint64(len(t.keys) - 1)
	for i := Mix(k) & mask; t.nums[i] != 0; i = (i + 1) & mask {
		if t.keys[i] == k {
			return t.nums[i]
		}
	}
	return 0
}

func (t *Numbers) grow() {
	keys, nums := t.keys, t.nums
	t.keys, t.nums = make([]uint64, 4*len(keys)), make([]uint32, 4*len(nums))
	mask := uint64(len(t.keys) - 1)
	for j, m := range nums {
		if m == 0 {
			continue
		}
		i := Mix(keys[j]) & mask
		for t.nums[i] != 0 {
			i = (i + 1) & mask
		}
		t.keys[i], t.nums[i] = keys[j], m
	}
}
