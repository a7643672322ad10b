// Package measure runs the workers' own steps on generated data, each in a
// fresh process, beside a rival doing the least that could be called the same,
// and prints wall, processor time and peak memory of both.
//
// It works in the folder it is given, with a keyring and an object store of its
// own in it. It must never be pointed at an Ark's data.
package measure
