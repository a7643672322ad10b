// Package synthetic makes a city region that never was: people with
// households, moves, name changes, twins, nicknames, shared addresses and
// deaths, seen through the feeds of many organisations with the errors real
// feeds have, and the truth behind every local number.
//
// The same options give the same bytes on every machine. The population is
// made one household at a time from a random stream of its own, and rows are
// written as they arise, so memory does not grow with the number of people.
// Nobody in it is real: NHS numbers come from ranges that are issued to no one,
// postcodes from areas that do not exist.
//
// It may write below the one folder it is given. It must never read data about
// people.
package synthetic
