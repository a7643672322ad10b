package keys

import "github.com/ark-tre/ark/pkg/ark"

// NotFound is the fault for a name that was never created.
func NotFound(n Name) error {
	return ark.Faultf(ark.Unknown, "there is no key %q", string(n)).
		Do("check the name, or create the key explicitly; a missing key is never made by using it")
}

// Exists is the fault for creating a name twice.
func Exists(n Name) error {
	return ark.Faultf(ark.Conflict, "the key %q exists already", string(n)).Do("use it, rotate it, or choose another name")
}

// Gone is the fault for any use of a destroyed key.
func Gone(n Name) error {
	return ark.Faultf(ark.Lapsed, "the key %q has been destroyed, and what it sealed is gone with it", string(n)).
		Do("choose another name for a new key; the old one can't come back")
}

// Refused is the fault for a right this process does not have.
func Refused(n Name, why error) error {
	return ark.Faultf(ark.Forbidden, "this role has no right to do that with the key %q", string(n)).
		Do("let the role that holds the right do it; the grants say which").Because(why)
}

// NotAuthentic is the fault for a wrapped key or a signature that does not
// belong to the name or was changed.
func NotAuthentic(n Name, what string) error {
	return ark.Faultf(ark.Invalid, "that %s was not made with the key %q, or has been changed", what, string(n)).
		Do("check that it belongs to this key and was carried whole")
}
