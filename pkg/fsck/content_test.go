package fsck

import (
	"fmt"
	"testing"
)

// made is a pair of joined tables: people with their names, and their visits.
func made(name func(int) string, change func(people, visits *table)) []*table {
	people := &table{label: "people", keyed: []string{"person"}, names: [][]string{nil}}
	visits := &table{label: "visits", keyed: []string{"visit", "person"}, names: [][]string{nil, nil}}
	for i := range 40 {
		people.rows = append(people.rows, mix([]byte(fmt.Sprint("born ", i%7))))
		people.names[0] = append(people.names[0], name(i))
		for v := range i % 5 {
			visits.rows = append(visits.rows, mix([]byte(fmt.Sprint("for ", v))))
			visits.names[0] = append(visits.names[0], name(1000+10*i+v))
			visits.names[1] = append(visits.names[1], name(i))
		}
	}
	if change != nil {
		change(people, visits)
	}
	return []*table{people, visits}
}

func TestTheSameRowsUnderOtherNamesAreTheSame(t *testing.T) {
	plain := func(i int) string { return fmt.Sprint("=a", i) }
	was := digests(made(plain, nil))
	other := digests(made(func(i int) string { return fmt.Sprint("=b", (i*7919)%10007) }, nil))
	for i := range was {
		if was[i] != other[i] {
			t.Errorf("renamed: %s\nwas:     %s", other[i], was[i])
		}
	}
	for name, change := range map[string]func(people, visits *table){
		"a row is gone":                 func(p, v *table) { p.rows, p.names[0] = p.rows[1:], p.names[0][1:] },
		"a value is another":            func(p, v *table) { p.rows[3] = mix([]byte("born 9")) },
		"a visit is another person's":   func(p, v *table) { v.names[1][3] = plain(1) },
		"two persons are taken for one": func(p, v *table) { p.names[0][11] = p.names[0][4] },
		"a visit is there twice": func(p, v *table) {
			v.rows = append(v.rows, v.rows[0])
			v.names[0] = append(v.names[0], v.names[0][0])
			v.names[1] = append(v.names[1], v.names[1][0])
		},
		"two persons' visits are swapped": func(p, v *table) { v.names[1][0], v.names[1][9] = v.names[1][9], v.names[1][0] },
	} {
		got := digests(made(plain, change))
		if got[0] == was[0] && got[1] == was[1] {
			t.Errorf("%s: not seen", name)
		}
	}
}
