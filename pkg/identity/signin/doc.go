// Package signin signs a program in as a user would with a browser: it walks
// the portal's sign-in and the embedded issuer's pages over HTTP and keeps the
// session cookie, for the command line and for tests.
//
// It may touch the network and one private file of saved sessions. It must
// never save a password, a code or a TOTP secret, and imports neither the
// portal nor the issuer: it knows the pages by their forms.
package signin
