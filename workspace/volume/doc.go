// Package volume keeps what a workspace holds on disk: one image file per
// workspace, a loop-mounted ext4 whose only folder is encrypted by fscrypt (v2
// policy, AES-256) under a key that is in the kernel while the volume is open
// and nowhere when it is closed. The image's size is the disk quota.
//
// It may make file systems, mount them, and move bytes in and out of folders
// that a hostile workspace writes to: it never follows a link there, never
// opens anything but a regular file, and never stores or logs a key.
package volume
