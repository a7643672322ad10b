// Package rederive computes an output again from its specification and the
// microdata behind it, says who stands behind each figure and how far its
// printed form leaves it open, and judges it: alone by the rules of a profile,
// and beside everything that left before.
//
// It may touch the bytes, the microdata and the history it is given. It must
// never reach a database, a network or an identifier, and never run code that
// came with an output.
package rederive
