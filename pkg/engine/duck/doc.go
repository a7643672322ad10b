// Package duck is the inside of ark-engine: DuckDB, in a process that has
// already walled itself in. It is the only importer of go-duckdb.
//
// RunJob does one engine.Job; Server answers SQL over a Unix socket inside a
// workspace. DuckDB's own settings (no external access, no extensions, a
// locked configuration) are the second wall; engine/walls is the first. The
// package must never hold a credential, open a socket to anywhere, or let a
// row value into an error.
package duck
