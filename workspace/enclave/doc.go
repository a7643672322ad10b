// Package enclave is the enclave daemon and its client: the one privileged
// program, which makes, starts, freezes, stops and destroys workspaces for the
// control plane over a Unix socket.
//
// It may isolate, mount and move bytes in and out of workspaces. It must never
// decide who may do so (the control plane does, from permits), keep a volume's
// key (the kernel holds it while a workspace runs), or log anything that began
// in a workspace.
package enclave
