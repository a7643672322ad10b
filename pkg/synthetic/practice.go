package synthetic

import "fmt"

// practiceFeed is a general practice's feed: who is registered, what was coded
// and what was prescribed.
type practiceFeed struct {
	*source
	registrations, events, prescriptions *table
}

func newPractice(i int, o *output) *practiceFeed {
	s := &source{ID: fmt.Sprintf("gp-%03d", i+1), Organisation: fmt.Sprintf("P%05d", i+1), Contract: "gp.yaml", Title: "General practice record"}
	return &practiceFeed{s,
		s.table("registrations", "patient_id,nhs_number,given_name,middle_name,family_name,date_of_birth,sex,ethnicity,address_1,address_2,postcode,phone,email,lsoa,imd_decile,registered_on,deducted_on,date_of_death,change", o),
		s.table("events", "event_id,patient_id,event_date,code,value,unit,clinician_id,change", o),
		s.table("prescriptions", "prescription_id,patient_id,issued_on,bnf_code,quantity,change", o),
	}
}

// registration is one person's time at one practice.
type registration struct {
	feed     *practiceFeed
	local    string
	from, to day // to is 0 while it lasts
}

// register writes a person's registrations and returns them in order.
func (g *generator) register(d dice, p *person, house []*person) []registration {
	if d.chance(0.012) {
		return nil // registered nowhere
	}
	var out []registration
	for i, h := range p.homes {
		end := spanTo
		if i+1 < len(p.homes) {
			end = p.homes[i+1].from
		}
		if end < spanFrom-600 || p.died != 0 && h.from > p.died || p.born > end {
			continue
		}
		feed := g.practices[g.region.practice(g.region.area(h.value), d)]
		if n := len(out); n > 0 && out[n-1].feed == feed {
			continue
		} else if n > 0 {
			out[n-1].to = h.from + day(d.between(3, 60))
		}
		from := max(h.from+day(d.between(1, 90)), p.born+day(d.between(5, 60)))
		if h.from == 0 {
			from = max(spanFrom-day(d.between(100, 5000)), p.born+day(d.between(5, 60)))
		}
		out = append(out, registration{feed: feed, local: feed.local(), from: from})
	}
	for i := range out {
		g.registration(d, p, house, &out[i])
	}
	return out
}

func (g *generator) registration(d dice, p *person, house []*person, r *registration) {
	if r.from > spanTo {
		return
	}
	seen := min(spanTo, firstCut)
	if r.from > firstCut {
		seen = spanTo
	}
	if r.to != 0 {
		seen = min(seen, r.to)
	}
	v := g.region.see(d, p, max(seen, r.from), practiceCare, house)
	row := func(v view, until day) []string {
		left, died := day(0), day(0)
		if r.to != 0 && r.to <= until {
			left = r.to
		}
		if p.died != 0 && p.died <= until && !d.chance(0.03) {
			died = p.died
		}
		return []string{r.local, v.nhs, v.given, v.middle, v.family, v.born, v.sex, v.ethnicity, v.line1, v.line2, v.postcode, v.phone, v.email,
			v.lsoa, v.decile, r.from.String(), left.String(), died.String(), "N"}
	}
	t := r.feed.registrations
	t.send(d, r.from, row(v, seen), either(spoilDate(15), put(6, "X", "9", "Male"), put(14, "11", "0")))
	g.truth(r.feed.source, "registrations", r.local, p)
	if r.from > firstCut {
		return
	}
	changed := r.to > firstCut || p.died > firstCut || at(p.homes, firstCut) != at(p.homes, spanTo) && (r.to == 0 || r.to > firstCut) ||
		at(p.families, firstCut) != at(p.families, spanTo)
	if changed {
		t.again(row(g.region.see(d, p, spanTo, practiceCare, house), spanTo), "U")
	}
}

// codes of the practice record: SNOMED CT.
const (
	codeDiabetes   = "44054006"
	codePressure   = "38341003"
	codeAsthma     = "195967001"
	codeCOPD       = "13645005"
	codeDepression = "35489007"
	codeDementia   = "52448006"
	codeCKD3       = "433144002"
	codeCKD4       = "431857002"
	codeCKD5       = "433146000"
	codeAlcohol    = "15167005"
	codeCreatinine = "1000731000000107"
	codeEGFR       = "1020291000000106"
	codeHbA1c      = "999791000000106"
	codeBMI        = "60621009"
	codeSystolic   = "271649006"
	codeSmoker     = "77176002"
	codeNonSmoker  = "8392000"
	codeUnits      = "1082641000000106"
)

func (r *registration) covers(on day) bool { return on >= r.from && (r.to == 0 || on < r.to) }

// practiceAt returns the registration that covers a day, nil if none does.
func practiceAt(regs []registration, on day) *registration {
	for i := range regs {
		if regs[i].covers(on) {
			return &regs[i]
		}
	}
	return nil
}

