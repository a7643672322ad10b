// Package work moves jobs between the control plane, which keeps them, and
// workers, which do them.
//
// A job is a list of ordered, idempotent steps. A step is a function of the
// job's input and of what the step before handed on; it may be killed at any
// moment and is then done again. Workers reach the queue over a Unix socket
// and see neither the database nor each other's jobs: the socket tells who is
// at the other end, and a role may take its own jobs only. What a job's result
// changes is changed by the control plane, through the one door.
package work
