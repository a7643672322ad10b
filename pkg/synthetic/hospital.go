package synthetic

import (
	"fmt"
	"time"
)

// hospitalFeed is an acute trust's two feeds: emergency attendances and
// admitted episodes, flat rows with the patient's identity in each.
type hospitalFeed struct {
	emergency, admitted   *source
	attendances, episodes *table
	organisation          string
}

const hospitalIdentity = "patient_id,nhs_number,given_name,family_name,date_of_birth,sex,ethnicity,address_1,postcode,lsoa,imd_decile,"

func newHospital(i int, o *output) *hospitalFeed {
	org := fmt.Sprintf("A%02d", i+1)
	e := &source{ID: fmt.Sprintf("ed-%02d", i+1), Organisation: org, Contract: "emergency.yaml", Title: "Emergency attendances"}
	a := &source{ID: fmt.Sprintf("apc-%02d", i+1), Organisation: org, Contract: "admitted.yaml", Title: "Admitted patient care"}
	return &hospitalFeed{emergency: e, admitted: a, organisation: org,
		attendances: e.table("attendances", "attendance_id,"+hospitalIdentity+"arrived_at,departed_at,arrival_mode,acuity,complaint,diagnosis,alcohol_related,disposal,change", o),
		episodes:    a.table("episodes", "episode_id,spell_id,"+hospitalIdentity+"admitted_on,discharged_on,admission_method,primary_diagnosis,secondary_diagnosis,consultant_id,discharge_destination,change", o),
	}
}

// chart is a person's number at one trust, and how the trust has them.
type chart struct {
	local string
	view  view
}

// charts holds a person's charts while their records are made: one per trust,
// now and then a second made by mistake.
type charts struct {
	g     *generator
	p     *person
	house []*person
	byOrg map[string]*chart
}

// open returns the person's chart at a source, seen afresh at times.
func (c *charts) open(d dice, s *source, table string, on day) *chart {
	ch := c.byOrg[s.ID]
	if ch == nil || d.chance(0.01) {
		ch = &chart{local: s.local()}
		c.byOrg[s.ID] = ch
		c.g.truth(s, table, ch.local, c.p)
		ch.view = c.g.region.see(d, c.p, on, hospitalCare, c.house)
	} else if d.chance(0.4) {
		ch.view = c.g.region.see(d, c.p, on, hospitalCare, c.house)
	}
	return ch
}

func (ch *chart) cells() []string {
	v := ch.view
	return []string{ch.local, v.nhs, v.given, v.family, v.born, v.sex, v.ethnicity, v.line1, v.postcode, v.lsoa, v.decile}
}

// emergencies writes a person's attendances, and the admissions they lead to.
func (g *generator) emergencies(d dice, p *person, c *charts) {
	h := p.health
	poor := float64(11-h.decile) / 10
	for _, year := range years() {
		age := p.born.ageAt(year)
		if age < -1 || p.died != 0 && p.died < year {
			continue
		}
		rate := 0.13 + 0.12*poor
		if age < 5 || age > 75 {
			rate += 0.25
		}
		if h.copd != 0 && h.copd <= year {
			rate += 0.3
		}
		if h.asthma != 0 && h.asthma <= year {
			rate += 0.1
		}
		for range d.poisson(rate * g.busy) {
			g.attend(d, p, c, year+day(d.IntN(365)), false)
		}
		if age < 16 || age > 85 {
			continue
		}
		for range d.poisson([]float64{0.008, 0.08, effects.AlcoholAttendances}[h.alcohol]) {
			on := year + day(d.IntN(365))
			if d.chance(effects.AlcoholWeekendShare) {
				on += day((int(time.Saturday) - int(on.weekday()) + 7) % 7)
			}
			g.attend(d, p, c, on, true)
		}
	}
}

func (g *generator) attend(d dice, p *person, c *charts, on day, alcohol bool) {
	if !p.alive(on) || on > spanTo {
		return
	}
	f := g.hospitals[g.region.trust(g.region.area(at(p.homes, on)), d)]
	if alcohol && f.organisation == effects.AlcoholTeamTrust && on >= effects.AlcoholTeamFrom && !d.chance(effects.AlcoholTeamRatio) {
		return
	}
	ch := c.open(d, f.emergency, "attendances", on)
	hour := []int{9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 8, 7, 2, 4, 23, 0}[d.IntN(20)]
	if alcohol {
		hour = of(d, 19, 20, 21, 22, 23, 23, 0, 0, 1, 1, 2, 3, 14)
	}
	arrived := on.time().Add(time.Duration(hour)*time.Hour + time.Duration(d.IntN(60))*time.Minute)
	stay := time.Duration(d.between(25, 420)) * time.Minute
	acuity, complaint, diagnosis := d.between(2, 5), of(d, complaints...), of(d, injuries...)
	flag := "N"
	if alcohol {
		complaint, diagnosis = of(d, "25702006", "82271004", "386661006", "21522001"), of(d, "25702006", "25702006", "82271004", "125605004")
		flag = of(d, "Y", "Y", "Y", "", "N")
	} else if p.health.asthma != 0 && d.chance(0.2) {
		complaint, diagnosis = "267036007", "708038006"
	} else if d.chance(0.3) {
		flag = ""
	}
	admit := 0.16
	if age := p.born.ageAt(on); age > 70 {
		admit = 0.5
	}
	disposal := of(d, "306689006", "306689006", "306689006", "306206005", "1066321000000107")
	admitted := d.chance(admit)
	if admitted {
		disposal = "1066331000000109"
	}
	const layout = "2006-01-02T15:04:05"
	row := append(append([]string{f.emergency.local()}, ch.cells()...), arrived.Format(layout), arrived.Add(stay).Format(layout),
		of(d, "1048031000000100", "1048071000000103", "1048071000000103"), fmt.Sprint(acuity), complaint, diagnosis, flag, disposal, "N")
	if d.chance(0.006) { // brought in unconscious: nobody knows who
		row[1] = f.emergency.local()
		row[2], row[3], row[4], row[5], row[8], row[9], row[10], row[11] = "", "Unknown", "Unknown", "1900-01-01", "", "ZZ99 3VZ", "", ""
		g.truth(f.emergency, "attendances", row[1], p)
	}
	f.attendances.send(d, on, row, either(spoilDate(12), spoilDate(13), put(15, "7", "0"), put(17, "INTOX", "2570200")))
	if admitted {
		g.admit(d, p, c, f, on, "21", diagnosis, alcohol)
	}
}

