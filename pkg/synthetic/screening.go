package synthetic

// Codes of two conditions whose studies are in docs/studies: SNOMED CT.
const (
	codeFamilyBreast = "429740004" // family history of malignant neoplasm of breast
	codeBreastCancer = "254837009"
	codeChildObese   = "444862003"
	codeWeightHelp   = "408289007" // referral to a weight management programme
)

// screen writes what practices know of women at high risk of breast cancer and
// of families with obese children. It draws from streams of its own, so that
// nothing else in a region changes with it.
func (g *generator) screen(p *person, regs []registration) {
	d := throw(g.seed^0x5c4ee7, uint64(p.id))
	age := p.born.ageAt(spanFrom)
	if p.sex == 'F' && age >= 30 && age <= 74 {
		g.breast(d, p, regs)
	}
	if age >= 4 && age <= 15 {
		g.childhood(d, p, regs)
	}
}

// coded writes an event at the practice that covers the day, if any does.
func (g *generator) coded(d dice, p *person, regs []registration, on day, code string) {
	if r := practiceAt(regs, on); r != nil && p.alive(on) && on <= spanTo {
		g.event(d, r, on, code, "", "")
	}
}

func (g *generator) breast(d dice, p *person, regs []registration) {
	high := d.chance(effects.BreastHighRisk)
	rate := effects.BreastRate
	if high {
		rate *= effects.BreastRateRatio
		g.coded(d, p, regs, spanFrom+day(d.IntN(60)), codeFamilyBreast)
	}
	if wait := d.ExpFloat64() / rate * 365.25; wait < float64(spanTo-spanFrom-90) {
		g.coded(d, p, regs, spanFrom+90+day(wait), codeBreastCancer)
	}
}

// childhood draws by household: brothers and sisters share the chance of help.
func (g *generator) childhood(d dice, p *person, regs []registration) {
	share, help := effects.ObeseOthers, effects.HelpOthers
	if p.health.decile <= 3 {
		share, help = effects.ObeseDeprived, effects.HelpDeprived
	}
	if !d.chance(share) {
		return
	}
	on := spanFrom + day(d.IntN(1000))
	g.coded(d, p, regs, on, codeChildObese)
	if family := throw(g.seed^0xfa317, uint64(p.household)); family.chance(help) {
		g.coded(d, p, regs, on+day(d.between(14, 200)), codeWeightHelp)
	}
}
