// Package bench measures linkage against a truth and against Splink, on the
// same data in the same run. It makes its own people, starts other programs
// and writes below one folder; nothing else may import it but the command.
package bench

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ark-tre/ark/pkg/columnar"
)

//go:embed data
var data embed.FS

// names are weighted lists of given and family names.
type names struct {
	lists map[string][]string
	sums  map[string][]int
}

func readNames() (*names, error) {
	b, err := data.ReadFile("data/names.csv.gz")
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		return nil, err
	}
	n := &names{map[string][]string{}, map[string][]int{}}
	for _, r := range rows {
		c, err := strconv.Atoi(r[2])
		if err != nil {
			return nil, err
		}
		if s := n.sums[r[0]]; len(s) > 0 {
			c += s[len(s)-1]
		}
		n.lists[r[0]] = append(n.lists[r[0]], r[1])
		n.sums[r[0]] = append(n.sums[r[0]], c)
	}
	return n, nil
}

func (n *names) draw(rng *rand.Rand, list string) string {
	s := n.sums[list]
	return n.lists[list][sort.SearchInts(s, rng.IntN(s[len(s)-1])+1)]
}

// someone is a generated person as they are now.
type someone struct {
	nhs, given, middle, family, sex string
	born                            [3]int
	home                            *home
}

type home struct{ street, postcode, phone string }

// maker makes people, one household after the other.
type maker struct {
	names  *names
	n      int // people so far
	keep   func(person, source int) bool
	source [4]string
}

// schema of the generated records; person is the truth.
func schema(id string) columnar.Schema {
	var s columnar.Schema
	for _, c := range []string{id, "person", "source", "nhs_number", "given_name", "middle_name", "family_name",
		"date_of_birth", "sex", "postcode", "address_1", "phone", "email"} {
		s = append(s, columnar.Field{Name: c, Type: columnar.String, Nullable: true})
	}
	return s
}

// Generate writes the records of that many people as Parquet to w, each as up
// to four sources see them: households with one surname and address, twins,
// newborns without a name, people who moved or changed name, and the errors of
// typing. It returns how many records there are. The same seed gives the same
// bytes.
func Generate(w io.Writer, people int, seed uint64) (int64, error) {
	return generate(w, "id", people, seed, nil)
}

// generate is Generate with another name for the id and with only the records
// that keep wants; nil wants all.
func generate(w io.Writer, id string, people int, seed uint64, keep func(person, source int) bool) (int64, error) {
	n, err := readNames()
	if err != nil {
		return 0, err
	}
	out, err := columnar.NewWriter(w, schema(id), columnar.Options{Compression: columnar.Snappy})
	if err != nil {
		return 0, err
	}
	m := &maker{names: n, keep: keep, source: [4]string{"gp", "hospital", "mental", "social"}}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema(id).Arrow())
	defer b.Release()
	for h := uint64(0); m.n < people; h++ {
		rng := rand.New(rand.NewPCG(seed, h))
		for _, p := range m.household(rng, h) {
			if m.n == people {
				break
			}
			m.records(rng, p, b)
			m.n++
		}
		if b.Field(0).Len() > 1<<15 || m.n == people {
			rec := b.NewRecord()
			err := out.WriteRecord(rec)
			rec.Release()
			if err != nil {
				return 0, err
			}
		}
	}
	return out.Rows(), out.Close()
}

// household makes the people of one home.
func (m *maker) household(rng *rand.Rand, h uint64) []someone {
	at := m.address(rng, h)
	family := m.names.draw(rng, "S")
	adults := 1 + rng.IntN(2)
	var out []someone
	person := func(year int, family string) someone {
		sex := "F"
		if rng.IntN(2) == 0 {
			sex = "M"
		}
		p := someone{nhs: NHSNumber(uint64(m.n + len(out))), sex: sex, family: family, home: at,
			given: m.names.draw(rng, sex), born: [3]int{year, 1 + rng.IntN(12), 1 + rng.IntN(28)}}
		if rng.IntN(2) == 0 {
			p.middle = m.names.draw(rng, sex)
		}
		return p
	}
	year := 1930 + rng.IntN(75)
	for a := range adults {
		f := family
		if a > 0 && rng.IntN(3) == 0 {
			f = m.names.draw(rng, "S")
		}
		out = append(out, person(year+rng.IntN(7)-3, f))
	}
	if adults == 2 && year > 1945 && rng.IntN(3) > 0 {
		for range 1 + rng.IntN(3) {
			child := person(min(2024, year+20+rng.IntN(18)), family)
			out = append(out, child)
			if rng.IntN(60) == 0 { // twins: all the same but name and number
				twin := person(0, family)
				twin.born = child.born
				out = append(out, twin)
			}
		}
	}
	return out
}

