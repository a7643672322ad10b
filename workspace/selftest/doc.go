// Package selftest tries to break out of a workspace. Its attempts run inside
// a new sandbox, each in a process of its own, before the workspace is handed
// over; one success refuses the workspace.
//
// It may make any system call, on the sandbox alone. It must never soften an
// attempt so that it passes: an attempt that is refused for the wrong reason
// (a typing mistake, a missing file) is worthless, so the tests also run the
// harmless ones without a sandbox, where they must succeed.
package selftest
