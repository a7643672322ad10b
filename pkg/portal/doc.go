// Package portal is the web face of an Ark: its pages, its JSON API and its
// assets.
//
// It may call the rooms (governance, catalogue, workspace, airlock, register
// and so on) and draws what they return. It decides nothing: every route names
// the policy action it performs, and the same decision greys a button, refuses
// a request and explains why. It must never touch row data or keys, and never
// show text that came from a workspace to anyone but its author and the
// checkers of its request.
package portal
