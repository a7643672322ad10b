// Package worker is what the workers of an Ark do: for every kind of job its
// steps, each of which opens the objects that the job names, calls a room's
// pure function and stores what it made under names that do not change when
// the step is done again.
//
// A worker has the keys and the zones of its role and no others; it never sees
// the metadata store. Nothing here decides anything: that is the rooms' part.
package worker
