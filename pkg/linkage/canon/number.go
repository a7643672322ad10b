package canon

// NHSNumber returns the ten digits of a valid NHS number, or "": the check
// digit must be right, and numbers of one digit ten times, which pass it, are
// refused.
func NHSNumber(s string) string {
	d := Digits(s)
	if len(d) != 10 {
		return ""
	}
	sum, same := 0, true
	for i := range 9 {
		sum += int(d[i]-'0') * (10 - i)
		same = same && d[i] == d[0]
	}
	check := (11 - sum%11) % 11
	if check == 10 || int(d[9]-'0') != check || same && d[9] == d[0] {
		return ""
	}
	return d
}

// Postcode writes a UK postcode as outward code, one space, inward code; it
// mends O for 0 where a digit must be, and refuses ZZ99 (no fixed abode,
// unknown). What is no UK postcode is given back folded.
func Postcode(s string) string {
	f := Fold(s)
	b := make([]byte, 0, 8)
	for i := 0; i < len(f); i++ {
		if f[i] != ' ' {
			b = append(b, f[i])
		}
	}
	if len(b) < 5 || len(b) > 7 || b[0] < 'A' || b[0] > 'Z' {
		return f
	}
	in := b[len(b)-3:]
	if in[0] == 'O' {
		in[0] = '0'
	}
	for _, i := range []int{1, 2} {
		if in[i] == '0' {
			in[i] = 'O'
		}
	}
	out := b[:len(b)-3]
	last := len(out) - 1
	if out[last] == 'O' && last > 1 {
		out[last] = '0'
	}
	if !digit(in[0]) || !letter(in[1]) || !letter(in[2]) || !outward(out) {
		return f
	}
	if out[0] == 'Z' && out[1] == 'Z' {
		return ""
	}
	return string(out) + " " + string(in)
}

func outward(o []byte) bool {
	n := 0
	for n < len(o) && letter(o[n]) {
		n++
	}
	if n == 0 || n > 2 || n == len(o) || !digit(o[n]) {
		return false
	}
	return len(o)-n == 1 || len(o)-n == 2 && (digit(o[n+1]) || letter(o[n+1]))
}

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c >= 'A' && c <= 'Z' }

// Date writes a date as YYYY-MM-DD. It knows YYYY-MM-DD, YYYYMMDD, DD/MM/YYYY
// and their likes, and the partial dates YYYY and YYYY-MM. Dates that stand
// for "not known" become "". A date that can't be read is kept as its digits,
// so that two equal mistakes still agree.
func Date(s string) string {
	d := make([]byte, 0, 12)
	first := 0 // digits before the first separator
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == 'T' || c == ' ' && len(d) >= 8 {
			break // a time of day follows
		}
		if digit(c) {
			d = append(d, c)
		} else if first == 0 {
			first = len(d)
		}
		if len(d) > 8 {
			return ""
		}
	}
	switch {
	case len(d) == 8 && first == 2:
		d = append(append(append(make([]byte, 0, 8), d[4:]...), d[2:4]...), d[:2]...)
	case len(d) == 6 && (first == 4 || first == 0):
		return string(d[:4]) + "-" + string(d[4:])
	case len(d) == 4 && first == 0:
		return string(d)
	case len(d) != 8:
		return string(d)
	}
	switch string(d) {
	case "19000101", "18000101", "18010101", "19010101", "99991231", "00010101":
		return ""
	}
	return string(d[:4]) + "-" + string(d[4:6]) + "-" + string(d[6:])
}
