// Package demonstration makes an Ark to try, fills it with a synthetic city
// region through its own HTTP interfaces, and can play the whole main job as
// its users, checking at each step what the system says of itself.
//
// It is the only caller of the founder's act, for Arks marked as a trial. It
// must never be pointed at an Ark in production: Make refuses anything but a
// new folder, and Load any Ark that is no demonstration.
package demonstration
