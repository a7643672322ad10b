// Package pseudonym makes keyed, one-way names for people, records and other
// entities, and checks their form.
//
// A name is HMAC-SHA256 under the key of one domain (the Ark itself, or one
// project), cut to 80 bits and written in Crockford's base 32. Two domains
// share no name: that is what re-keying at the cut relies on. The package
// holds keys only in memory, for the life of a Hasher; it may touch nothing
// but its arguments, must never log a key or an input, and must never be given
// an NHS number to name a person by (people are named from the random person
// id of the index).
package pseudonym
