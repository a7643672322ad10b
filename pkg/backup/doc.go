// Package backup is the form in which copies of an Ark are kept: a folder of
// its own that holds
//
//	ark-backups                 says that this is one; without it nothing is read or written
//	bundles/TIME-ID.age         one copy each: manifest, database, ledger, standing keys, accounts
//	objects/ab/SHA256           stored objects and volumes as they lie in the Ark, sealed there, once each
//	keys/CLASS/NAME.age         keys that can be destroyed, one file each
//	keys/CLASS/NAME.destroyed   the evidence, in the place of the copy, once one was
//
// Bundles and keys are encrypted by age to recipients whose identities the
// operator keeps elsewhere: who takes a copy cannot read it. Keys that can be
// destroyed are in no bundle, so that destroying one destroys every copy of it,
// however old the bundles are.
//
// The package may touch that folder. It knows nothing of what is in a bundle
// but its manifest, must never write plaintext into the folder, and must never
// hand out a byte that its manifest does not vouch for.
package backup
