package disclosure

// Rule is one disclosure rule: what it is called, where it comes from, since
// when it holds, what it looks at and what evidence it needs. Its samples lie
// in samples/<ID>.yaml.
type Rule struct {
	ID        string `json:"id"`
	Clause    string `json:"clause"`
	Effective string `json:"effective"`
	Applies   string `json:"applies"`
	Needs     string `json:"needs"`
	Says      string `json:"says"`

	check func(*view) []Finding // nil: found while reading, see read.go and check.go
}

// Rules lists every rule, sorted by id. The list is closed: a finding carries
// one of these ids and no other.
func Rules() []Rule {
	return []Rule{
		areaTooFine(),
		baseRecovered(),
		cellAllSame(),
		cellDominated(),
		cellFewDegrees(),
		cellNegative(),
		classNotAllowed(),
		countAllButOne(),
		countBelowThreshold(),
		countDerivedSmall(),
		countFull(),
		countRecovered(),
		countUnrounded(),
		countZero(),
		dateTooFine(),
		fileChanged(),
		fileNotATable(),
		fileType(),
		formulaCell(),
		histogramEdge(),
		identifierBirthDate(),
		identifierContact(),
		identifierNHSNumber(),
		identifierPostcode(),
		identifierPseudonym(),
		labelEncoded(),
		labelTooLong(),
		markTooNarrow(),
		modelFewDegrees(),
		modelFewInGroup(),
		modelInfluence(),
		modelLeverage(),
		modelPerfectFit(),
		percentageWithoutBase(),
		releaseDifference(),
		releaseNested(),
		releaseNoise(),
		releaseSimilar(),
		releaseUnsearched(), releaseUnspecified(),
		rowLevel(),
		statisticEndpoint(),
		statisticFewContributors(),
		suppressionRecoverable(),
		survivalStep(),
		tableHeaderless(),
		tableIncomplete(),
		tableNoFigures(),
		tableNotReproducible(),
		tableRagged(),
		tableTooLong(),
		tableUnreadable(),
		valuesRecovered(),
	}
}
