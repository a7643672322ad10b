package instance

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var row = regexp.MustCompile("(?m)^\\| `([a-z0-9_.]+)` \\|")

// TestEveryKeyIsDocumented: docs/configuration.md explains every key of the
// configuration, and no key that does not exist.
func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var have, want []string
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		have = append(have, m[1])
	}
	listKeys(reflect.TypeFor[Config](), "", &want)
	if len(want) < 10 {
		t.Fatalf("only %d keys found: the test looks at nothing", len(want))
	}
	for _, k := range want {
		if !slices.Contains(have, k) {
			t.Errorf("docs/configuration.md does not explain %s", k)
		}
	}
	for _, k := range have {
		if !slices.Contains(want, k) {
			t.Errorf("docs/configuration.md explains %s, which is no key", k)
		}
	}
}

// listKeys lists the yaml keys of a struct, those of structs inside it with a dot.
func listKeys(of reflect.Type, prefix string, out *[]string) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || name == "-":
		case f.Type.Kind() == reflect.Struct:
			listKeys(f.Type, prefix+name+".", out)
		default:
			*out = append(*out, prefix+name)
		}
	}
}
