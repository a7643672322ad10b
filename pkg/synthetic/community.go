package synthetic

import "fmt"

// councilFeed is a council's adult social care: clients and their packages.
type councilFeed struct {
	*source
	clients, packages *table
}

func newCouncil(i int, o *output) *councilFeed {
	s := &source{ID: fmt.Sprintf("social-%02d", i+1), Organisation: fmt.Sprintf("C%02d", i+1), Contract: "social-care.yaml", Title: "Adult social care"}
	return &councilFeed{s,
		s.table("clients", "client_id,nhs_number,given_name,family_name,date_of_birth,sex,ethnicity,address_1,address_2,postcode,phone,lsoa,imd_decile,change", o),
		s.table("packages", "package_id,client_id,kind,started_on,ended_on,weekly_hours,worker_id,change", o),
	}
}

// mentalFeed is a mental health trust's referrals.
type mentalFeed struct {
	*source
	referrals *table
}

func newMental(i int, o *output) *mentalFeed {
	s := &source{ID: fmt.Sprintf("mental-%02d", i+1), Organisation: fmt.Sprintf("M%02d", i+1), Contract: "mental-health.yaml", Title: "Mental health referrals"}
	return &mentalFeed{s, s.table("referrals",
		"referral_id,patient_id,nhs_number,given_name,family_name,date_of_birth,sex,ethnicity,postcode,lsoa,imd_decile,referred_on,referral_source,reason,team,closed_on,change", o)}
}

// support writes social care for the old and frail.
func (g *generator) support(d dice, p *person, house []*person) {
	age := p.born.ageAt(spanTo)
	need := 0.004
	if age > 65 {
		need = 0.02 + float64(age-65)*0.012
	}
	if p.health.dementia != 0 {
		need += 0.3
	}
	if len(house) > 7 && age > 70 {
		need = 0.9
	}
	if age < 18 || !d.chance(min(need, 0.95)) {
		return
	}
	start := max(spanFrom, p.born+18*366) + day(d.IntN(2000))
	if !p.alive(start) || start > spanTo {
		return
	}
	f := g.councils[g.region.council(g.region.area(at(p.homes, start)))]
	id := f.local()
	v := g.region.see(d, p, start, councilCare, house)
	f.clients.send(d, start, []string{id, v.nhs, v.given, v.family, v.born, v.sex, v.ethnicity, v.line1, v.line2, v.postcode, v.phone, v.lsoa, v.decile, "N"}, put(5, "Other", "1"))
	g.truth(f.source, "clients", id, p)
	for range 1 + d.poisson(1.3) {
		if !p.alive(start) || start > spanTo {
			return
		}
		end := start + day(d.between(20, 900))
		ended := end.String()
		if p.died != 0 && end > p.died {
			end, ended = p.died, p.died.String()
		} else if end > spanTo {
			ended = ""
		}
		kind := of(d, "home-care", "home-care", "home-care", "day-care", "equipment", "residential", "nursing", "direct-payment")
		hours := ""
		if kind == "home-care" {
			hours = num(float64(d.between(4, 60))/2, 1)
		}
		row := []string{f.local(), id, kind, start.String(), ended, hours, fmt.Sprintf("W%03d", d.IntN(200)), "N"}
		f.packages.send(d, start, row, either(spoilDate(3), put(2, "HC", "homecare"), put(5, "400", "twice daily")))
		start = end + day(d.between(0, 200))
	}
}

// refer writes mental health referrals.
func (g *generator) refer(d dice, p *person, c *charts, regs []registration) {
	rate := 0.02
	if p.health.low != 0 {
		rate = 0.8
	}
	if p.health.alcohol == 2 {
		rate += 0.4
	}
	for range d.poisson(rate) {
		on := spanFrom + day(d.IntN(int(spanTo-spanFrom)))
		if !p.alive(on) || p.born.ageAt(on) < 11 {
			continue
		}
		f := g.mentals[g.region.mental(g.region.area(at(p.homes, on)))]
		ch := c.open(d, f.source, "referrals", on)
		if ch.view.nhs != "" && d.chance(0.02) {
			ch.view = g.region.see(d, p, on, mentalCare, c.house)
		}
		v := ch.view
		closed := on + day(d.between(7, 500))
		done := closed.String()
		if closed > spanTo {
			done = ""
		}
		reason := of(d, "depression", "anxiety", "psychosis", "self-harm", "eating", "other")
		if p.health.alcohol == 2 && d.chance(0.5) {
			reason = "substance"
		} else if p.health.dementia != 0 && d.chance(0.6) {
			reason = "memory"
		}
		row := []string{f.local(), ch.local, v.nhs, v.given, v.family, v.born, v.sex, v.ethnicity, v.postcode, v.lsoa, v.decile, on.String(),
			of(d, "gp", "gp", "gp", "emergency", "self", "social-care"), reason, of(d, "community", "crisis", "older-adults", "talking-therapies", "liaison"), done, "N"}
		f.referrals.send(d, on, row, either(spoilDate(11), put(13, "dep", "99"), put(12, "G.P.")))
	}
}
