// Package identity proves who is at the door: the OpenID Connect relying party
// of the portal, its sessions and their cookies.
//
// It may touch the network (the provider's discovery, key, token and user-info
// endpoints) and the request and response in hand. It must never import
// pkg/store, decide what a user may do, or keep a password: the store hands it
// a SessionStore, the provider keeps the passwords, policies decide.
//
// The attacks it is built against, each with a test of its own: wrong audience,
// issuer, nonce or algorithm, an unsigned token, an expired one, an unknown or
// withdrawn key, replay of a response, mix-up of providers, open redirect,
// session fixation, cookie tossing from a sibling host, and a sign-in with a
// single factor.
package identity
