package catalogue

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/filter"
	"github.com/ark-tre/ark/pkg/store"
)

// Bounds of a code list.
const (
	maxCodes     = 20000
	maxCodeBytes = 64
	maxTermBytes = 300
	maxParents   = 20
)

// CodeSystems are the systems a list can be of, and their names.
func CodeSystems() map[string]string {
	return map[string]string{"snomed": "SNOMED CT", "icd10": "ICD-10", "dmd": "dm+d", "loinc": "LOINC", "other": "another system"}
}

// Code is one code with its term.
type Code struct {
	Code string `json:"code"`
	Term string `json:"term,omitempty"`
	// Parents are the codes right above it. A list with parents is a hierarchy: a
	// dataset may name it to carry restricted groups down to what lies below them.
	Parents []string `json:"parents,omitempty"`
}

// CodeList is one version of a named set of codes. It never changes: what names
// it as name@version means the same for ever.
type CodeList struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Number int       `json:"number"`
	System string    `json:"system"`
	Title  string    `json:"title"`
	Origin string    `json:"origin,omitempty"` // where it comes from, and under which licence
	Codes  []Code    `json:"codes,omitempty"`
	Size   int       `json:"size"`
	Hash   string    `json:"hash"` // of the codes and terms, in order
	Org    string    `json:"org"`  // whose users may make the next version
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// Ref is how a filter or contract names the version.
func (l CodeList) Ref() string { return l.Name + "@" + strconv.Itoa(l.Number) }

var codeLists = store.Docs[CodeList]{Table: "codelists", Noun: "code list", Keys: []string{"name", "number"},
	Of: func(l *CodeList) (string, []any) { return l.ID, []any{l.Name, l.Number} }}

var (
	listName  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	icd10Form = regexp.MustCompile(`^[A-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?$`)
	plainCode = regexp.MustCompile(`^[!-~]([ -~]*[!-~])?$`)
)

// ReadCodes reads a list from CSV with a column code and, if it has them, term
// and parents: the codes right above it, parted by blanks.
// Every code is checked by its system's own rule: SNOMED CT and dm+d by
// Verhoeff's digit, LOINC by its check digit, ICD-10 by its form.
func ReadCodes(system string, in io.Reader) ([]Code, error) {
	if CodeSystems()[system] == "" {
		return nil, ark.Faultf(ark.Invalid, "there is no code system of that name").At("", 0, "system").Do("use snomed, icd10, dmd, loinc or other")
	}
	r := csv.NewReader(in)
	head, err := r.Read()
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the list cannot be read as CSV").At("codes", 1, "").Do("give a header line with the column code")
	}
	if len(head) > 0 {
		head[0] = strings.TrimPrefix(head[0], "\ufeff")
	}
	code, term, parents := slices.Index(head, "code"), slices.Index(head, "term"), slices.Index(head, "parents")
	if code < 0 {
		return nil, ark.Faultf(ark.Invalid, "the list has no column %q", "code").At("codes", 1, "code").Do("name the column of the codes code, and that of their meaning term")
	}
	var out []Code
	seen := map[string]bool{}
	for n := int64(2); ; n++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, ark.Faultf(ark.Invalid, "this line is not CSV with as many fields as the header").At("codes", n, "")
		}
		c := Code{Code: strings.TrimSpace(row[code])}
		if term >= 0 {
			c.Term = strings.TrimSpace(row[term])
		}
		if parents >= 0 {
			c.Parents = strings.Fields(row[parents])
		}
		switch {
		case !rightCode(system, c.Code):
			return nil, ark.Faultf(ark.Invalid, "this is no code of %s", CodeSystems()[system]).At("codes", n, "code").Do("mend the code; its form or check digit is wrong")
		case len(c.Parents) > maxParents || slices.ContainsFunc(c.Parents, func(p string) bool { return !rightCode(system, p) || p == c.Code }):
			return nil, ark.Faultf(ark.Invalid, "a parent is no code of %s, or the code itself, or there are more than %d", CodeSystems()[system], maxParents).At("codes", n, "parents")
		case seen[c.Code]:
			return nil, ark.Faultf(ark.Invalid, "this code is in the list twice").At("codes", n, "code")
		case len(c.Term) > maxTermBytes || strings.ContainsAny(c.Term, "\n\r\t") || c.Term != "" && strings.ContainsAny(c.Term[:1], "=+@"):
			return nil, ark.Faultf(ark.Invalid, "this term is too long, has a line break, or begins like a formula").At("codes", n, "term")
		case len(out) == maxCodes:
			return nil, ark.Faultf(ark.TooMuch, "a code list holds %d codes at most", maxCodes)
		}
		seen[c.Code] = true
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, ark.Faultf(ark.Invalid, "the list has no code").At("codes", 0, "")
	}
	slices.SortFunc(out, func(a, b Code) int { return strings.Compare(a.Code, b.Code) })
	return out, nil
}

