package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/policies"
)

// pages returns the README and every page of docs/, by their path from the top.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, glob := range []string{"../README.md", "*.md", "*/*.md"} {
		found, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out[f] = string(text)
		}
	}
	if len(out) < 10 || out["../README.md"] == "" {
		t.Fatalf("only %d pages found: the test looks at nothing", len(out))
	}
	return out
}

var (
	linkShape = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	anchor    = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	outside   = regexp.MustCompile(`^[a-z]+:`)
)

// anchors are the addresses of a page's headings, as hosts of Markdown make them.
func anchors(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if head, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			out = append(out, strings.ReplaceAll(anchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(head)), ""), " ", "-"))
		}
	}
	return out
}

func TestLinksLeadSomewhere(t *testing.T) {
	all, links := pages(t), 0
	for page, text := range all {
		for _, m := range linkShape.FindAllStringSubmatch(text, -1) {
			if outside.MatchString(m[1]) {
				continue
			}
			links++
			path, at, _ := strings.Cut(m[1], "#")
			to := page
			if path != "" {
				to = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			} else if at != "" && !slices.Contains(anchors(all[to]), at) {
				t.Errorf("%s links to %s, and that page has no such heading", page, m[1])
			}
		}
	}
	if links < 20 {
		t.Errorf("only %d links found: the test looks at nothing", links)
	}
}

var (
	makeShape   = regexp.MustCompile("(?m)(?:`|^[ \t]*|sudo )make ([a-z][a-z-]*)")
	targetShape = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
)

func TestMakeTargetsExist(t *testing.T) {
	text, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range targetShape.FindAllStringSubmatch(string(text), -1) {
		targets = append(targets, m[1])
	}
	named := 0
	for page, text := range pages(t) {
		for _, code := range codeOf(text) {
			for _, m := range makeShape.FindAllStringSubmatch(code, -1) {
				named++
				if !slices.Contains(targets, m[1]) {
					t.Errorf("%s names make %s, and the Makefile has no such target", page, m[1])
				}
			}
		}
	}
	if named < 4 {
		t.Errorf("only %d make targets named: the test looks at nothing", named)
	}
}

var (
	fence    = regexp.MustCompile("(?ms)^[ \t]*```[^\n]*\n(.*?)^[ \t]*```")
	span     = regexp.MustCompile("`([^`\n]+)`")
	arkShape = regexp.MustCompile(`(?m)(?:^[ \t]*|sudo )(?:bin/)?ark ([^\n|;&]*)`)
	flag     = regexp.MustCompile(`^--([a-z][a-z-]*)`)
	word     = regexp.MustCompile(`^[a-z][a-z-]*$`)
)

// codeOf returns the fenced and indented blocks and the code spans of a page.
func codeOf(text string) []string {
	var out []string
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "    ") {
			out = append(out, line)
		}
	}
	for _, m := range span.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		out = append(out, m[1])
	}
	return out
}

// command is one command of ark: its subcommands and flags.
type command struct {
	sub   map[string]*command
	flags []string
	bare  bool // it has a default subcommand
}

// commands reads the tree of commands from the source of cmd/ark, as kong
// builds it from the same struct fields.
func commands(t *testing.T) *command {
	t.Helper()
	types := map[string]*ast.StructType{}
	files, err := filepath.Glob("../cmd/ark/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, ok := n.(*ast.TypeSpec); ok {
				if st, ok := s.Type.(*ast.StructType); ok {
					types[s.Name.Name] = st
				}
			}
			return true
		})
	}
	var build func(name string) *command
	build = func(name string) *command {
		c := &command{sub: map[string]*command{}}
		if types[name] == nil {
			return c
		}
		for _, f := range types[name].Fields.List {
			id, named := f.Type.(*ast.Ident)
			if len(f.Names) == 0 && named { // flags shared by embedding
				c.flags = append(c.flags, build(id.Name).flags...)
				continue
			}
			if f.Tag == nil || len(f.Names) == 0 {
				continue
			}
			raw, err := strconv.Unquote(f.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			tag := reflect.StructTag(raw)
			as := tag.Get("name")
			if as == "" {
				as = kebab(f.Names[0].Name)
			}
			if _, is := tag.Lookup("cmd"); is && named {
				c.sub[as] = build(id.Name)
				_, d := tag.Lookup("default")
				c.bare = c.bare || d
				if d {
					c.flags = append(c.flags, c.sub[as].flags...)
				}
			} else if _, is := tag.Lookup("arg"); !is {
				c.flags = append(c.flags, as)
			}
		}
		return c
	}
	return build("cli")
}

