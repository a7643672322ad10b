// Package arrive turns what comes by other ways than an upload into deliveries:
// a drop folder, as an SFTP server or a mounted bucket fills it, and HL7 v2
// messages over MLLP, which are gathered into such a folder.
//
// It may touch the folder it is given and nothing above it: it follows no link
// out of it and makes no file by a name that came over the network. It reads a
// message only as far as its control id, to answer it, and must never log one.
package arrive
