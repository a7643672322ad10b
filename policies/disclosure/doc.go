// Package disclosure holds disclosure profiles: the thresholds, dominance
// rules, rounding and floors of a data custodian, as data.
//
// A profile is one YAML file under profiles/, read strictly: an unknown key,
// a value without its source, or a missing part is an error. Every shipped
// profile is "Ark's reading of" somebody's rules and names, value by value,
// where the value was read, when, and how good that evidence is.
//
// The package also answers the two questions every other room has: how may
// this count be shown (RoundCount), and which rules hold when several
// custodians' data meet (Combine). It may import pkg/ark only. It must never
// read tables, microdata or the store, and the zero Profile refuses.
package disclosure