func rightCode(system, c string) bool {
	if len(c) > maxCodeBytes {
		return false
	}
	switch system {
	case "snomed", "dmd":
		// A concept: 6 to 18 digits, the two before the last say that it is one.
		return len(c) >= 6 && len(c) <= 18 && c[0] != '0' && (c[len(c)-3:len(c)-1] == "00" || c[len(c)-3:len(c)-1] == "10") && verhoeff(c)
	case "icd10":
		return icd10Form.MatchString(c)
	case "loinc":
		return loinc(c)
	}
	return plainCode.MatchString(c) && !strings.ContainsAny(c[:1], "=+@")
}

// verhoeff reports whether digits end in their Verhoeff check digit.
func verhoeff(s string) bool {
	d := [10]string{"0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"}
	p := [8]string{"0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"}
	c := byte('0')
	for i := range len(s) {
		x := s[len(s)-1-i]
		if x < '0' || x > '9' {
			return false
		}
		c = d[c-'0'][p[i%8][x-'0']-'0']
	}
	return c == '0'
}

// loinc reports whether s is a LOINC number: digits, a hyphen, and the check
// digit of modulus 10.
func loinc(s string) bool {
	digits, last, ok := strings.Cut(s, "-")
	if !ok || len(last) != 1 || len(digits) == 0 || len(digits) > 7 || last[0] < '0' || last[0] > '9' {
		return false
	}
	sum := 0
	for i := range len(digits) {
		x := int(digits[len(digits)-1-i]) - '0'
		if x < 0 || x > 9 {
			return false
		}
		if i%2 == 0 {
			if x *= 2; x > 9 {
				x -= 9
			}
		}
		sum += x
	}
	return (10-sum%10)%10 == int(last[0]-'0')
}

// AddCodeList makes the first or next version of a list. The same codes as the
// newest version's are no new version: that one is returned.
func (r *Room) AddCodeList(ctx context.Context, actor store.Actor, l CodeList) (*CodeList, error) {
	switch {
	case !listName.MatchString(l.Name):
		return nil, ark.Faultf(ark.Invalid, "the name of a code list is lower-case letters, digits and hyphens").At("", 0, "name")
	case l.Title == "" || len(l.Title) > 300 || len(l.Origin) > 1000:
		return nil, ark.Faultf(ark.Invalid, "a code list needs a title of at most 300 characters").At("", 0, "title")
	case len(l.Codes) == 0:
		return nil, ark.Faultf(ark.Invalid, "the list has no code").At("", 0, "codes")
	}
	h := sha256.New()
	for _, c := range l.Codes {
		fmt.Fprintf(h, "%q %q\n", c.Code, c.Term)
		if len(c.Parents) > 0 {
			fmt.Fprintf(h, "%q\n", c.Parents)
		}
	}
	l.Hash, l.Size = hex.EncodeToString(h.Sum(nil)), len(l.Codes)
	err := r.St.Act(ctx, actor, "codelist.add", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		_, org, err := r.Who(ctx, tx, actor.User)
		if err != nil {
			return nil, err
		}
		old, err := codeLists.Where(ctx, tx, "name = $1", l.Name)
		if err != nil {
			return nil, err
		}
		if n := len(old); n > 0 {
			last := slices.MaxFunc(old, func(a, b CodeList) int { return a.Number - b.Number })
			switch {
			case last.Org != org:
				return nil, ark.Faultf(ark.Forbidden, "this list is another organisation's").At("", 0, "name").Do("choose another name, or ask that organisation for a new version").By("list-of-its-maker")
			case last.System != l.System:
				return nil, ark.Faultf(ark.Conflict, "the versions before are of another code system").At("", 0, "system").Do("choose another name")
			case last.Hash == l.Hash:
				l = last
				return []store.Event{{Type: "codelist.already-there", Subjects: []string{last.ID}}}, nil
			}
		}
		l.ID, l.Number, l.Org, l.By, l.At = tx.NewID(ark.PrefixCodeList), len(old)+1, org, actor.Name(), tx.Now()
		return []store.Event{{Type: "codelist.added", Subjects: []string{l.ID}, Body: map[string]any{"ref": l.Ref(), "hash": l.Hash, "size": l.Size}}}, codeLists.Insert(ctx, tx, &l)
	})
	if err != nil {
		return nil, err
	}
	return &l, nil
}

