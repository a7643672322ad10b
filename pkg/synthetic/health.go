package synthetic

import "math"

// health is the course of one person's health, drawn once; feeds show parts of it.
type health struct {
	decile   int // deprivation at the first home
	smoker   bool
	bmi      float64
	alcohol  int // 0 none or little, 1 raised, 2 harmful
	diabetes day
	pressure day // hypertension
	asthma   day
	copd     day
	low      day // depression
	dementia day
	egfr40   float64 // kidney function at 40
	decline  float64 // of it, per year after 40
	ckd      day     // when kidney function first fell below 60
	ckdCoded day     // when a practice first recorded it, 0 never
}

// The planted effects. They are written to truth/effects.json, so that a study
// on the feeds can be compared with what was put in.
var effects = planted{
	CKDDelayDeprived: 1100, CKDDelayOthers: 420, CKDNeverDeprived: 0.40, CKDNeverOthers: 0.18,
	AlcoholMostDeprived: 0.085, AlcoholLeastDeprived: 0.02, AlcoholAttendances: 1.3, AlcoholTeamFrom: dayOf(2023, 1, 1),
	AlcoholTeamTrust: "A01", AlcoholTeamRatio: 0.7, AlcoholWeekendShare: 0.62,
	BreastHighRisk: 0.15, BreastRate: 0.006, BreastRateRatio: 3,
	ObeseDeprived: 0.24, ObeseOthers: 0.12, HelpDeprived: 0.3, HelpOthers: 0.6,
}

type planted struct {
	CKDDelayDeprived     float64 `json:"ckd_mean_days_to_record_deciles_1_to_3"`
	CKDDelayOthers       float64 `json:"ckd_mean_days_to_record_deciles_4_to_10"`
	CKDNeverDeprived     float64 `json:"ckd_share_never_recorded_deciles_1_to_3"`
	CKDNeverOthers       float64 `json:"ckd_share_never_recorded_deciles_4_to_10"`
	AlcoholMostDeprived  float64 `json:"harmful_drinking_share_decile_1"`
	AlcoholLeastDeprived float64 `json:"harmful_drinking_share_decile_10"`
	AlcoholAttendances   float64 `json:"attendances_per_year_of_harmful_drinkers"`
	AlcoholWeekendShare  float64 `json:"share_of_alcohol_attendances_friday_evening_to_sunday"`
	AlcoholTeamTrust     string  `json:"alcohol_care_team_trust"`
	AlcoholTeamFrom      day     `json:"-"`
	AlcoholTeamRatio     float64 `json:"alcohol_attendance_rate_ratio_after_the_team"`
	BreastHighRisk       float64 `json:"breast_share_of_women_at_high_risk"`
	BreastRate           float64 `json:"breast_cancers_a_year_at_usual_risk"`
	BreastRateRatio      float64 `json:"breast_cancer_rate_ratio_at_high_risk"`
	ObeseDeprived        float64 `json:"obese_share_of_children_deciles_1_to_3"`
	ObeseOthers          float64 `json:"obese_share_of_children_deciles_4_to_10"`
	HelpDeprived         float64 `json:"family_helped_share_of_obese_children_deciles_1_to_3"`
	HelpOthers           float64 `json:"family_helped_share_of_obese_children_deciles_4_to_10"`
}

