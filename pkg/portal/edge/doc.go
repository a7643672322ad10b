// Package edge is what every HTTP request to an Ark passes first: which host
// it is for, which headers the answer must carry, how large and how fast it
// may be, what is logged of it and what a crash shows.
//
// It knows no pages, no users and no domain; it may import ark and the
// standard library, and must never log a query string, a body or a path
// parameter: those may hold words of a user or of a workspace.
package edge
