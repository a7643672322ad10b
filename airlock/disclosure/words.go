package disclosure

import (
	"slices"
	"strings"
	"unicode"
)

// kind is what a number means.
type kind int

const (
	kUnknown kind = iota
	kLabel
	kCount
	kPercent
	kRate
	kMean
	kMedian
	kQuantile
	kDeviation
	kEndpoint
	kMode
	kSum
	kRatio
	kPValue
	kCoefficient
	kDegrees
	kYear
	kDate
)

// statistic reports whether the kind is a computed figure rather than a label.
func (k kind) statistic() bool { return k >= kCount && k <= kDegrees }

// words splits a heading into lower-case words: "n (%)" → n, pct;
// "meanAge" → mean, age; "P>|t|" → p, t; "95% CI" → 95, pct, ci.
func words(s string) []string {
	var out []string
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			out = append(out, strings.ToLower(b.String()))
			b.Reset()
		}
	}
	prev := rune(0)
	for _, r := range s {
		switch {
		case r == '%':
			flush()
			out = append(out, "pct")
		case unicode.IsLetter(r):
			if unicode.IsUpper(r) && unicode.IsLower(prev) || unicode.IsDigit(prev) && b.Len() > 1 {
				flush()
			}
			b.WriteRune(r)
		case unicode.IsDigit(r):
			if unicode.IsLetter(prev) && b.Len() > 1 {
				flush()
			}
			b.WriteRune(r)
		case r == '²':
			b.WriteRune('2')
		default:
			flush()
		}
		prev = r
	}
	flush()
	return out
}

func anyWord(ws []string, set ...string) bool {
	return slices.ContainsFunc(ws, func(w string) bool { return slices.Contains(set, w) })
}

// kindOf reads a heading. Composite headings such as "n (%)" or "mean (SD)"
// give one kind per part. Nothing recognised gives nil.
func kindsOf(heading string) []kind {
	ws := words(heading)
	if len(ws) == 0 {
		return nil
	}
	if strings.ContainsAny(heading, "([±,/") {
		if parts := compositeKinds(heading); len(parts) > 1 {
			return parts
		}
	}
	if k := kindOfWords(heading, ws); k != kUnknown {
		return []kind{k}
	}
	return nil
}

// compositeKinds reads "n (%)", "Mean (SD)", "median [IQR]", "OR (95% CI)".
func compositeKinds(heading string) []kind {
	// "Cases (n=1220)" is a group with its size; "Lower limb fracture, n (%)"
	// is a name with what is shown of it after the last comma.
	if i := strings.IndexByte(heading, '('); i >= 0 && statesBase(heading[i:]) {
		return compositeKinds(heading[:i])
	}
	if i := strings.IndexAny(heading, "([±"); i > 0 {
		if j := strings.LastIndexByte(heading[:i], ','); j >= 0 {
			heading = heading[j+1:]
		}
	}
	parts := strings.FieldsFunc(heading, func(r rune) bool { return strings.ContainsRune("([])±,;/", r) })
	var out []kind
	for _, p := range parts {
		ws := words(p)
		if len(ws) == 0 {
			continue
		}
		k := kindOfWords(p, ws)
		switch {
		case k == kUnknown && len(out) == 0:
			continue // "Age, mean (SD)"
		case k == kLabel && len(out) == 0:
			continue
		case k == kUnknown || k == kLabel:
			return nil
		}
		out = append(out, k)
		if anyWord(ws, "ci", "iqr", "range") && len(out) > 1 {
			out = append(out, k) // two bounds are printed
		}
	}
	return out
}

