package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/demonstration"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/identity/signin"
	"github.com/ark-tre/ark/pkg/instance"
)

// TestFound makes an empty Ark as an organisation would: its operator signs in
// with what was printed once, adds a colleague with an account of their own,
// and nothing of a demonstration is there.
func TestFound(t *testing.T) {
	d, dir := newDesk(t)
	at := freeAddress(t)
	_, port, _ := strings.Cut(at, ":")
	d.at = "http://localhost:" + port
	found := []string{"found", "--dir", dir, "--region", "Northfield", "--trial", "A pilot; invented records only.", "--listen", at, "--origin", d.at, "--tree", d.tree,
		"--org", "ark-office", "--org-name", "Northfield Ark", "--user", "olga", "--name", "Olga Brandt", "--email", "olga@example.org"}
	d.as("root", 2, "belongs to an outside provider", append(found, "--subject", "olga")...)
	d.quiet = true // it prints a password
	olga := printed(t, d.as("root", 0, "an empty Ark is in ", found...))
	d.as("root", 2, "there is an Ark in ", found...)
	carol := printed(t, d.as("root", 0, "Add an account", "account", "add", "--dir", dir, "carol", "--name", "Carol Jones", "--email", "carol@example.org"))
	d.as("root", 2, "there is an account of that user name", "account", "add", "--dir", dir, "Carol", "--name", "Another", "--email", "c@example.org")
	var err error
	if d.config, err = instance.Load(dir); err != nil {
		t.Fatal(err)
	}
	if d.config.Demonstration {
		t.Error("it shows a demonstration's sign-ins")
	}
	t.Cleanup(func() {
		if err := demonstration.Unmount(dir); err != nil {
			t.Error(err)
		}
	})
	d.serve(dir)
	d.as("root", 2, "the Ark is running", "account", "add", "--dir", dir, "dev", "--name", "Dev", "--email", "d@example.org")

	walker := &signin.Walker{}
	as := func(name string, a account) (*client.Client, error) {
		h, err := walker.SignIn(t.Context(), d.at, signin.Credentials{UserName: name, Password: identity.Secret(a.password), TOTPSecret: identity.Secret(a.secret)})
		return &client.Client{Origin: d.at, HTTP: h}, err
	}
	if _, err := as("carol", carol); err == nil {
		t.Error("an account that no operator added comes in")
	}
	operator, err := as("olga", olga)
	if err != nil {
		t.Fatal(err)
	}
	var users, organisations struct{ Items []governance.User }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(operator.Get(t.Context(), "/users", &users))
	must(operator.Get(t.Context(), "/organisations", &organisations))
	if len(users.Items) != 1 || len(organisations.Items) != 1 {
		t.Fatalf("a new Ark has %d users and %d organisations", len(users.Items), len(organisations.Items))
	}
	must(operator.Post(t.Context(), "/users", map[string]any{"name": "Carol Jones", "email": "carol@example.org", "org": organisations.Items[0].ID,
		"issuer": users.Items[0].Issuer, "subject": carol.subject, "roles": []string{"custodian"}}, nil))
	if _, err := as("carol", carol); err != nil {
		t.Error("she was added and does not come in: ", err)
	}
	d.outside()
	d.as("root", 0, "nothing disagrees", "fsck", "--dir", dir)
}

// account is what a command printed of one.
type account struct{ password, secret, subject string }

func printed(t *testing.T, out string) (a account) {
	t.Helper()
	for re, to := range map[string]*string{`password +(\S+)`: &a.password, `secret=([A-Z2-7]+)`: &a.secret} {
		if m := regexp.MustCompile(re).FindStringSubmatch(out); m != nil {
			*to = m[1]
		} else {
			t.Fatalf("no %s is printed", re)
		}
	}
	if m := regexp.MustCompile(`with this subject: (\S+)`).FindStringSubmatch(out); m != nil {
		a.subject = m[1]
	}
	return a
}
