// Command ark is the control plane, the portal, the workers and the command
// line of an Ark, in one program.
//
// It only wires: each subcommand parses its flags and calls a room's plain
// function. Exit status: 0 done, 1 something asked for was found wrong (a
// failing check, a broken proof), 2 misuse or bad input.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/ark-tre/ark/pkg/ark"
)

// cli lists the commands. Each is a struct with a Run(context.Context) error
// in a file of its own name.
type cli struct {
	Serve    serveCmd    `cmd:"" help:"Serve an Ark."`
	Found    foundCmd    `cmd:"" help:"Make an empty Ark with its first operator."`
	Account  accountCmd  `cmd:"" help:"Work on the accounts of the embedded issuer."`
	Demo     demoCmd     `cmd:"" help:"Make, fill and serve a demonstration Ark."`
	Version  versionCmd  `cmd:"" help:"Print the version of this program."`
	Doctor   doctorCmd   `cmd:"" help:"Say whether this machine can run an Ark, and what to do where it can't."`
	Renew    renewCmd    `cmd:"" help:"Bring what an older version set up on Vault and S3 to today's; status 1 when something is to be done and was only printed."`
	Reach    reachCmd    `cmd:"" help:"Try what the credential of each role really reaches; status 1 when it is not what the grants say."`
	Fsck     fsckCmd     `cmd:"" help:"Read database, objects, ledger, keys and volumes independently, and find where they disagree; status 1 when they do."`
	Backup   backupCmd   `cmd:"" help:"Copy an Ark that may be at work, and check copies."`
	Restore  restoreCmd  `cmd:"" help:"Make an Ark of a backup, in an empty place."`
	Ledger   ledgerCmd   `cmd:"" help:"Fetch and verify the ledger."`
	Synth    synthCmd    `cmd:"" help:"Make a synthetic city region: deliveries of many organisations and the truth behind them."`
	Contract contractCmd `cmd:"" help:"Work on the contracts of sources."`
	Link     linkCmd     `cmd:"" help:"Find which records are of one person."`
	Bench    benchCmd    `cmd:"" help:"Measure Ark, and compare it with others."`
	Inspect  inspectCmd  `cmd:"" help:"Look for what hides in files, and rebuild clean ones."`
	Table    tableCmd    `cmd:"" help:"Make a table from its specification, and write the specification beside it."`
	Records  recordsCmd  `cmd:"" help:"Print the records of a query over the extract as CSV, through ark-engine."`
	Check    checkCmd    `cmd:"" help:"Judge every output in a folder before it is submitted."`
	Disclose discloseCmd `cmd:"" help:"Disclosure control: judge tables and cells, suppress, audit, round, verify."`

	SignIn      signInCmd      `cmd:"" help:"Sign in to an Ark, for the commands below."`
	SignOut     signOutCmd     `cmd:"" help:"Sign out of an Ark."`
	Source      sourceCmd      `cmd:"" help:"Work on sources."`
	Deliver     deliverCmd     `cmd:"" help:"Deliver a folder to a source; status 1 when it is blocked."`
	Recall      recallCmd      `cmd:"" help:"Take a delivery back: versions that hold it are withdrawn and extracts frozen."`
	Drop        dropCmd        `cmd:"" help:"Deliver what arrives in a drop folder, and take HL7 v2 messages over MLLP into it."`
	List        listCmd        `cmd:"" help:"Send the list of people who objected or opted out."`
	Linkage     linkageCmd     `cmd:"" help:"Link the Ark's records into persons."`
	Names       namesCmd       `cmd:"" help:"Change the key that names people, and see its versions."`
	Codelist    codelistCmd    `cmd:"" help:"Work on code lists that contracts, filters and applications share."`
	Dataset     datasetCmd     `cmd:"" help:"Work on datasets."`
	Publish     publishCmd     `cmd:"" help:"Publish the next version of a dataset."`
	Versions    versionsCmd    `cmd:"" help:"List a dataset's versions, or show where one came from and what changed with it."`
	Catalogue   catalogueCmd   `cmd:"" help:"List the datasets, or show one."`
	Feasibility feasibilityCmd `cmd:"" help:"Ask how many people a filter would reach."`
	Apply       applyCmd       `cmd:"" help:"Start a project and submit its application."`
	Counts      countsCmd      `cmd:"" help:"See the counts behind a synthetic version, and approve them."`
	Follow      followCmd      `cmd:"" help:"Take newer versions of a dataset, as often as the permit allows."`
	Project     projectCmd     `cmd:"" help:"Show a project, its reviews and its permit."`
	Reviews     reviewsCmd     `cmd:"" help:"List the reviews that wait for your organisation."`
	Decide      decideCmd      `cmd:"" help:"Decide a review for your organisation."`
	Workspace   workspaceCmd   `cmd:"" help:"Open, start, stop and list your workspaces."`
	Airlock     airlockCmd     `cmd:"" help:"Submit, check, release and download outputs."`
	Inbox       inboxCmd       `cmd:"" help:"Bring files, code, packages and reference data into a workspace."`
	Standing    standingCmd    `cmd:"" help:"Ask for, approve and answer standing outputs: tables made again on each new version."`
	Trace       traceCmd       `cmd:"" help:"Report errors and findings to the organisation that sent a record, and open sealed answers."`
	Release     releaseCmd     `cmd:"" help:"Verify what was released."`
}

// version is set at link time.
var version = "dev"

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run() error {
	fmt.Println("ark", version)
	return nil
}

// errFound is returned by a command whose work succeeded and found something
// wrong: exit status 1, and nothing more is printed.
var errFound = errors.New("found")

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	parser, err := kong.New(&c, kong.Name("ark"),
		kong.Description("An open-source trusted research environment."),
		kong.UsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "ark:", err)
		return 2
	}
	k, err := parser.Parse(negatives(args))
	if err != nil {
		fmt.Fprintln(os.Stderr, "ark:", err)
		return 2
	}
	return exit(k.Run())
}

// negatives joins a long flag with a number below zero that follows it, which
// would otherwise be read as another flag.
func negatives(args []string) []string {
	var out []string
	for i, a := range args {
		if a == "--" {
			return append(out, args[i:]...)
		}
		if n := len(out) - 1; n >= 0 && len(a) > 1 && a[0] == '-' && (a[1] == '.' || a[1] >= '0' && a[1] <= '9') &&
			strings.HasPrefix(out[n], "--") && !strings.Contains(out[n], "=") {
			out[n] += "=" + a
			continue
		}
		out = append(out, a)
	}
	return out
}

// exit prints what a user may see of err and returns the exit status.
func exit(err error) int {
	var f *ark.Fault
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFound):
		return 1
	case errors.As(err, &f):
		fmt.Fprintln(os.Stderr, "ark:", f.Error())
		return 2
	default:
		fmt.Fprintln(os.Stderr, "ark:", err)
		return 2
	}
}
