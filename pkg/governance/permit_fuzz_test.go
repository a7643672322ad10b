package governance

import (
	"encoding/json"
	"testing"
)

// FuzzPermit reads permits as they come back from a database, a certificate or
// a stranger: whatever can be read has a hash, which survives writing and
// reading, and changes with what the permit grants.
func FuzzPermit(f *testing.F) {
	f.Add([]byte(`{"id":"prm_1","project":"prj_1","grants":[{"dataset":"dst_1","variables":{"person":["sex"]},"filters":{"person":"year_of_birth <= 2006"}}],"holders":[]}`))
	f.Add([]byte(`{"grants":[{"variables":{"":[""]}}],"until":"2026-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p Permit
		if json.Unmarshal(text, &p) != nil {
			return
		}
		hash, err := p.ComputeHash()
		if err != nil {
			return
		}
		again, err := json.Marshal(p)
		if err != nil {
			return // a time beyond what JSON holds
		}
		var q Permit
		if err := json.Unmarshal(again, &q); err != nil {
			t.Fatalf("a permit does not survive writing: %v", err)
		}
		if second, err := q.ComputeHash(); err != nil || second != hash {
			t.Fatalf("the hash changed by writing: %s, %s, %v", hash, second, err)
		}
		q.Project += "x"
		if other, err := q.ComputeHash(); err == nil && other == hash {
			t.Fatal("another project's permit has the same hash")
		}
	})
}
