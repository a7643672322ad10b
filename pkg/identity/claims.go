package identity

import (
	"encoding/json"
	"errors"
	"math"
	"time"
)

// methods is the amr claim: an array of strings; some providers send one bare
// string, which is one method and never a list to be split.
type methods []string

// UnmarshalJSON implements json.Unmarshaler.
func (m *methods) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*m = nil
		if one != "" {
			*m = methods{one}
		}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return err
	}
	if len(many) > 32 {
		return errors.New("identity: too many authentication methods")
	}
	*m = many
	return nil
}

// looseBool is true for true and "true", false for everything else: some
// providers send a string.
type looseBool bool

// UnmarshalJSON implements json.Unmarshaler.
func (l *looseBool) UnmarshalJSON(b []byte) error {
	*l = looseBool(string(b) == `true` || string(b) == `"true"`)
	return nil
}

// seconds reads a NumericDate of RFC 7519, which may have a fraction.
func seconds(n json.Number) (time.Time, error) {
	f, err := n.Float64()
	if err != nil {
		return time.Time{}, err
	}
	if math.IsNaN(f) || f < 0 || f > 253402300799 { // the year 9999
		return time.Time{}, errors.New("identity: a time out of range")
	}
	return time.Unix(int64(f), 0).UTC(), nil
}
