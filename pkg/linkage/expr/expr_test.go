package expr

import (
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
)

func TestCanonicalForm(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`"a_l" = "a_r"`, `(l."a" = r."a")`},
		{`a_l IS NULL OR not b_r is not null`, `((l."a" IS NULL) OR NOT (NOT ((r."b" IS NULL))))`},
		{`ABS(EPOCH(try_strptime("d_l", '%Y-%m-%d')) - 3) <= 2629800.0`, `(abs((epoch(try_strptime(l."d", '%Y-%m-%d')) - 3)) <= 2.6298e+06)`},
		{`"it''s_l" <> 'o''k'`, `(l."it''s" <> 'o''k')`},
		{`a_l::varchar = CAST(b_r AS date)`, `(cast_varchar(l."a") = cast_date(r."b"))`},
		{`else`, `ELSE`},
		{`a_l || '-' || b_l = 'x' and 1 + 2 * 3 > 4`, `((((l."a" || '-') || l."b") = 'x') AND ((1 + (2 * 3)) > 4))`},
	} {
		n, err := Level(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := n.String(); got != c.want {
			t.Errorf("%s reads as %s, want %s", c.in, got, c.want)
		}
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	for _, s := range []string{"", "a_l =", "(a_l = a_r", "a_l = 'x", "SELECT 1", "a = b", "x.a = l.b", "a_l ; b_l",
		"f(a_l, )", "a_l IS", "CAST(a_l AS )", strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000), strings.Repeat("not ", 5000) + "a_l"} {
		if _, err := Level(s); !ark.Is(err, ark.Invalid) {
			t.Errorf("%.40q: %v", s, err)
		}
	}
}

func FuzzLevel(f *testing.F) {
	for _, s := range []string{`"a_l" = "a_r"`, `SUBSTRING(a_l, 1, 3) = 'x' OR NOT b_r IS NULL`, `jaro_winkler_similarity("a_l","a_r")>=.9`, `a_l::int - -1 < 1e3`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Level(s)
		if err != nil {
			if !ark.Is(err, ark.Invalid) {
				t.Fatalf("another error than invalid: %v", err)
			}
			return
		}
		if n.String() == "" || n.Sideless() == "" {
			t.Fatal("an expression without a text")
		}
		n.Conjuncts()
		n.Columns(map[string]bool{})
	})
}
