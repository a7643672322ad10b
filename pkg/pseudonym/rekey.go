package pseudonym

// Rekeyer names a column of keys in a new domain, remembering the last name:
// sorted columns repeat the same person row after row, so most rows cost a
// comparison instead of an HMAC.
type Rekeyer struct {
	h          *Hasher
	kind       Kind
	last, name string
}

// NewRekeyer returns a Rekeyer of one kind of entity under h, which it shares:
// not for concurrent use.
func NewRekeyer(h *Hasher, kind Kind) *Rekeyer { return &Rekeyer{h: h, kind: kind} }

// Name returns the name of key in the new domain. An empty key is a missing
// one and stays empty: it must not become an entity that many rows share.
func (r *Rekeyer) Name(key string) string {
	if key == "" {
		return ""
	}
	if key != r.last {
		r.last, r.name = key, r.h.Name(r.kind, key)
	}
	return r.name
}