// ed codes: SNOMED CT as the emergency care data set uses them.
var (
	complaints = []string{"29857009", "21522001", "82271004", "267036007", "386661006", "271807003", "25064002", "161891005"}
	injuries   = []string{"125605004", "82271004", "29857009", "54150009", "233604007", "68566005", "25374005", "284549007"}
)

// admit writes a spell of one or more episodes.
func (g *generator) admit(d dice, p *person, c *charts, f *hospitalFeed, on day, method, why string, alcohol bool) {
	ch := c.open(d, f.admitted, "episodes", on)
	primary := of(d, "J18.9", "I21.9", "N39.0", "R07.4", "A41.9", "S72.0", "R55.X", "K80.2", "I50.0", "I63.9")
	secondary := ""
	switch h := p.health; {
	case alcohol:
		primary = of(d, "F10.0", "F10.3", "K70.3", "S06.0")
	case h.copd != 0 && h.copd <= on && d.chance(0.4):
		primary = "J44.1"
	case h.asthma != 0 && h.asthma <= on && d.chance(0.3):
		primary = "J45.9"
	case h.ckd != 0 && h.ckd <= on && d.chance(0.25):
		primary = of(d, "N17.9", "N18.3", "N18.4", "N18.5")
	}
	switch h := p.health; {
	case h.ckd != 0 && h.ckd <= on && d.chance(0.6):
		secondary = "N18." + map[string]string{codeCKD3: "3", codeCKD4: "4", codeCKD5: "5"}[stage(p.egfr(on))]
	case h.diabetes != 0 && h.diabetes <= on:
		secondary = "E11.9"
	case h.pressure != 0 && h.pressure <= on:
		secondary = "I10.X"
	}
	spell, start := f.admitted.local(), on
	episodes := 1 + d.poisson(0.22)
	for i := range episodes {
		end := min(start+day(d.poisson(2.6)), spanTo)
		if p.died != 0 {
			end = min(end, p.died)
		}
		if end < start {
			break
		}
		where := "19"
		if i+1 < episodes {
			where = "98"
		} else if end == p.died {
			where = "79"
		}
		row := append(append([]string{f.admitted.local(), spell}, ch.cells()...), start.String(), end.String(), method, primary, secondary,
			fmt.Sprintf("C%s%03d", f.organisation, d.IntN(140)), where, "N")
		f.episodes.send(d, end, row, either(spoilDate(13), put(16, "", "ZZZ", "J189", "N18.37"), func(d dice, row []string) {
			row[13], row[14] = row[14], row[13]+"" // discharged before admitted, unless on one day
		}))
		start = end
	}
}

// planned writes planned admissions, and births within the span: the mother's
// spell is beyond this generator, the baby's is there, under no first name.
func (g *generator) planned(d dice, p *person, c *charts) {
	if p.born >= spanFrom && p.born <= spanTo {
		f := g.hospitals[g.region.trust(g.region.area(at(p.homes, p.born)), d)]
		ch := c.open(d, f.admitted, "episodes", p.born)
		ch.view.given, ch.view.nhs = "Baby", of(d, ch.view.nhs, ch.view.nhs, "")
		row := append(append([]string{f.admitted.local(), f.admitted.local()}, ch.cells()...), p.born.String(), min(p.born+day(d.poisson(1.4)), spanTo).String(),
			"82", "Z38.0", "", fmt.Sprintf("C%s%03d", f.organisation, d.IntN(140)), "19", "N")
		f.episodes.send(d, p.born, row, nil)
	}
	age := p.born.ageAt(spanFrom)
	for range d.poisson(6 * (0.02 + float64(max(age, 0))/1100)) {
		on := spanFrom + day(d.IntN(int(spanTo-spanFrom)))
		if p.alive(on) {
			f := g.hospitals[g.region.trust(g.region.area(at(p.homes, on)), d)]
			g.admit(d, p, c, f, on, of(d, "11", "12", "13"), "", false)
		}
	}
}
