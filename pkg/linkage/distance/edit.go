package distance

// Levenshtein returns the number of insertions, deletions and substitutions
// of bytes that turn a into b.
func Levenshtein(a, b string) int {
	if a == b {
		return 0
	}
	if len(a) < len(b) {
		a, b = b, a
	}
	var small [65]int
	row := small[:]
	if len(b) >= len(small) {
		row = make([]int, len(b)+1)
	}
	row = row[:len(b)+1]
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost = 1 + min(diag, row[j], row[j-1])
			}
			diag, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}

// DamerauLevenshtein is Levenshtein with the exchange of two neighbouring
// bytes as one edit more; bytes between them may be edited too.
func DamerauLevenshtein(a, b string) int {
	if a == b {
		return 0
	}
	if len(a) == 0 || len(b) == 0 {
		return len(a) + len(b)
	}
	w := len(b) + 2
	var small [20 * 20]int
	d := small[:]
	if (len(a)+2)*w > len(d) {
		d = make([]int, (len(a)+2)*w)
	}
	far := len(a) + len(b)
	d[0] = far
	for i := 0; i <= len(a); i++ {
		d[(i+1)*w] = far
		d[(i+1)*w+1] = i
	}
	for j := 0; j <= len(b); j++ {
		d[j+1] = far
		d[w+j+1] = j
	}
	var last [256]int
	for i := 1; i <= len(a); i++ {
		match := 0
		for j := 1; j <= len(b); j++ {
			k, l := last[b[j-1]], match
			cost := 1
			if a[i-1] == b[j-1] {
				cost, match = 0, j
			}
			d[(i+1)*w+j+1] = min(
				d[i*w+j]+cost,
				d[(i+1)*w+j]+1,
				d[i*w+j+1]+1,
				d[k*w+l]+(i-k-1)+1+(j-l-1))
		}
		last[a[i-1]] = i
	}
	return d[(len(a)+1)*w+len(b)+1]
}

// Tally adds up a power of 16 for each byte of s, of 16 by its low half: one edit
// changes it by one power more, one less, or both.
func Tally(s string) uint64 {
	var t uint64
	for i := 0; i < len(s); i++ {
		t += 1 << (s[i] & 15 * 4)
	}
	return t
}

// FarTallies reports that two strings with these tallies are more than one edit
// apart.
func FarTallies(a, b uint64) bool {
	x, y := a-b, b-a // one of them is nothing, 16^i, or 16^i-16^j: a run of ones
	low := x & y
	u, v := x+low, y+low
	return low&^0x1111111111111111 != 0 || u&(u-1) != 0 && v&(v-1) != 0
}

// WithinOneEdit reports whether the Damerau-Levenshtein distance of a and b is
// at most one, in time linear in their length.
func WithinOneEdit(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a)-len(b) > 1 {
		return false
	}
	i := 0
	for i < len(b) && a[i] == b[i] {
		i++
	}
	if len(a) > len(b) {
		return a[i+1:] == b[i:]
	}
	if i == len(b) || a[i+1:] == b[i+1:] {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// WithinOneLevenshtein reports whether the Levenshtein distance is at most one.
func WithinOneLevenshtein(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a)-len(b) > 1 {
		return false
	}
	i := 0
	for i < len(b) && a[i] == b[i] {
		i++
	}
	if len(a) > len(b) {
		return a[i+1:] == b[i:]
	}
	return i == len(b) || a[i+1:] == b[i+1:]
}
