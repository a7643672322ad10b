// Package docs holds the pages about Ark, for people. It has no code but the
// test that holds them to the tree: links, make targets and commands that a
// page names must exist, and no page may name a path of somebody's machine.
package docs
