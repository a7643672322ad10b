// Package ark holds the nouns of the house: typed identifiers, roles, states
// and the closed set of error kinds that every other package speaks in.
//
// It imports the standard library only. It must never know about storage,
// transport or policy: those packages import this one, never the reverse.
package ark
