package airlock

// Incident is here so that releases compile; see below.
type Incident struct{}