// kebab is kong's name of a field.
func kebab(s string) string {
	var b strings.Builder
	for i, r := range s {
		up := r >= 'A' && r <= 'Z'
		next := i+1 < len(s) && s[i+1] >= 'a' && s[i+1] <= 'z'
		if up && i > 0 && (next || s[i-1] >= 'a' && s[i-1] <= 'z') {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// wrong says what is wrong with a command line as a page has it, "" if nothing.
func wrong(root *command, line string) string {
	at, path, below := root, "ark", true
	for _, w := range strings.Fields(line) {
		w = strings.Trim(w, "[]")
		switch m := flag.FindStringSubmatch(w); {
		case m != nil:
			if m[1] != "help" && !slices.Contains(at.flags, strings.TrimPrefix(m[1], "no-")) {
				return path + " has no flag --" + m[1]
			}
		case below && len(at.sub) > 0 && word.MatchString(w):
			next, ok := at.sub[w]
			if !ok && at.bare {
				below = false
				continue
			}
			if !ok {
				return path + " has no command " + w
			}
			at, path = next, path+" "+w
		default:
			below = false
		}
	}
	return ""
}

func TestCommandsExist(t *testing.T) {
	root, named := commands(t), 0
	if len(root.sub) < 5 || root.sub["ledger"] == nil || root.sub["ledger"].sub["verify"] == nil {
		t.Fatalf("the commands of ark were not found: %v", root.sub)
	}
	for _, line := range []string{"nonesuch", "ledger nonesuch", "serve --nonesuch", "ledger verify --key k --nonesuch"} {
		if wrong(root, line) == "" {
			t.Fatalf("ark %s is taken for a command: the test finds nothing", line)
		}
	}
	for page, text := range pages(t) {
		for _, code := range codeOf(text) {
			for _, m := range arkShape.FindAllStringSubmatch(code, -1) {
				named++
				if says := wrong(root, m[1]); says != "" {
					t.Errorf("%s names `ark %s`: %s", page, m[1], says)
				}
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d commands named: the test looks at nothing", named)
	}
}

var machinePath = regexp.MustCompile(`(?:^|[\s"'(=:\x60])(/(?:home|root|work|Users|mnt|media|tmp|private)/[^\s)\x60]*|[A-Z]:\\[A-Za-z]+\\)`)

func TestNoPageNamesAMachine(t *testing.T) {
	if !machinePath.MatchString("see `/home/someone/ark`") {
		t.Fatal("the test finds nothing")
	}
	for page, text := range pages(t) {
		if m := machinePath.FindStringSubmatch(text); m != nil {
			t.Errorf("%s names %s", page, m[1])
		}
	}
}

var testShape = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")

// TestNamedTestsExist: a page that says which test holds a rule names a test
// that is there.
func TestNamedTestsExist(t *testing.T) {
	have := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`).FindAllStringSubmatch(string(text), -1) {
			have[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for page, text := range pages(t) {
		for _, m := range testShape.FindAllStringSubmatch(text, -1) {
			named++
			if !have[m[1]] {
				t.Errorf("%s names %s, and there is no such test", page, m[1])
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d tests named: the test looks at nothing", named)
	}
}

var sayShape = regexp.MustCompile(`(?:\n|: |run |with |\()ark ([a-z][^\n;,.]*)`)

// TestCommandsThatProgramsName: what a remedy or a page of the portal tells
// people to type exists.
func TestCommandsThatProgramsName(t *testing.T) {
	root, named := commands(t), 0
	for _, dir := range []string{"../cmd", "../pkg", "../airlock", "../workspace", "../policies"} {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, text := range said(parsed) {
				for _, m := range sayShape.FindAllStringSubmatch(text, -1) {
					named++
					if says := wrong(root, m[1]); says != "" {
						t.Errorf("%s tells people to type `ark %s`: %s", path, m[1], says)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if named < 10 {
		t.Errorf("only %d commands named: the test looks at nothing", named)
	}
}

// said returns the string literals of a file; those of code on a page begin
// with a new line, as what people type does.
func said(file *ast.File) []string {
	var out []string
	take := func(before string) func(ast.Node) bool {
		return func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					out = append(out, before+text)
				}
			}
			return true
		}
	}
	ast.Inspect(file, take(""))
	ast.Inspect(file, func(n ast.Node) bool {
		if c, ok := n.(*ast.CompositeLit); ok {
			if s, ok := c.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Code" {
				ast.Inspect(c, take("\n"))
			}
		}
		return true
	})
	return out
}

// TestGrantsAreAsTheArchitectureSays: the table of roles says what the grants do.
func TestGrantsAreAsTheArchitectureSays(t *testing.T) {
	grants, err := policies.LoadGrants()
	if err != nil {
		t.Fatal(err)
	}
	page := pages(t)["architecture.md"]
	verb := map[keys.Right]string{keys.MaySeal: "seals", keys.MayOpen: "opens", keys.MayHash: "hashes", keys.MaySign: "signs", keys.MayVerify: "verifies", keys.MayCreate: "makes", keys.MayDestroy: "destroys"}
	for role, g := range grants {
		var zones []string
		for _, z := range g.Zones {
			zones = append(zones, string(z))
		}
		_, row, found := strings.Cut(page, "\n| "+role+" | "+strings.Join(zones, ", ")+" | ")
		if !found {
			t.Errorf("architecture.md has no row of %s with the zones %v", role, zones)
			continue
		}
		row, _, _ = strings.Cut(row, " |\n")
		said := strings.Split(row, "; ")
		for class, rights := range g.Keys {
			var words []string
			for _, r := range rights {
				words = append(words, verb[r])
			}
			if want := string(class) + ": " + strings.Join(words, ", "); !slices.Contains(said, want) {
				t.Errorf("architecture.md does not say of %s: %s", role, want)
			}
		}
		if len(said) != len(g.Keys) {
			t.Errorf("architecture.md gives %s %d classes of keys, the grants %d", role, len(said), len(g.Keys))
		}
	}
}
