// Package store keeps the metadata of an Ark in SQLite or PostgreSQL and is
// the one door through which it changes.
//
// Act is the door: it authorises an actor's action on a resource with entities
// read in the same transaction, runs the change, writes the events of that
// change to the ledger's outbox, and commits all three or none. A Tx can be
// made nowhere else. Refusals are recorded too. Access is the same door for
// reads of restricted bytes. View reads metadata.
//
// Rooms own their tables: each gives its Schema (ordered SQL files) and its
// entity loaders to Open. Store must never hold a row of anybody's record, nor
// decide by itself who may do what: that is the Decider's.
package store
