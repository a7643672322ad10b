package disclosure

// The rules on a release beside earlier ones. They have no check of their own:
// airlock/differencing applies them, and its samples break and keep them.

const historyNeeded = "the earlier releases of the same data"

func releaseDifference() Rule {
	return Rule{ID: "release-difference", Effective: "2026-11-22", Clause: "profile counts.differencing; ABS DataLab (differences under ten must not be calculable); disclosure.md 4.4",
		Applies: "counts, sums and means with a specification and microdata", Needs: historyNeeded,
		Says: "With earlier releases, figures add up and subtract to a few people."}
}

func releaseNested() Rule {
	return Rule{ID: "release-nested", Effective: "2026-11-22", Clause: "profile counts.differencing; disclosure.md ADV-41 (leave-one-out refits)",
		Applies: "medians, deviations, modes and models", Needs: historyNeeded,
		Says: "The same statistic or model left before, of all but a few of the same people."}
}

func releaseNoise() Rule {
	return Rule{ID: "release-noise", Effective: "2026-11-22", Clause: "averaging: Asghar and Kaafar 2019; disclosure.md 4.4",
		Applies: "figures rounded or perturbed by chance", Needs: historyNeeded,
		Says: "The same true figure left before with other noise: together they tell it."}
}

func releaseSimilar() Rule {
	return Rule{ID: "release-similar", Effective: "2026-11-22", Clause: "can't tell is for review",
		Applies: "any table", Needs: historyNeeded,
		Says: "An earlier table whose people are not known, or one published elsewhere, shows nearly the same figures."}
}

func releaseUnspecified() Rule {
	return Rule{ID: "release-unspecified", Effective: "2026-11-22", Clause: "can't tell is for review; disclosure.md 4.4",
		Applies: "a table without a specification, or with one that can't be tied to people", Needs: historyNeeded,
		Says: "Without a specification nobody can tell who stands behind a figure, or what it gives away beside earlier ones."}
}

func releaseUnsearched() Rule {
	return Rule{ID: "release-unsearched", Effective: "2026-11-22", Clause: "can't tell is for review; disclosure.md 4.4",
		Applies: "tables with a specification", Needs: historyNeeded,
		Says: "More earlier figures are about the same people than can be searched together, or linkage has joined or parted people since one of nearly the same."}
}

// The rules on models fitted again. airlock/rederive applies them.

const modelNeeded = "the model's specification and microdata"

func modelInfluence() Rule {
	return Rule{ID: "model-influence", Effective: "2026-11-22", Clause: "leave-one-out influence: disclosure.md 3, regressions",
		Applies: "linear, logistic and Poisson models; every Cox model, of which it is undefined here", Needs: modelNeeded,
		Says: "One person moves a coefficient by more than its standard error, or how far can't be told."}
}
