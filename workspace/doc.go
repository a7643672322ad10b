// Package workspace holds the extracts that permits call for and the
// workspaces in which permitted users work on them: what should be, what is,
// and how the one becomes the other.
//
// The desired state is a row; a reconciler brings the enclave to it and
// reports what happened through the door. The room isolates nothing itself
// (the enclave daemon does) and never sees a byte of an extract. It must not
// import airlock.
package workspace
