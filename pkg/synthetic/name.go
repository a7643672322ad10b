package synthetic

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

//go:embed data/surnames.csv
var surnamesCSV []byte

//go:embed data/given.csv
var givenCSV []byte

//go:embed data/nicknames.csv
var nicknamesCSV []byte

// names draws names as a British city has them.
type names struct {
	family weighted[string]
	given  map[byte][]*weighted[string] // by sex, one per decade of birth from 1904
	rare   map[byte]*weighted[string]
	world  map[string]tradition
	nick   map[string][]string
}

// tradition is the names of people whose families came from somewhere else.
type tradition struct{ male, female, family []string }

func words(s string) []string { return strings.Fields(s) }

// loadNames reads the embedded lists.
func loadNames() (*names, error) {
	n := &names{given: map[byte][]*weighted[string]{}, rare: map[byte]*weighted[string]{}, nick: map[string][]string{}, world: traditions()}
	rows, err := csv.NewReader(bytes.NewReader(surnamesCSV)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("synthetic: read surnames: %w", err)
	}
	for _, r := range rows {
		c, err := strconv.ParseFloat(r[1], 64)
		if err != nil {
			return nil, fmt.Errorf("synthetic: read surnames: %w", err)
		}
		n.family.add(r[0], c)
	}
	for i, s := range words("Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker White Roberts Green Hall Wood Jackson Clarke Hughes Harris Edwards Turner Hill Cooper Ward Moore Morris King Watson Baker Harrison Morgan Lee Allen Scott Bailey Parker Shaw") {
		n.family.add(s, 9000/float64(i+8))
	}
	if rows, err = csv.NewReader(bytes.NewReader(givenCSV)).ReadAll(); err != nil {
		return nil, fmt.Errorf("synthetic: read given names: %w", err)
	}
	for _, sex := range []byte("MF") {
		n.rare[sex] = &weighted[string]{}
		for range 13 {
			n.given[sex] = append(n.given[sex], &weighted[string]{})
		}
	}
	for _, r := range rows {
		year, err1 := strconv.Atoi(r[1])
		rank, err2 := strconv.Atoi(r[2])
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("synthetic: given names are damaged")
		}
		sex, weight := r[0][0], 1/float64(rank+6)
		n.given[sex][(year-1904)/10].add(r[3], weight)
		n.rare[sex].add(r[3], 1)
		if year == 1994 { // the newest list stands in for later decades, with newer names before it
			for _, later := range []int{10, 11, 12} {
				n.given[sex][later].add(r[3], weight/2)
			}
		}
	}
	for sex, list := range map[byte]string{
		'M': "Oliver Noah Muhammad Leo Arthur Oscar Theo Archie Freddie Jacob Ethan Alfie Logan Riley Finley Tyler Kai Jayden Toby Zachary Reuben Elijah Hugo Mason",
		'F': "Olivia Amelia Isla Ava Mia Lily Poppy Freya Evie Ivy Willow Florence Maisie Aria Luna Erin Layla Zara Imogen Skye Harper Esme Millie Lexi",
	} {
		for i, name := range words(list) {
			for _, later := range []int{10, 11, 12} {
				n.given[sex][later].add(name, 1.6/float64(i+5))
			}
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(string(nicknamesCSV)), "\n") {
		parts := strings.Split(line, ",")
		for _, p := range parts[1:] {
			n.nick[parts[0]] = append(n.nick[parts[0]], strings.ToUpper(p[:1])+p[1:])
		}
	}
	return n, nil
}

func traditions() map[string]tradition {
	muslim := tradition{
		words("Mohammed Muhammad Ahmed Ali Hassan Usman Bilal Imran Tariq Yusuf Ibrahim Omar Hamza Zain Khalid Abdul Faisal Asif"),
		words("Fatima Aisha Maryam Zainab Amina Khadija Sana Noor Ayesha Hafsa Nadia Rukhsana Shazia Iqra Saima Bushra"),
		words("Khan Ahmed Hussain Ali Akhtar Begum Mahmood Malik Iqbal Shah Mirza Butt Chaudhry Bibi Rahman Miah Uddin Islam")}
	return map[string]tradition{
		"H": {words("Raj Amit Sanjay Vijay Anil Harpreet Gurpreet Rohan Arjun Nikhil Suresh Ramesh"), words("Priya Anjali Sunita Kavita Meera Pooja Neha Manpreet Simran Deepa Asha"), words("Patel Singh Kaur Shah Sharma Gupta Desai Mehta Joshi Gill Kumar Reddy")},
		"J": muslim, "K": muslim,
		"N": {words("Chinedu Emeka Kwame Kofi Tunde Abdi Mohamed Samuel Emmanuel Daniel Ayo Yaw"), words("Ngozi Chioma Amara Ama Akua Folake Blessing Grace Esther Hodan Ifeoma Abena"), words("Okafor Adeyemi Mensah Osei Boateng Abdi Mohamud Nwosu Balogun Owusu Eze Hassan")},
		"C": {words("Piotr Krzysztof Andrzej Tomasz Pawel Jan Andrei Ionut Mihai Marek Adam"), words("Anna Maria Katarzyna Agnieszka Magdalena Elena Ioana Andreea Ewa Joanna"), words("Nowak Kowalski Wisniewski Popescu Ionescu Wojcik Kaminski Lewandowski Popa Zielinski Dumitru")},
		"R": {words("Wei Jun Ming Hao Chi Kin Jason Kelvin Lok"), words("Mei Ling Xin Yan Wing Siu Amy Fiona Hui"), words("Wong Chan Li Chen Wang Zhang Cheung Lam Liu Ho")},
	}
}

// familyName draws a surname for an ethnic group.
func (n *names) familyName(d dice, ethnicity string) string {
	if w, ok := n.world[ethnicity]; ok && d.chance(0.9) {
		return w.family[d.IntN(len(w.family))]
	}
	s := n.family.draw(d)
	if d.chance(0.025) {
		s += "-" + n.family.draw(d)
	}
	return s
}

// givenName draws a first name for a sex, year of birth and ethnic group.
func (n *names) givenName(d dice, sex byte, born int, ethnicity string) string {
	if w, ok := n.world[ethnicity]; ok && d.chance(0.82) {
		list := w.male
		if sex == 'F' {
			list = w.female
		}
		return list[d.IntN(len(list))]
	}
	if d.chance(0.1) {
		return n.rare[sex].draw(d)
	}
	decade := min(max((born-1899)/10, 0), 12)
	return n.given[sex][decade].draw(d)
}

// short draws a short form of a name, or returns the name when it has none.
func (n *names) short(d dice, given string) string {
	if list := n.nick[strings.ToLower(given)]; len(list) > 0 {
		return list[d.IntN(len(list))]
	}
	return given
}
