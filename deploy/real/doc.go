// Package real plays the main job on services in place of the one-box defaults:
// Vault, an S3 server, PostgreSQL and an OpenID provider that is not Ark's, set
// up as an operator would by the policies of deploy/vault and deploy/s3, with a
// credential of its own for each role.
//
// It is a test and what a test needs; it must never be linked into a program.
package real
