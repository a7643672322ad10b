// Package ui draws the portal's pages: plain Go values in, HTML out.
//
// A page is a heading, a state, one sentence, what happens next, and a list of
// blocks (table, form, task list, timeline and so on). Every string in a block
// is shown as text; no block takes markup from a caller, except Prose, which
// takes only words written in this program. The package may know the assets'
// addresses and nothing else: no users, no store, no HTTP routes. It must never
// decide what may be shown; its callers have done so.
package ui
