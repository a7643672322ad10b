// Package known holds very many known values (pseudonyms, NHS numbers, record
// keys) so that a file's words can be looked up in them: a binary fuse filter
// of 16 bits a value in memory, and the values' 64-bit hashes, sorted, in a
// file, which confirm a hit of the filter.
//
// Why 16 bits: a file of a million words meets the filter by chance fifteen
// times, and each chance costs one read of the sorted file; ten million values
// take 23 MB. With 8 bits the reads would cost more than the filter saves.
//
// The package may touch the file it is given and nothing else. It must never
// hold or show a value itself: only hashes.
package known
