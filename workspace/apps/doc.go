// Package apps says which programs run in a workspace and how they are reached,
// and is the workspace's first process, which starts them and keeps them up.
//
// An app listens on one Unix socket in the run folder and nowhere else. This
// package may start processes inside a sandbox; it must never pass them a
// secret, and on the host side only describes them.
package apps