// foresee draws the course of a person's health from age, sex and deprivation.
func (w *population) foresee(d dice, p *person) health {
	h := health{decile: w.region.decile(w.region.area(p.homes[0].value))}
	poor := float64(11-h.decile) / 10 // 1 most deprived, 0.1 least
	age := p.born.ageAt(spanTo)
	h.smoker = age >= 16 && d.chance(0.06+0.2*poor)
	h.bmi = min(max(d.normal(25.2+2.4*poor, 4.6), 15.5), 58)
	if age < 18 {
		h.bmi = min(max(d.normal(17.5+1.2*poor, 2.6), 12), 38)
	}
	if age >= 17 && age <= 75 {
		harmful := effects.AlcoholLeastDeprived + (effects.AlcoholMostDeprived-effects.AlcoholLeastDeprived)*(poor-0.1)/0.9
		if p.sex == 'F' {
			harmful *= 0.6
		} else {
			harmful *= 1.4
		}
		switch x := d.Float64(); {
		case x < harmful:
			h.alcohol = 2
		case x < harmful+0.2:
			h.alcohol = 1
		}
	}
	onset := func(perYear float64, from int) day {
		if wait := d.ExpFloat64() / perYear; wait < float64(age-from) {
			return p.born + day((float64(from)+wait)*365.25)
		}
		return 0
	}
	h.diabetes = onset(0.0028*(0.6+poor)*math.Exp((h.bmi-27)/8), 30)
	h.pressure = onset(0.009*(0.7+0.5*poor), 35)
	h.asthma = onset(0.0022, 2)
	if h.smoker {
		h.copd = onset(0.006, 40)
	}
	h.low = onset(0.005*(0.6+poor), 15)
	h.dementia = onset(0.012, 70)
	h.kidneys(d, p, poor)
	p.died = w.fate(d, p, h, poor)
	if p.died != 0 && h.ckdCoded > p.died {
		h.ckdCoded = 0
	}
	return h
}

func (h *health) kidneys(d dice, p *person, poor float64) {
	h.egfr40 = min(max(d.normal(101, 11), 62), 125)
	h.decline = min(max(d.normal(0.75+0.15*poor, 0.35), 0.2), 2.2)
	if h.diabetes != 0 {
		h.decline += max(0, d.normal(0.8, 0.6))
	}
	if h.pressure != 0 {
		h.decline += max(0, d.normal(0.3, 0.3))
	}
	years := (h.egfr40 - 60) / h.decline
	onset := p.born + day((40+years)*365.25)
	if onset > spanTo {
		return
	}
	h.ckd = onset
	mean, never := effects.CKDDelayOthers, effects.CKDNeverOthers
	if h.decile <= 3 {
		mean, never = effects.CKDDelayDeprived, effects.CKDNeverDeprived
	}
	if !d.chance(never) {
		h.ckdCoded = max(onset+day(90+d.ExpFloat64()*mean), p.born+1)
	}
}

// egfr is the true kidney function on a day.
func (p *person) egfr(at day) float64 {
	years := float64(at-p.born)/365.25 - 40
	return max(p.health.egfr40-p.health.decline*max(years, 0), 6)
}

// creatinine is the serum creatinine, in µmol/l, that gives this kidney
// function by the CKD-EPI equation of 2021.
func (p *person) creatinine(egfr float64, at day) float64 {
	k, a, f := 0.9, -0.302, 1.0
	if p.sex == 'F' {
		k, a, f = 0.7, -0.241, 1.012
	}
	x := egfr / (142 * f * math.Pow(0.9938, float64(at-p.born)/365.25))
	ratio := math.Pow(x, -1/1.2)
	if ratio <= 1 {
		ratio = math.Pow(x, 1/a)
	}
	return min(max(k*ratio*88.42, 20), 1500)
}

// fate draws the day of death within the span, 0 for those who live through it.
func (w *population) fate(d dice, p *person, h health, poor float64) day {
	for _, y := range years() {
		age := float64(y-p.born) / 365.25
		if age < 0 {
			continue
		}
		rate := 0.00003*math.Exp(0.095*age) + 0.0001
		if h.smoker {
			rate *= 1.6
		}
		if h.alcohol == 2 {
			rate = rate*1.5 + 0.002
		}
		if p.egfrOf(h, y) < 45 {
			rate *= 1.7
		}
		if d.chance(min(rate*(0.75+0.5*poor), 0.7)) {
			return min(y+day(d.IntN(365)), spanTo)
		}
	}
	return 0
}

func (p *person) egfrOf(h health, at day) float64 {
	q := *p
	q.health = h
	return q.egfr(at)
}