// kindOfWords decides by the words of one heading, the most telling first.
func kindOfWords(raw string, ws []string) kind {
	has := func(set ...string) bool { return anyWord(ws, set...) }
	switch {
	case has("n", "num", "number", "no") && has("params", "param", "parameters", "iter", "iters", "iterations", "features", "splits", "folds", "estimators", "predictors", "trees",
		"covariates", "knots", "epochs", "components", "variables", "layers", "terms", "bootstraps", "imputations", "permutations", "draws"):
		return kLabel // a setting of a model counts no people
	case has("max", "min") && has("depth", "leaf", "leaves", "features", "iter", "bins", "split", "child", "nodes", "categories"):
		return kLabel
	case has("pvalue", "pval", "pvalues", "signif", "significance") || has("p") && (len(ws) == 1 || has("value", "val", "trend", "interaction", "adj", "t", "z", "chi", "f")) || has("pr"):
		return kPValue
	case has("df", "dof", "degrees"):
		return kDegrees
	case has("ci", "lcl", "ucl", "lci", "uci", "conf", "ci95", "lower", "upper", "coef", "coefficient", "coefficients", "estimate", "est", "beta", "aor", "ahr",
		"irr", "smr", "arr", "stderr", "tstat", "statistic", "chisq", "chi2", "wald", "aic", "bic", "loglik", "deviance", "auc", "auroc", "sensitivity", "specificity",
		"ppv", "npv", "brier", "slope", "intercept", "correlation", "corr", "rho", "tau", "kappa", "smd", "vif", "se", "r2", "rsquared", "hr", "rr", "effect",
		"hazard", "odds", "likelihood", "zscore", "fpr", "tpr", "gain", "loss", "rmse", "mae", "accuracy", "f1", "survival", "surv", "cumhaz", "propensity", "importance", "gini", "hhi"),
		has("r") && has("squared", "sq", "square"), has("sq", "squares", "ss") && has("sum", "mean"), has("variance") && has("ratio"), has("std", "standard") && has("err", "error", "errors"), has("chi") && has("square", "squared", "sq"), has("t", "z", "f") && (len(ws) == 1 && lowerLetter(raw) || has("stat", "value", "ratio")):
		return kCoefficient
	case slices.Contains(strings.FieldsFunc(raw, func(r rune) bool { return !unicode.IsLetter(r) }), "OR"):
		return kCoefficient
	case has("sd", "std", "stdev", "stddev", "deviation", "variance", "skew", "skewness", "kurtosis"):
		return kDeviation
	case has("median", "p50", "q50"):
		return kMedian
	case has("iqr", "quantile", "percentile", "centile", "lq", "uq", "q1", "q3", "p5", "p10", "p25", "p75", "p90", "p95", "p99", "q25", "q75", "lowerquartile", "upperquartile"):
		return kQuantile
	case has("min", "max", "minimum", "maximum", "range", "oldest", "youngest", "earliest", "latest", "largest", "smallest", "highest", "lowest"):
		return kEndpoint
	case has("mean", "avg", "average", "means"):
		return kMean
	case has("mode", "modal"):
		return kMode
	case has("rate", "rates", "incidence", "asr", "dsr", "per100000", "per1000", "per100k"), has("per") && slices.ContainsFunc(ws, func(w string) bool { return w[0] == '1' }):
		return kRate
	case has("pct", "percent", "percentage", "percentages", "perc", "proportion", "prop", "share", "fraction", "prevalence", "coverage"):
		return kPercent
	case has("ratio"):
		return kRatio
	case has("sum", "cost", "costs", "income", "turnover", "spend", "expenditure", "revenue", "gbp", "salary", "earnings", "grants", "donations", "wages"):
		return kSum
	case has("n", "count", "counts", "num", "freq", "frequency", "frequencies", "patients", "people", "persons", "participants", "individuals", "subjects",
		"events", "cases", "deaths", "admissions", "attendances", "episodes", "population", "pop", "denominator", "denom", "numerator", "records", "observations",
		"obs", "births", "referrals", "tests", "appointments", "respondents", "total", "totals", "number", "nrow", "households", "children", "adults", "controls", "size", "base"),
		has("at") && has("risk"):
		return kCount
	}
	// A heading ends in what its values are: "age band" holds bands, but
	// "Group A" is itself a group whose column holds something else.
	ws = words(beforeBracket(raw))
	if len(ws) == 0 {
		return kUnknown
	}
	end := func(set ...string) bool { return slices.Contains(set, ws[len(ws)-1]) }
	switch {
	case end("year", "yr", "fy", "years"):
		return kYear
	case end("date", "week", "month", "quarter", "day", "period", "start", "starting", "commencing"):
		return kDate
	case end("age", "ages", "band", "decile", "quintile", "group", "category", "time", "level", "stage", "grade", "class", "code", "region", "rank", "order", "index",
		"model", "bin", "variable", "characteristic", "term", "outcome", "exposure", "sex", "gender", "ethnicity", "imd", "name", "label", "icd", "snomed", "id", "hour", "duration", "interval"):
		return kLabel
	}
	return kUnknown
}

// doubtful reports whether a heading read as a coefficient may as well be a
// name: "Upper limb", "Loss of consciousness", "Survival clinic".
func doubtful(heading string) bool {
	return !anyWord(words(heading), "ci", "lcl", "ucl", "lci", "uci", "conf", "ci95", "coef", "coefficient", "coefficients", "beta", "aor", "ahr", "irr", "smr", "arr", "stderr", "tstat",
		"chisq", "chi2", "wald", "aic", "bic", "loglik", "auc", "auroc", "sensitivity", "specificity", "ppv", "npv", "brier", "rho", "tau", "kappa", "smd", "vif", "se", "r2",
		"rsquared", "hr", "pvalue", "pval", "fpr", "tpr", "rmse", "mae", "f1", "cumhaz", "statistic")
}

// beforeBracket drops a unit in brackets: "Time (days)" → "Time ".
func beforeBracket(s string) string {
	if i := strings.IndexAny(s, "(["); i > 0 {
		return s[:i]
	}
	return s
}

// lowerLetter keeps a column "F" (female) from being an F statistic.
func lowerLetter(raw string) bool {
	s := strings.TrimSpace(raw)
	return s == strings.ToLower(s)
}

// isTotal reports whether a label names a total or margin.
func isTotal(label string) bool {
	switch strings.ToLower(strings.Trim(strings.TrimSpace(label), ":.*()")) {
	case "total", "totals", "all", "overall", "grand total", "subtotal", "sub-total", "sum", "margin", "all ages", "all patients", "all people", "all persons", "both", "persons", "everyone", "total n", "n total", "row total", "column total", "england":
		return true
	}
	low := strings.ToLower(strings.TrimSpace(label))
	return strings.HasPrefix(low, "total ") || strings.HasSuffix(low, " total") || strings.HasSuffix(low, " subtotal") || strings.HasSuffix(low, " (total)") || strings.HasSuffix(low, " all") && len(low) < 24 || strings.HasPrefix(strings.ToLower(label), "all ") && len(label) < 24
}
