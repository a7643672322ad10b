package synthetic

import (
	"strings"
)

// view is how one organisation holds a person's identity: right at first,
// wrong in the ways people and keyboards are.
type view struct {
	nhs, given, middle, family string
	born, sex                  string
	postcode, line1, line2     string
	phone, email               string
	ethnicity, lsoa, decile    string
}

// care says how carefully a kind of organisation records identity: the chance
// of each error.
type care struct {
	noNumber, wrongNumber, othersNumber float64
	typo, swapped, nickname, noMiddle   float64
	oldName, oldHome, dob, noPostcode   float64
	sex, noContact                      float64
}

var (
	practiceCare = care{0.012, 0.001, 0.0003, 0.008, 0.002, 0.03, 0.35, 0.03, 0.04, 0.003, 0.004, 0.002, 0.25}
	hospitalCare = care{0.06, 0.004, 0.001, 0.025, 0.006, 0.09, 0.55, 0.06, 0.09, 0.010, 0.015, 0.004, 0.35}
	labCare      = care{0.10, 0.006, 0.001, 0.03, 0.010, 0.10, 0.85, 0.07, 0.10, 0.012, 0.06, 0.006, 1}
	councilCare  = care{0.30, 0.008, 0.001, 0.04, 0.010, 0.15, 0.60, 0.08, 0.10, 0.020, 0.01, 0.004, 0.30}
	mentalCare   = care{0.08, 0.004, 0.001, 0.03, 0.006, 0.12, 0.60, 0.06, 0.10, 0.012, 0.02, 0.004, 0.30}
)

// see makes the view of a person on a day. household lends a wrong number now
// and then: another's label on the right person.
func (r region) see(d dice, p *person, on day, c care, household []*person) view {
	home := at(p.homes, on)
	if d.chance(c.oldHome) {
		home = p.homes[0].value
	}
	area := r.area(home)
	v := view{
		nhs: p.nhs, given: p.given, middle: p.middle, family: at(p.families, on), born: p.born.String(), sex: string(p.sex),
		postcode: r.postcode(home), phone: p.phone, email: p.email, ethnicity: p.ethnicity,
		lsoa: r.lsoa(area), decile: string(rune('0' + r.decile(area)%10)),
	}
	if r.decile(area) == 10 {
		v.decile = "10"
	}
	v.line1, v.line2 = r.lines(home)
	v.err(d, p, c, household)
	return v
}

// err applies the errors of a kind of organisation.
func (v *view) err(d dice, p *person, c care, household []*person) {
	if d.chance(c.nickname) {
		v.given = p.goesBy
	}
	if d.chance(c.noMiddle) {
		v.middle = ""
	} else if v.middle != "" && d.chance(0.5) {
		v.middle = v.middle[:1]
	}
	if len(p.families) > 1 && d.chance(c.oldName) {
		v.family = p.families[0].value
	}
	v.number(d, c, household)
	if d.chance(c.typo) {
		v.family = typo(d, v.family)
	}
	if d.chance(c.typo) {
		v.given = typo(d, v.given)
	}
	if d.chance(c.typo / 2) {
		v.postcode = typo(d, v.postcode)
	}
	if d.chance(c.swapped) {
		v.given, v.family = v.family, v.given
	}
	if d.chance(c.dob) {
		v.born = wrongDate(d, v.born)
	}
	if d.chance(c.sex) {
		v.sex = of(d, "M", "F", "U")
	}
	if d.chance(c.noPostcode) {
		v.postcode = of(d, "", "", "ZZ99 3VZ")
	}
	if d.chance(c.noContact) {
		v.phone, v.email = "", ""
	}
	if d.chance(0.07) {
		v.ethnicity = "Z"
	}
	switch x := d.Float64(); { // house styles
	case x < 0.25:
		v.family = strings.ToUpper(v.family)
	case x < 0.3:
		v.given, v.family = strings.ToUpper(v.given), strings.ToUpper(v.family)
	case x < 0.32:
		v.postcode = strings.ReplaceAll(v.postcode, " ", "")
	}
}

func (v *view) number(d dice, c care, household []*person) {
	switch x := d.Float64(); {
	case x < c.noNumber:
		v.nhs = ""
	case x < c.noNumber+c.wrongNumber && v.nhs != "":
		v.nhs = wrongDigit(d, v.nhs)
	case x < c.noNumber+c.wrongNumber+c.othersNumber:
		v.nhs = household[d.IntN(len(household))].nhs
	case x > 0.97 && len(v.nhs) == 10:
		v.nhs = v.nhs[:3] + " " + v.nhs[3:6] + " " + v.nhs[6:]
	}
}

// wrongDigit changes one digit or exchanges two neighbours.
func wrongDigit(d dice, s string) string {
	b := []byte(s)
	i := d.IntN(len(b) - 1)
	if d.chance(0.5) {
		b[i], b[i+1] = b[i+1], b[i]
	} else {
		b[i] = byte('0' + (int(b[i]-'0')+1+d.IntN(9))%10)
	}
	return string(b)
}

// neighbours on the keyboard.
const keys = "qwertyuiop asdfghjkl zxcvbnm"

var sounds = [][2]string{{"ph", "f"}, {"ck", "k"}, {"ie", "ei"}, {"th", "t"}, {"mc", "mac"}, {"ll", "l"}, {"ss", "s"}, {"tt", "t"}, {"ey", "y"}, {"son", "sen"}, {"c", "k"}, {"ee", "ea"}}

// typo makes one slip: a letter changed, lost, doubled, exchanged, or a sound
// spelled another way.
func typo(d dice, s string) string {
	if len(s) < 3 {
		return s
	}
	if d.chance(0.25) {
		low := strings.ToLower(s)
		start := d.IntN(len(sounds))
		for k := range sounds {
			pair := sounds[(start+k)%len(sounds)]
			if i := strings.Index(low, pair[0]); i > 0 {
				return s[:i] + pair[1] + s[i+len(pair[0]):]
			}
		}
	}
	b := []byte(s)
	i := d.between(1, len(b)-2)
	switch d.IntN(4) {
	case 0:
		if k := strings.IndexByte(keys, b[i]|0x20); k > 0 && k < len(keys)-1 && keys[k+1] != ' ' {
			b[i] = keys[k+1]
		}
	case 1:
		b = append(b[:i], b[i+1:]...)
	case 2:
		b = append(b[:i+1], b[i:]...)
	default:
		b[i], b[i+1] = b[i+1], b[i]
	}
	return string(b)
}

// wrongDate slips in an ISO date: day and month exchanged, a year or a decade
// off, or a placeholder.
func wrongDate(d dice, s string) string {
	y, m, dd := s[:4], s[5:7], s[8:]
	switch d.IntN(5) {
	case 0:
		if dd <= "12" {
			return y + "-" + dd + "-" + m
		}
		return y + "-" + m + "-" + "01"
	case 1:
		return y + "-" + m + "-" + string(dd[0]) + string(rune('0'+(int(dd[1]-'0')+1)%9))
	case 2:
		return y[:3] + string(rune('0'+(int(y[3]-'0')+1)%10)) + "-" + m + "-" + dd
	case 3:
		return "1900-01-01"
	}
	return y
}
