// Package highs runs the HiGHS solver, compiled to WebAssembly, inside wazero.
//
// The guest has no files, no network, no environment and a memory cap; its
// bytes are pinned by hash, and it is still untrusted: whoever uses an answer
// must verify it in exact arithmetic. The package imports wazero only. It must
// never be asked to decide anything by itself.
package highs
