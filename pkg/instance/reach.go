package instance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/policies"
	"github.com/ark-tre/ark/workspace/cut"
)

// Reached is what one role's credential and OS user really reach, tried
// without the walls inside the program.
type Reached struct {
	Role    string       `json:"role"`
	Fetches []string     `json:"fetches"` // zones whose stored bytes it can get
	Reads   []string     `json:"reads"`   // zones whose plaintext it can get
	Opens   []string     `json:"opens"`   // classes of keys that unwrap for it
	Hashes  []string     `json:"hashes"`
	Signs   []string     `json:"signs"`
	Files   []string     `json:"files,omitempty"` // secrets of other roles that it can read
	Samples reachSamples `json:"-"`
	rights  policies.Grant
}

// reachSamples are what the tries are made on.
type reachSamples struct {
	Objects map[objects.Zone]string     `json:"objects"` // a name in each zone that holds anything
	Wrapped map[keys.Class]keys.Wrapped `json:"wrapped"`
	Names   map[keys.Class]keys.Name    `json:"names"`
}

// Reach starts a process for each role, under its OS user and with its
// credential, and lets it try to read every zone and use every class of keys,
// without the walls inside the program. It runs as the owner of the box.
func Reach(ctx context.Context, c Config) ([]Reached, error) {
	grants, err := policies.LoadGrants()
	if err != nil {
		return nil, err
	}
	samples, err := c.samples(ctx, grants)
	if err != nil {
		return nil, err
	}
	in, err := json.Marshal(samples)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ids := identities(grants)
	var out []Reached
	for _, role := range roleNames(grants) {
		cmd := exec.CommandContext(ctx, self, "reach", "--dir", c.dir, "--role", role)
		cmd.Stdin, cmd.Stderr, cmd.Dir, cmd.Env = bytes.NewReader(in), os.Stderr, "/", []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}
		if ids != nil {
			id := ids[role]
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id.uid, Gid: id.uid, Groups: id.groups}}
		}
		text, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("try what %s reaches: %w", role, err)
		}
		r := Reached{Samples: samples}
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, err
		}
		r.rights = grants[role]
		out = append(out, r)
	}
	return out, nil
}

// samples finds one object of each zone and one wrapped key of each class.
func (c Config) samples(ctx context.Context, grants policies.Grants) (reachSamples, error) {
	s := reachSamples{Objects: map[objects.Zone]string{}, Wrapped: map[keys.Class]keys.Wrapped{}, Names: map[keys.Class]keys.Name{}}
	for _, k := range standing {
		s.Names[k.Class()] = k
	}
	for _, role := range roleNames(grants) {
		r, err := OpenRole(ctx, c, role)
		if err != nil {
			return s, err
		}
		for _, z := range r.Grant.Zones {
			for meta, err := range r.Objects.List(ctx, z, "") {
				if err != nil {
					return s, err
				}
				s.Objects[z] = meta.Name
				if z == objects.Extracts {
					project, _, _ := strings.Cut(meta.Name, "/")
					s.Names[keys.Project] = cut.ProjectKey(project)
				}
				break
			}
		}
	}
	for _, role := range roleNames(grants) {
		r, err := OpenRole(ctx, c, role)
		if err != nil {
			return s, err
		}
		for class, rights := range r.Grant.Keys {
			if name := s.Names[class]; name != "" && slices.Contains(rights, keys.MaySeal) {
				secret, wrapped, err := r.Keys.NewDataKey(ctx, name)
				if err != nil {
					return s, err
				}
				secret.Wipe()
				s.Wrapped[class] = wrapped
			}
		}
	}
	return s, nil
}

