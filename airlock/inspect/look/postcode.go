package look

import "strings"

// areas are the letters that UK postcodes begin with.
const areas = " AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE "

// postcodeAt tells a full postcode that ends in the newest word, written in
// capitals with or without its space, or in small letters with it.
func postcodeAt(text string, last *[window]word, n int) hit {
	w := last[(n-1)%window]
	end := text[w.from:w.to]
	if len(end) < 3 || len(end) > 7 || !inward(end[len(end)-3:]) {
		return 0
	}
	out := end[:len(end)-3]
	if out == "" {
		if n < 2 {
			return 0
		}
		o := last[(n-2)%window]
		out = text[o.from:o.to]
		if sep := text[o.to]; sep != ' ' && sep != '-' && sep != '_' && sep != '+' {
			return 0
		}
	} else if end != strings.ToUpper(end) {
		return 0
	}
	if outward(strings.ToUpper(out)) {
		return hitPostcode
	}
	return 0
}

func inward(s string) bool {
	return digit(s[0]) && strings.IndexByte("ABDEFGHJLNPQRSTUWXYZabdefghjlnpqrstuwxyz", s[1]) >= 0 && strings.IndexByte("ABDEFGHJLNPQRSTUWXYZabdefghjlnpqrstuwxyz", s[2]) >= 0
}

func outward(s string) bool {
	letters := 0
	for letters < len(s) && s[letters] >= 'A' && s[letters] <= 'Z' {
		letters++
	}
	rest := s[letters:]
	if letters < 1 || letters > 2 || len(rest) < 1 || len(rest) > 2 || !digit(rest[0]) {
		return false
	}
	if len(rest) == 2 && !digit(rest[1]) && !(rest[1] >= 'A' && rest[1] <= 'Z') {
		return false
	}
	return strings.Contains(areas, " "+s[:letters]+" ")
}
