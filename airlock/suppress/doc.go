// Package suppress chooses which further cells of linked tables to withhold so
// that the withheld ones cannot be worked out, and audits such patterns.
//
// The attacker it defends against knows every published value, the equations
// and the bounds, and reasons over the reals; where cells name a single
// contributor, an insider who also knows his own cell. Solvers only search:
// that a cell is protected is shown by two witnesses, tables that agree with
// everything published, checked in exact arithmetic; that one is not, by a
// combination of published equations. What can't be shown counts as unprotected.
//
// The package may import airlock/suppress/highs and pkg/ark. It must never
// read microdata or the store.
package suppress