// CodeLists returns every version of every list, without the codes.
func CodeLists(ctx context.Context, q store.Querier) ([]CodeList, error) {
	all, err := codeLists.Where(ctx, q, "")
	for i := range all {
		all[i].Codes = nil
	}
	return all, err
}

// GetCodeList returns a version of a list by its reference, name@version.
func GetCodeList(ctx context.Context, q store.Querier, ref string) (*CodeList, error) {
	name, number, ok := strings.Cut(ref, "@")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || !listName.MatchString(name) || n < 1 {
		return nil, ark.Faultf(ark.Invalid, "a code list is named like asthma@2: its name and its version").Do("see the page of code lists")
	}
	l, err := codeLists.First(ctx, q, "name = $1 AND number = $2", name, n)
	if ark.Is(err, ark.Unknown) {
		return nil, ark.Faultf(ark.Invalid, "there is no code list %s@%d", name, n).Do("see the page of code lists")
	}
	return l, err
}

// WriteCSV writes the codes as they can be read back.
func (l CodeList) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	head, deep := []string{"code", "term"}, slices.ContainsFunc(l.Codes, func(c Code) bool { return len(c.Parents) > 0 })
	if deep {
		head = append(head, "parents")
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, c := range l.Codes {
		row := []string{c.Code, c.Term}
		if deep {
			row = append(row, strings.Join(c.Parents, " "))
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// withLists writes out the code lists that a filter names.
func withLists(ctx context.Context, q store.Querier, text string) (string, error) {
	if !strings.Contains(strings.ToUpper(text), "LIST") {
		return text, nil
	}
	return filter.Lists(text, func(ref string) ([]string, error) {
		l, err := GetCodeList(ctx, q, ref)
		if err != nil {
			return nil, err
		}
		codes := make([]string, len(l.Codes))
		for i, c := range l.Codes {
			codes[i] = c.Code
		}
		return codes, nil
	})
}

// contractWithLists writes the code lists that a contract takes from the shared
// ones, "list: name@version" in the place of version and codes, into its text,
// so that the contract says by itself what it means.
func contractWithLists(ctx context.Context, q store.Querier, text string) (string, error) {
	if !strings.Contains(text, "list:") {
		return text, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) == 0 {
		return text, nil // the contract's own reader says what is wrong
	}
	lists, changed := field(doc.Content[0], "code_lists"), false
	if lists == nil || lists.Kind != yaml.MappingNode {
		return text, nil
	}
	for i := 1; i < len(lists.Content); i += 2 {
		n := lists.Content[i]
		from := field(n, "list")
		if from == nil {
			continue
		}
		if field(n, "codes") != nil || field(n, "version") != nil {
			return "", ark.Faultf(ark.Invalid, "the code list %s has codes of its own and names a shared one", clip(lists.Content[i-1].Value)).At("", 0, "contract").Do("keep one of the two")
		}
		l, err := GetCodeList(ctx, q, from.Value)
		if err != nil {
			return "", err
		}
		codes := &yaml.Node{Kind: yaml.MappingNode}
		for _, c := range l.Codes {
			term := c.Term
			if term == "" {
				term = c.Code
			}
			codes.Content = append(codes.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: c.Code}, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: term})
		}
		drop(n, "list")
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "version"}, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: l.Ref()}, &yaml.Node{Kind: yaml.ScalarNode, Value: "codes"}, codes)
		changed = true
	}
	if !changed {
		return text, nil
	}
	out, err := yaml.Marshal(&doc)
	return string(out), err
}

func field(n *yaml.Node, name string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func drop(n *yaml.Node, name string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			n.Content = slices.Delete(n.Content, i, i+2)
			return
		}
	}
}
