package highs

// wasmSHA256 pins the solver; see SOURCES.md.
const wasmSHA256 = "528be4365bea1d4188988646b244263f50320df55782e14d6af5bce7cd45c840"

// The minified names of the exports used, for this very build.
const (
	expMemory    = "u"
	expCtors     = "v"
	expFree      = "tc"
	expMalloc    = "uc"
	expCreate    = "F"
	expDestroy   = "G"
	expRun       = "N"
	expPassLP    = "U"
	expPassMIP   = "V"
	expSetBool   = "ia"
	expSetInt    = "ja"
	expSetDouble = "ka"
	expSetString = "la"
	expInfo      = "Ba"
	expInfo64    = "Ca"
	expSolution  = "Ea"
	expStatus    = "Ga"
	expObjective = "Ka"
	expAddRow    = "eb"
	expCosts     = "qb"
	expBounds    = "ub"
	expClearSol  = "ga"
	expSetSol    = "Va"
)
