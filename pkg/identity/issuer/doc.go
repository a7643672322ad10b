// Package issuer is the embedded OpenID provider for a one-box Ark: discovery,
// published keys with rotation, an authorization endpoint with sign-in pages of
// its own (password, then a TOTP code or a
// passkey), token, user-info and logout endpoints.
// It serves one client, the portal, through the code flow with PKCE alone.
//
// It may touch its directory of accounts and its folder of signing keys. It
// must never import the portal, the store or the relying party, and never write
// a password, a code, a token or a TOTP secret into a log. A large installation
// uses its own provider instead; the portal can't tell the difference.
package issuer
