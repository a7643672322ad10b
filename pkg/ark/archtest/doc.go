// Package archtest holds the house to its plan: which way imports run, that
// every package says what it is for, and what lies at the top of the tree.
//
// It is a test and nothing else; no program imports it.
package archtest
