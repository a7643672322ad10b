// Package protect protects all linked tables of a request at once, and attacks
// them: it puts the tables that airlock/disclosure reads to the solver of
// airlock/suppress.
//
// It may import those two and pkg/ark. It must never read microdata, the store
// or the network, and never let a table out that was not judged again from its
// bytes.
package protect