// TryReach is what the process of one role does: samples come by in, what was
// reached goes to out.
func TryReach(ctx context.Context, c Config, role string, in io.Reader, out io.Writer) error {
	var s reachSamples
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		return err
	}
	r := Reached{Role: role, Fetches: []string{}, Reads: []string{}, Opens: []string{}, Hashes: []string{}, Signs: []string{}}
	cred, err := c.credential(role)
	if err != nil {
		return err
	}
	kr, err := c.keyring(cred)
	if err != nil {
		return err
	}
	for _, z := range zoneNames() {
		name, rules := s.Objects[objects.Zone(z)], objects.Rules{objects.Zone(z): objects.DefaultRules()[objects.Zone(z)]}
		back, err := c.backend(ctx, cred, rules)
		if err != nil || name == "" {
			continue // a store that does not even open for it
		}
		body, err := back.Read(ctx, objects.Zone(z), name, 0, 1)
		if err != nil {
			continue
		}
		got, err := io.ReadAll(body)
		body.Close()
		if err != nil || len(got) == 0 {
			continue
		}
		r.Fetches = append(r.Fetches, z)
		if _, err := objects.New(back, kr, rules).Stat(ctx, objects.Zone(z), name); err == nil {
			r.Reads = append(r.Reads, z)
		}
	}
	for _, class := range keys.Classes {
		name := s.Names[class]
		if name == "" {
			continue
		}
		if w := s.Wrapped[class]; w != nil {
			if secret, err := kr.Unwrap(ctx, name, w); err == nil {
				secret.Wipe()
				r.Opens = append(r.Opens, string(class))
			}
		}
		if class.Allows(keys.Hash) {
			if secret, err := kr.Derive(ctx, name, "reach"); err == nil {
				secret.Wipe()
				r.Hashes = append(r.Hashes, string(class))
			}
		}
		if class.Allows(keys.Attest) {
			if _, err := kr.Sign(ctx, name, []byte("reach")); err == nil {
				r.Signs = append(r.Signs, string(class))
			}
		}
	}
	r.Files = c.otherSecrets(role)
	return json.NewEncoder(out).Encode(r)
}

// otherSecrets lists what belongs to another role and can be read by this one:
// the database, the accounts of the issuer, credentials, scratch.
func (c Config) otherSecrets(role string) []string {
	var out []string
	try := func(owner string, path ...string) {
		if owner == role {
			return
		}
		if entries, err := os.ReadDir(c.Path(path...)); err == nil && len(entries) > 0 {
			out = append(out, strings.Join(path, "/"))
		}
		if f, err := os.Open(c.Path(path...)); err == nil {
			if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
				out = append(out, strings.Join(path, "/"))
			}
			f.Close()
		}
	}
	try("control", "db")
	try("control", "identity")
	grants, err := policies.LoadGrants()
	if err != nil {
		return append(out, "the grants cannot be read")
	}
	for _, other := range roleNames(grants) {
		try(other, "tmp", other)
		try(other, "log", other+".log")
		try(other, "credentials", other+".json")
	}
	return out
}

func zoneNames() []string {
	var out []string
	for z := range objects.DefaultRules() {
		out = append(out, string(z))
	}
	slices.Sort(out)
	return out
}

// Wrong says where what was reached is not what the grants say, a sentence
// each; none is as it should be.
func (r Reached) Wrong() []string {
	var out []string
	compare := func(what string, have, want []string) {
		slices.Sort(have)
		slices.Sort(want)
		for _, x := range have {
			if !slices.Contains(want, x) {
				out = append(out, fmt.Sprintf("%s %s %s, which no grant gives it", r.Role, what, x))
			}
		}
		for _, x := range want {
			if !slices.Contains(have, x) {
				out = append(out, fmt.Sprintf("%s cannot do what its grant says: it %s not %s", r.Role, what, x))
			}
		}
	}
	var zones, opens, hashes, signs []string
	for _, z := range r.rights.Zones {
		if r.Samples.Objects[z] != "" {
			zones = append(zones, string(z))
		}
	}
	for class, rights := range r.rights.Keys {
		for _, right := range rights {
			switch {
			case right == keys.MayOpen && r.Samples.Wrapped[class] != nil:
				opens = append(opens, string(class))
			case right == keys.MayHash:
				hashes = append(hashes, string(class))
			case right == keys.MaySign:
				signs = append(signs, string(class))
			}
		}
	}
	compare("fetches from", r.Fetches, zones)
	compare("opens", r.Opens, opens)
	compare("signs with", r.Signs, signs)
	// Whoever holds a sealing key's secret half could also hash with it.
	var more []string
	for _, h := range r.Hashes {
		if !slices.Contains(opens, h) || slices.Contains(hashes, h) {
			more = append(more, h)
		}
	}
	compare("hashes with", more, hashes)
	if slices.Contains(r.Reads, string(objects.Identifiers)) && slices.Contains(r.Reads, string(objects.Payload)) {
		out = append(out, r.Role+" reads identifiers and payload")
	}
	if slices.Contains(r.Reads, string(objects.Landing)) && r.Role != "intake" {
		out = append(out, r.Role+" reads deliveries as they came, which are identifiers and payload")
	}
	for _, f := range r.Files {
		out = append(out, fmt.Sprintf("%s can read %s, which is another role's", r.Role, f))
	}
	if os.Geteuid() != 0 {
		return append(out, ark.Faultf(ark.Conflict, "without root every role is one user, so nothing parts them").Error())
	}
	return out
}
