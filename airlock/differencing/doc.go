// Package differencing remembers every figure that ever left and finds what a
// new one gives away beside them: counts that subtract to a few people, over
// tables, projects, users and versions of the same data.
//
// Each released figure is kept as a contributor set: who stands behind it, by
// numbers of a domain of the airlock's own, with how many records, and what
// the printed figure says about its value (a value, or the interval that
// rounding leaves). People are refined into atoms, who are in the same sets;
// a combination of figures that leaves nothing of any atom of at least the
// threshold isolates a small group, and is refused unless rounding hides it
// as well as withholding a cell would.
//
// People whom linkage joins or parts have other numbers afterwards. A table of
// which numbers were ever one person (Same) lets figures of two linkages be
// compared as of the same people; figures of one linkage are compared as it
// told people apart, too.
//
// The sets are membership lists. The package may touch the bytes it is given
// and the one folder of a history kept by hand. It must never reach a
// database, an identifier or the person index, and never say to an author
// which earlier release is in the way.
package differencing
