package demonstration

import "net/http"

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// deadClient answers every request with err.
func deadClient(err error) *http.Client { return &http.Client{Transport: failing{err}} }
