// Package vault holds the Vault policies of Ark's roles, one file per role,
// for the operator to load with "vault policy write". They are made from
// policies/grants.yaml by this package's test; it holds no code and must never
// hold a token.
package vault
