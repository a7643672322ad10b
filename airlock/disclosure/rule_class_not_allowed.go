package disclosure

import policy "github.com/ark-tre/ark/policies/disclosure"

// classNotAllowed: a kind of output the profile doesn't let leave.
func classNotAllowed() Rule {
	return Rule{
		ID: "class-not-allowed", Effective: "2026-11-22",
		Clause: "profile classes; statbarns of SACRO", Applies: "every statistic", Needs: "the table",
		Says: "The profile lists the kinds of output that may leave.",
		check: func(v *view) []Finding {
			var out []Finding
			seen := map[policy.Class]bool{}
			for _, s := range v.sites {
				c, ok := classOf(s.kind)
				if !ok || seen[c] || v.p.Allows(c) || (s.kind == kEndpoint) {
					continue // endpoints have a rule of their own
				}
				seen[c] = true
				out = append(out, v.finding(s.sev(SevFail), v.where(s.row, s.col), s.row, s.col, "this kind of output may not leave under the profile",
					"ask the custodian, or release another kind", "class", string(c)))
			}
			return out
		},
	}
}

// classOf is the statbarn of a kind of figure.
func classOf(k kind) (policy.Class, bool) {
	switch k {
	case kCount, kPercent, kRate:
		return policy.Frequencies, true
	case kMean, kSum:
		return policy.Aggregations, true
	case kMedian, kQuantile:
		return policy.Position, true
	case kEndpoint:
		return policy.Endpoints, true
	case kMode:
		return policy.Mode, true
	case kDeviation:
		return policy.Shape, true
	case kRatio:
		return policy.Ratios, true
	case kPValue, kDegrees:
		return policy.HypothesisTests, true
	case kCoefficient:
		return policy.Correlations, true
	}
	return "", false
}
