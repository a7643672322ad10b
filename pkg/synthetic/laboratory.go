package synthetic

import "strconv"

// labFeed is a pathology laboratory's: requests with the patient as the
// request form had them, and the results. The laboratory has no patient number
// of its own: every request is a person to be linked.
type labFeed struct {
	*source
	requests, results *table
}

func newLaboratory(o *output) *labFeed {
	s := &source{ID: "lab-01", Organisation: "L01", Contract: "pathology.yaml", Title: "Pathology results"}
	return &labFeed{s,
		s.table("requests", "request_id,nhs_number,given_name,family_name,date_of_birth,sex,postcode,requester,specimen_id,collected_on,change", o),
		s.table("results", "result_id,request_id,reported_on,code,value,unit,comment,change", o),
	}
}

// bloods takes a blood test: the laboratory's request and results, and the
// practice's copy of them, which now and then does not arrive.
func (g *generator) bloods(d dice, p *person, house []*person, r *registration, on day) {
	l := g.lab
	v := g.region.see(d, p, on, labCare, house)
	id := l.local()
	row := []string{id, v.nhs, v.given, v.family, v.born, v.sex, v.postcode, r.feed.Organisation, l.local(), on.String(), "N"}
	l.requests.send(d, on, row, either(spoilDate(9), put(5, "Female", "9")))
	g.truth(l.source, "requests", id, p)

	egfr := max(p.egfr(on)*d.normal(1, 0.06), 4)
	creatinine := p.creatinine(egfr, on)
	sent := on + day(d.between(0, 3))
	filed := d.chance(0.92)
	g.result(d, id, sent, "14682-9", num(creatinine, 0), "umol/L")
	g.result(d, id, sent, "62238-1", num(min(egfr, 120), 0), "mL/min/{1.73_m2}")
	g.result(d, id, sent, "2823-3", num(d.normal(4.3, 0.4)+max(0, 50-egfr)/60, 1), "mmol/L")
	if filed {
		g.event(d, r, sent, codeCreatinine, num(creatinine, 0), "umol/L")
		g.event(d, r, sent, codeEGFR, num(min(egfr, 120), 0), "mL/min/{1.73_m2}")
	}
	if d.chance(0.3) {
		mean := 136.0
		if p.sex == 'M' {
			mean = 148
		}
		g.result(d, id, sent, "718-7", num(d.normal(mean-max(0, 45-egfr)*0.6, 11), 0), "g/L")
	}
	if p.health.alcohol > 0 && d.chance(0.5) {
		g.result(d, id, sent, "1742-6", num(max(8, d.normal(25+30*float64(p.health.alcohol), 18)), 0), "U/L")
	}
	if diabetic := p.health.diabetes != 0 && p.health.diabetes <= on; diabetic || d.chance(0.15) {
		x := max(d.normal(37, 3.5), 24)
		if diabetic {
			x = max(d.normal(58, 13), 30)
		}
		g.result(d, id, sent, "59261-8", num(x, 0), "mmol/mol")
		if filed {
			g.event(d, r, sent, codeHbA1c, num(x, 0), "mmol/mol")
		}
	}
}

func (g *generator) result(d dice, request string, on day, code, value, unit string) {
	comment := ""
	if d.chance(0.02) { // free text, which no contract declares: it must go nowhere
		comment = of(d, "Sample haemolysed, please repeat", "Telephoned to surgery, spoke to reception", "Patient's daughter asked for a call back")
	}
	row := []string{g.lab.local(), request, on.String(), code, value, unit, comment, "N"}
	g.lab.results.send(d, on, row, either(spoilDate(2), put(4, "<10", "HAEM", ""), func(d dice, row []string) {
		if x, err := strconv.ParseFloat(row[4], 64); err == nil && code == "14682-9" {
			row[4] = num(x/88.42, 2) // milligrams per decilitre under the other unit's name
		}
	}))
}
