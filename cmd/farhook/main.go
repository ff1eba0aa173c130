// Farhook is a remote call control gateway: UC servers speak CSTA XML over SIP to it, it commands a PBX, and tells what happens to
// the calls to UC clients, to its console, and over REST.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"farhook/pbxadapter/sim"
)

// version is set when a release is built; otherwise it comes from the module or the commit.
var version string

type cli struct {
	Demo   demoCmd   `cmd:"" help:"Run with the simulated PBX, nothing configured."`
	Serve  serveCmd  `cmd:"" help:"Run with a configuration file."`
	Reload reloadCmd `cmd:"" help:"Let the running gateway read its configuration again, and say what changed."`
	Drain  drainCmd  `cmd:"" help:"End every session of the running gateway with BYE; it takes no new ones."`
	Trace  traceCmd  `cmd:"" help:"Print what the running gateway and its peers said to each other, as a ladder."`
	Record recordCmd `cmd:"" help:"Write what sessions said of late as a conversation file that can be played again, with other numbers and names."`
	Replay replayCmd `cmd:"" help:"Play a conversation file against a gateway, and say where it answers otherwise."`
	Access accessCmd `cmd:"" help:"Make users and tokens for HTTP."`
	Config configCmd `cmd:"" help:"Check a configuration file, or print an example."`
	Doctor doctorCmd `cmd:"" help:"Go the way of one user from end to end, and say what is wrong and what to do."`
	Audit  auditCmd  `cmd:"" help:"Check the record of what matters to security."`
	Bench  benchCmds `cmd:"" help:"Measure the gateway with the simulated PBX on this machine."`

	Directory directoryCmd `cmd:"" help:"Look into the directory: who owns which line, and what is wrong."`

	Numbers numbersCmd `cmd:"" help:"Try, check, test and import the rules between canonical numbers and a PBX's own."`

	LogLevel logLevelCmd `cmd:"" name:"loglevel" help:"Change the level of the running gateway's log."`

	Completion completionCmd `cmd:"" help:"Print what a shell needs to complete our commands."`
	Man        manCmd        `cmd:"" hidden:"" help:"Print the manual page."`

	BenchTarget benchTargetCmd `cmd:"" hidden:""`
	Reference   referenceCmd   `cmd:"" hidden:"" help:"Print a page of the documentation that is made from the program."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// benchCmds are what can be measured.
type benchCmds struct {
	SIP benchCmd    `cmd:"" name:"sip" default:"withargs" help:"Measure the gateway with the simulated PBX on this machine, beside a bare SIP server."`
	Web benchWebCmd `cmd:"" help:"Followers, requests and history."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	tuneMemory()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: it gives the exit status, 0 or 1; 2 is for a command line that isn't one.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("farhook"),
		kong.Description("A remote call control gateway: CSTA over SIP to UC servers, commands to PBXs."),
		kong.Vars{"version": "farhook " + versionText(), "max_lines": strconv.Itoa(sim.MaxLines)},
		kong.Writers(out, errs),
		kong.Exit(func(status int) { exited = status }),
		kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&streams{out: out, err: errs}),
	)
	if err != nil {
		fmt.Fprintln(errs, "farhook:", err)
		return 1
	}
	k, err := parser.Parse(args)
	switch {
	case exited >= 0:
		return exited
	case err != nil:
		fmt.Fprintf(errs, "farhook: %v (farhook --help tells more)\n", err)
		return 2
	}
	var status exitStatus
	if err := k.Run(); errors.As(err, &status) {
		return int(status)
	} else if err != nil && !errors.Is(err, context.Canceled) {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintln(errs, "farhook:", strings.TrimSuffix(line, "\n"))
		}
		return 1
	}
	return 0
}

// streams are where a command writes.
type streams struct{ out, err io.Writer }

func versionText() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "development " + s.Value[:12]
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "development"
}
