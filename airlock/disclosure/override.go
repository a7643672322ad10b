package disclosure

import (
	"slices"
	"strings"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Override is what it takes to let an output pass in spite of a finding.
type Override struct {
	Users      int      // distinct human beings who must name the finding and give a reason
	Custodians []string // who must waive their contract, each for itself
}

// Needed says what it takes to override a finding under a profile: two users
// for a fail, none for less; and every custodian in whose contract the broken
// value stands.
func Needed(p policy.Profile, f Finding) Override {
	if f.Severity != SevFail {
		return Override{}
	}
	return Override{Users: 2, Custodians: p.Contracted(Governs(f.Rule))}
}

// Governs is the path of the profile's value that a rule applies; empty where
// the rule holds under every profile.
func Governs(rule string) string {
	for path, rules := range map[string][]string{
		"counts.threshold": {"count-below-threshold", "count-derived-small", "count-recovered", "base-recovered", "mark-too-narrow", "suppression-recoverable",
			"survival-step", "model-few-in-group", "count-all-but-one", "values-recovered"},
		"counts.zeros": {"count-zero"}, "counts.full": {"count-full"}, "counts.differencing": {"release-difference", "release-nested", "release-noise"},
		"rounding": {"count-unrounded"}, "dominance": {"cell-dominated"}, "dominance.negative": {"cell-negative"},
		"contributors": {"statistic-few-contributors", "cell-all-same"}, "contributors.endpoints": {"statistic-endpoint", "histogram-edge"},
		"models": {"model-few-degrees", "cell-few-degrees", "model-perfect-fit", "model-leverage"}, "geography": {"area-too-fine"}, "dates": {"date-too-fine"},
		"classes": {"class-not-allowed"}, "files": {"file-type"}, "max_rows": {"table-too-long"},
	} {
		if slices.Contains(rules, rule) {
			return path
		}
	}
	return ""
}

// attribute notes on findings whose rules they are, where several profiles were
// combined or a contract is concerned.
func attribute(p policy.Profile, fs []Finding) {
	if len(p.Parts()) == 1 && p.Custodian == "" {
		return
	}
	for i := range fs {
		path := Governs(fs[i].Rule)
		if path == "" || fs[i].Evidence == nil {
			continue
		}
		fs[i].Evidence["profiles"] = strings.Join(p.SetBy(path), " ")
		if cs := p.Contracted(path); len(cs) > 0 {
			fs[i].Evidence["contract_of"] = strings.Join(cs, ",") // as a contest reads them
		}
	}
}