func (m *maker) address(rng *rand.Rand, h uint64) *home {
	streets := [...]string{"High Street", "Station Road", "Church Lane", "Mill Lane", "Park Avenue", "Victoria Road", "Green Lane", "Manor Drive",
		"Kings Road", "Queens Avenue", "Albert Street", "North Road", "South View", "West End", "Chapel Hill", "School Lane"}
	const in = "ABDEFGHJLNPQRSTUWXYZ"
	area := h / 14 // households of one postcode
	code := fmt.Sprintf("%c%c%d %d%c%c", 'A'+area/8000/99%20, 'A'+area/8000/99/20%20, 1+area/8000%99, area/400%10, in[area/20%20], in[area%20])
	p := &home{street: fmt.Sprintf("%d %s", 1+h%14*2, streets[area*7%uint64(len(streets))]), postcode: code}
	if rng.IntN(3) > 0 {
		p.phone = fmt.Sprintf("07%09d", rng.IntN(1e9))
	}
	return p
}

// records writes a person as the sources see them.
func (m *maker) records(rng *rand.Rand, p someone, b *array.RecordBuilder) {
	who := fmt.Sprintf("p%08d", m.n)
	for s := range m.source {
		if s > 0 && rng.IntN(4) != 0 || s == 0 && rng.IntN(50) == 0 {
			continue // most people are seen by few
		}
		q := p
		m.age(rng, &q, s)
		row := []string{fmt.Sprintf("%s-%08d", m.source[s][:2], m.n), who, m.source[s], q.nhs, q.given, q.middle, q.family,
			fmt.Sprintf("%04d-%02d-%02d", q.born[0], q.born[1], q.born[2]), q.sex, q.home.postcode, q.home.street, q.home.phone, ""}
		if rng.IntN(4) == 0 {
			row[12] = strings.ToLower(p.given+"."+p.family) + strconv.Itoa(m.n%97) + "@example.org"
		}
		for i, chance := range []int{0, 0, 0, 300, 30, 25, 30, 80, 0, 60, 30, 60, 60} {
			if chance > 0 && row[i] != "" && rng.IntN(chance) == 0 {
				row[i] = typo(rng, row[i])
			}
		}
		for i, chance := range []int{0, 0, 0, 12, 400, 0, 400, 300, 100, 50, 20, 4, 0} {
			if chance > 0 && rng.IntN(chance) == 0 {
				row[i] = ""
			}
		}
		if m.keep != nil && !m.keep(m.n, s) {
			continue
		}
		for i, v := range row {
			f := b.Field(i).(*array.StringBuilder)
			if v == "" {
				f.AppendNull()
			} else {
				f.Append(v)
			}
		}
	}
}

// age changes what a source knows: an old name or address, a wrong number, a
// newborn without a name.
func (m *maker) age(rng *rand.Rand, q *someone, s int) {
	if s == 0 {
		return
	}
	if q.sex == "F" && q.born[0] < 2004 && rng.IntN(30) == 0 {
		q.family = m.names.draw(rng, "S")
	}
	if rng.IntN(12) == 0 {
		q.home = m.address(rng, rng.Uint64N(uint64(m.n)/2+100))
	}
	if rng.IntN(300) == 0 {
		q.nhs = NHSNumber(rng.Uint64N(uint64(m.n) + 100))
	}
	if q.born[0] > 2022 && rng.IntN(5) == 0 {
		q.given = "Baby"
	}
	if rng.IntN(250) == 0 {
		q.sex = map[string]string{"F": "M", "M": "F"}[q.sex]
	}
	if rng.IntN(200) == 0 && q.born[2] <= 12 {
		q.born[1], q.born[2] = q.born[2], q.born[1]
	}
}

// typo drops, doubles, changes or swaps one character.
func typo(rng *rand.Rand, s string) string {
	if len(s) < 3 {
		return s
	}
	b := []byte(s)
	i := 1 + rng.IntN(len(b)-2)
	digit := b[i] >= '0' && b[i] <= '9'
	switch {
	case digit:
		b[i] = byte('0' + rng.IntN(10))
	case rng.IntN(4) == 0:
		b = append(b[:i], b[i+1:]...)
	case rng.IntN(3) == 0:
		b[i], b[i+1] = b[i+1], b[i]
	default:
		b[i] = byte('a' + rng.IntN(26))
	}
	return string(b)
}

// NHSNumber is the n-th number with a right check digit from 400 000 0000 on:
// made up, for load tests only.
func NHSNumber(n uint64) string {
	for v := 400000000 + 2*n; ; v++ { // of an even stem and the next one at least one has a check digit
		s := strconv.FormatUint(v, 10)
		sum := 0
		for i := range 9 {
			sum += int(s[i]-'0') * (10 - i)
		}
		if c := (11 - sum%11) % 11; c < 10 {
			return s + strconv.Itoa(c)
		}
	}
}
