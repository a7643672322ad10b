// Package disclosure judges tables as people read them: it types what a file
// shows (labels, counts, percentages, means, p-values …), applies the rules of
// a disclosure profile, and says where and why something may identify people.
//
// Each rule is one file, rule_*.go, with passing and failing samples of the
// same name under samples/. Judgement fails closed: what cannot be read fails,
// what cannot be told is for a person to review. The package may import
// policies/disclosure, pkg/filter, pkg/columnar and pkg/ark. It must never
// open a network, a store or an identifier: who a pseudonym belongs to is a
// question it asks through a function it is given.
package disclosure
