// Package instance puts one Ark together: its folder, its configuration, the
// supervisor and, for each role of the system, the parts that the role may
// have. Every process of an Ark starts here, and so do the end-to-end tests.
//
// It decides nothing about people or data. It must never give a role a key or
// a zone that policies/grants.yaml does not, and never make a store, a key or
// a log because it was not there: Init alone makes them, on instruction.
package instance
