// Package filter is the one small language in which Ark says "these rows":
// permits, contracts, output specifications and commands all use it.
//
//	age >= 18 AND sex IN ('1', '2') AND NOT (died IS NOT NULL OR @excluded)
//
// Comparisons (= <> < <= > >=), IN, BETWEEN, LIKE, IS NULL, AND, OR, NOT,
// arithmetic (+ - * / % over numbers, date - date in days) and named
// references (@name). Literals: 12, 1.5, 'text', TRUE, FALSE, DATE
// '2020-01-31', TIMESTAMP '2020-01-31 10:00'; a 'text' beside a date is read as
// a date. Keywords in any case; names as written, "quoted" where they aren't
// plain. Truth has three values, as in SQL: a comparison with a missing value
// is unknown, and a row is kept only where the whole is true.
//
//	e, err := filter.Parse(text)                   // limits on length and depth
//	c, err := e.Check(filter.Scope{Types: …, Refs: …})
//	c.SQL()                                        // DuckDB's dialect
//	c.Words(labels)                                // English, for a custodian
//	b, err := c.Bind(columns); b.Eval(row) == filter.True
//
// SQL exists for a checked expression only, and is assembled from fixed words,
// from quoted names that were found in the schema, and from escaped literals:
// no text of a user reaches an engine as anything but a name or a literal.
// All arithmetic is in double precision; division by zero is missing.
//
// The package may import cell and the nouns only. It must never read data,
// and its faults never repeat a literal.
package filter
