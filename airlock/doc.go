// Package airlock holds output requests: what was submitted, what the
// automatic checks found, how output checkers reviewed it, and what was
// released.
//
// Everything a workspace filled in — file names, context, comments — is
// unreviewed: it is shown to its author and to checkers, through View, and to
// nobody else; events and other rooms speak of ordinals. The room opens no
// file: the airlock worker does, with keys that nobody else has.
package airlock
