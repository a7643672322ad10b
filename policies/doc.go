// Package policies holds the rules of an Ark as data, with the loaders that
// read them: who may do what (access.cedar, actions.tsv), the state machines
// (states.yaml) and which role of the system may touch which bytes
// (grants.yaml). Disclosure profiles are in policies/disclosure.
//
// The data is embedded. Nothing here may write anything or know a room's
// tables; a rule that cannot be read refuses to load, and a decision that
// cannot be taken is a refusal.
package policies