// event writes one coded event.
func (g *generator) event(d dice, r *registration, on day, code, value, unit string) {
	clinician := fmt.Sprintf("%s-%02d", r.feed.Organisation, d.IntN(9))
	row := []string{r.feed.local(), r.local, on.String(), code, value, unit, clinician, "N"}
	spoil := either(spoilDate(2), put(3, "XE0Uc", "4405400", "C10..", "38341003X"))
	if value != "" {
		spoil = either(spoil, put(4, "9999", "-1", "n/a", "see note"))
	}
	r.feed.events.send(d, on, row, spoil)
}

// diagnoses writes the conditions a practice has coded. When someone changes
// practice the record follows, so the new practice sends them too.
func (g *generator) diagnoses(d dice, p *person, regs []registration) {
	h := p.health
	list := []struct {
		on   day
		code string
	}{{h.diabetes, codeDiabetes}, {h.pressure, codePressure}, {h.asthma, codeAsthma}, {h.copd, codeCOPD}, {h.low, codeDepression}, {h.dementia, codeDementia}, {h.ckdCoded, ""}}
	if h.alcohol == 2 && d.chance(0.35) {
		list = append(list, struct {
			on   day
			code string
		}{spanFrom + day(d.IntN(2100)), codeAlcohol})
	}
	for _, c := range list {
		if c.on == 0 || !p.alive(c.on) {
			continue
		}
		if c.code == "" {
			c.code = stage(p.egfr(c.on))
		} else {
			c.on += day(d.between(0, 150))
		}
		for i := range regs {
			r := &regs[i]
			if c.on > spanTo || r.to != 0 && c.on >= r.to || p.died != 0 && c.on > p.died {
				continue
			}
			g.event(d, r, c.on, c.code, "", "")
		}
	}
}

func stage(egfr float64) string {
	switch {
	case egfr >= 30:
		return codeCKD3
	case egfr >= 15:
		return codeCKD4
	}
	return codeCKD5
}

// care writes a person's years at the practice: measurements, prescriptions,
// and the blood tests the practice sends to the laboratory.
func (g *generator) care(d dice, p *person, house []*person, regs []registration) {
	h := p.health
	for _, year := range years() {
		age := p.born.ageAt(year)
		since := func(onset day) bool { return onset != 0 && onset <= year }
		visits := 0.35 + float64(max(age, 0))/65
		tests := 0.06
		if age > 40 {
			tests += 0.22
		}
		if since(h.pressure) {
			visits, tests = visits+0.6, tests+0.5
		}
		if since(h.diabetes) {
			visits, tests = visits+0.8, tests+0.9
		}
		if since(h.ckd) {
			tests += 0.55
		}
		for range d.poisson(visits * g.busy) {
			on := year + day(d.IntN(365))
			if r := practiceAt(regs, on); r != nil && p.alive(on) {
				g.measure(d, p, r, on)
			}
		}
		for range d.poisson(tests * g.busy) {
			on := year + day(d.IntN(365))
			if r := practiceAt(regs, on); r != nil && p.alive(on) {
				g.bloods(d, p, house, r, on)
			}
		}
		g.prescribe(d, p, regs, year)
	}
}

func (g *generator) measure(d dice, p *person, r *registration, on day) {
	h := p.health
	switch x := d.Float64(); {
	case x < 0.45:
		mean := 112 + 0.35*float64(p.born.ageAt(on))
		if h.pressure != 0 && h.pressure <= on {
			mean += 12
		}
		g.event(d, r, on, codeSystolic, num(d.normal(mean, 12), 0), "mm[Hg]")
	case x < 0.75:
		g.event(d, r, on, codeBMI, num(max(d.normal(h.bmi, 0.8), 11), 1), "kg/m2")
	case x < 0.9 && h.smoker:
		g.event(d, r, on, codeSmoker, "", "")
	case x < 0.9:
		g.event(d, r, on, codeNonSmoker, "", "")
	default:
		g.event(d, r, on, codeUnits, num(max(0, d.normal([]float64{5, 24, 55}[h.alcohol], 6)), 0), "units/week")
	}
}

// medicines by condition, as BNF chemical substances.
func (g *generator) prescribe(d dice, p *person, regs []registration, year day) {
	h := p.health
	for _, m := range []struct {
		onset day
		code  string
		share float64
	}{{h.diabetes, "0601022B0", 0.8}, {h.pressure, "0205051R0", 0.5}, {h.pressure, "0206020A0", 0.4}, {h.asthma, "0301011R0", 0.7}, {h.low, "0403030Q0", 0.4}, {h.diabetes, "0212000B0", 0.6}, {h.copd, "0301011R0", 0.6}} {
		if m.onset == 0 || m.onset > year || !d.chance(m.share) {
			continue
		}
		for range d.between(1, 4) * int(g.busy) {
			on := year + day(d.IntN(365))
			r := practiceAt(regs, on)
			if r == nil || !p.alive(on) {
				continue
			}
			row := []string{r.feed.local(), r.local, on.String(), m.code, of(d, "28", "56", "56", "84", "1"), "N"}
			r.feed.prescriptions.send(d, on, row, either(spoilDate(2), put(4, "-28", "56 tabs", "")))
		}
	}
}
