// Package publish builds a version of a dataset: it joins payload rows with
// the person index, leaves out those who objected, names every person and
// entity by keyed pseudonyms, generalises dates as the dictionary declares,
// and writes Parquet in a total order with a signed manifest.
//
// It reads the payload, index and versions zones and writes the versions zone.
// It must never open identifiers. The same inputs and keys give the same
// bytes in any process and at any number of threads.
package publish
