package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ark-tre/ark/airlock/suppress"
	"github.com/ark-tre/ark/airlock/suppress/highs"
	"github.com/ark-tre/ark/pkg/ark"
)

type discloseSuppressCmd struct {
	Problem     string        `arg:"" help:"Linked tables with primary cells, JSON; - reads standard input."`
	Budget      time.Duration `help:"Look for cheaper patterns this long; the result may then depend on the machine." xor:"budget"`
	Work        int           `help:"Look for cheaper patterns with this much work; the result repeats exactly." xor:"budget"`
	Certificate string        `help:"Write internal.json and released.json to this folder." type:"path"`
	Insiders    bool          `help:"Protect also against single contributors who know their own cell." default:"true" negatable:""`
	Standard    string        `help:"ps1, ps1*, ps2 or ps2*: against outsiders or single contributors too; a star keeps the protection levels, else exact disclosure counts. By default levels against outsiders, exact disclosure against insiders." placeholder:"NAME"`
	JSON        bool          `name:"json" help:"Print JSON (always on)."`
}

// Run chooses a pattern of suppression and prints it with what is known of it.
func (c discloseSuppressCmd) Run(ctx context.Context) error {
	if c.Budget < 0 || c.Work < 0 {
		return ark.Faultf(ark.Invalid, "a budget can't be negative")
	}
	p, err := readProblem(c.Problem)
	if err != nil {
		return err
	}
	began := time.Now()
	budget := suppress.Budget{Work: c.Work}
	clock := func() time.Duration { return time.Since(began) }
	if c.Budget > 0 {
		budget = suppress.Budget{Work: 1 << 40, Time: c.Budget, Now: clock}
	}
	solver, err := startSolver(ctx, c.Budget > 0, clock)
	if err != nil {
		return err
	}
	defer solver.Close()
	o, err := suppress.Standard(suppress.Options{Solver: solver}, c.Standard)
	if err != nil {
		return err
	}
	o.Insiders = o.Insiders && c.Insiders
	r, err := suppress.Solve(ctx, p, o, budget)
	if err != nil {
		return err
	}
	if c.Certificate != "" && r.Status != "infeasible" {
		if err := writeCertificates(ctx, r, o, c.Certificate); err != nil {
			return err
		}
	}
	return printResult(r, r.Status == "infeasible")
}

func writeCertificates(ctx context.Context, r *suppress.Result, o suppress.Options, dir string) error {
	in, err := r.Internal()
	if err != nil {
		return err
	}
	out, err := r.Released(ctx, o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ark.Faultf(ark.Invalid, "the certificate folder could not be made").Because(err)
	}
	for name, cert := range map[string]*suppress.Certificate{"internal.json": in, "released.json": out} {
		b, err := json.MarshalIndent(cert, "", " ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), append(b, '\n'), 0o600); err != nil {
			return ark.Faultf(ark.Invalid, "a certificate could not be written").Because(err)
		}
	}
	return nil
}

type discloseAuditCmd struct {
	Pattern  string `arg:"" help:"A problem with \"suppressed\", JSON; - reads standard input."`
	Insiders bool   `help:"Attack also as single contributors who know their own cell." default:"true" negatable:""`
	Standard string `help:"ps1, ps1*, ps2 or ps2*; see suppress." placeholder:"NAME"`
	JSON     bool   `name:"json" help:"Print JSON (always on)."`
}

// Run prints what an attacker learns from a pattern.
func (c discloseAuditCmd) Run(ctx context.Context) error {
	p, err := readProblem(c.Pattern)
	if err != nil {
		return err
	}
	solver, err := startSolver(ctx, false, nil)
	if err != nil {
		return err
	}
	defer solver.Close()
	o, err := suppress.Standard(suppress.Options{Solver: solver}, c.Standard)
	if err != nil {
		return err
	}
	o.Insiders = o.Insiders && c.Insiders
	a, err := suppress.AuditPattern(ctx, p, o)
	if err != nil {
		return err
	}
	return printResult(a, len(a.Exact)+len(a.Unprotected) > 0)
}

type discloseVerifyCmd struct {
	Certificate []string `arg:"" help:"Certificates of suppression, internal or released."`
	JSON        bool     `name:"json" help:"Print JSON (always on)."`
}

// Run verifies certificates in exact arithmetic and says what each shows.
func (c discloseVerifyCmd) Run(context.Context) error {
	type one struct {
		File string `json:"file"`
		suppress.Verified
	}
	out := struct {
		Verdict      string `json:"verdict"`
		SameTable    bool   `json:"same_table"`
		Certificates []one  `json:"certificates"`
	}{Verdict: "pass", SameTable: true}
	for _, name := range c.Certificate {
		f, err := os.Open(name)
		if err != nil {
			return ark.Faultf(ark.Invalid, "a certificate could not be opened").Because(err)
		}
		cert, err := suppress.ReadCertificate(f)
		f.Close()
		if err != nil {
			return err
		}
		v := one{baseName(name), suppress.Verify(cert)}
		if !v.Valid {
			out.Verdict = "fail"
		}
		if len(out.Certificates) > 0 && v.Published != out.Certificates[0].Published {
			out.SameTable = false
		}
		out.Certificates = append(out.Certificates, v)
	}
	return printResult(out, out.Verdict != "pass")
}

func readProblem(name string) (*suppress.Problem, error) {
	var r io.Reader = os.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, ark.Faultf(ark.Invalid, "the problem could not be opened").Because(err)
		}
		defer f.Close()
		r = f
	}
	return suppress.Read(r)
}

// startSolver starts HiGHS; its compiled form is kept in the user's own cache
// folder, where only that user can write.
func startSolver(ctx context.Context, timed bool, clock func() time.Duration) (*highs.Solver, error) {
	o := highs.Options{CacheDir: solverCache()}
	if timed {
		o.Clock = clock
	}
	return highs.New(ctx, o)
}

// solverCache is the folder for the solver's compiled code; empty if there is none.
func solverCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	if dir = filepath.Join(dir, "ark", "highs"); os.MkdirAll(dir, 0o700) != nil {
		return ""
	}
	return dir
}
