//go:build !linux

package walls

import "errors"

// Raise refuses: there are no walls but Linux's.
func Raise(Plan) (Report, error) {
	return Report{}, errors.New("walls: this system has none; use Linux")
}
