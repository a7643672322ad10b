package catalogue

import (
	"slices"
	"time"
)

// Of is the time that decides which of two deliveries is current: when it was
// sent, or, where its manifest does not say, when it arrived.
func (d Delivery) Of() time.Time {
	if d.Sent.IsZero() {
		return d.Received
	}
	return d.Sent
}

// BySending orders deliveries as they were sent, the oldest first; of two sent
// at one time the one that arrived first is the older. A delivery that arrives
// late so takes its place in the history and replaces nothing that is newer.
func BySending(ds []Delivery) {
	slices.SortStableFunc(ds, func(a, b Delivery) int {
		if c := a.Of().Compare(b.Of()); c != 0 {
			return c
		}
		if c := a.Received.Compare(b.Received); c != 0 {
			return c
		}
		return a.Number - b.Number
	})
}
