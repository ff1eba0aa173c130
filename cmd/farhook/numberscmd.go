package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/goccy/go-yaml"

	"farhook/pbxadapter/numbering"
)

type numbersCmd struct {
	Try    numbersTryCmd    `cmd:"" help:"Show what every rule does with NUMBER, both ways, and whether the round trip comes home."`
	Lint   numbersLintCmd   `cmd:"" help:"Find rules that can never match or undo one another, and lines that don't come home."`
	Test   numbersTestCmd   `cmd:"" help:"Check a table of expectations, YAML."`
	Import numbersImportCmd `cmd:"" help:"Turn a table of From and To rules, CSV, into rules for the configuration."`
}

// onePBX chooses PBXs by name.
type onePBX struct {
	Config string `required:"" placeholder:"FILE" help:"The configuration, YAML."`
	PBX    string `name:"pbx" placeholder:"NAME" help:"Of this PBX only."`
}

// load reads the configuration and gives the PBXs that are meant, with their rules.
func (o onePBX) load() (Config, []PBXConfig, []*numbering.Rules, error) {
	c, err := load(o.Config)
	if err != nil {
		return c, nil, nil, err
	}
	var pbxs []PBXConfig
	var rules []*numbering.Rules
	for _, p := range c.PBX {
		if o.PBX != "" && p.Name != o.PBX {
			continue
		}
		r, err := c.numbersOf(p)
		if err != nil {
			return c, nil, nil, err
		}
		pbxs, rules = append(pbxs, p), append(rules, r)
	}
	if len(pbxs) == 0 {
		return c, nil, nil, fmt.Errorf("%s has no PBX named %q", o.Config, o.PBX)
	}
	return c, pbxs, rules, nil
}

type numbersTryCmd struct {
	Number string `arg:"" help:"A number as a UC client, a program or a PBX writes it."`
	Side   string `default:"called" enum:"calling,called" help:"Whose number it is: calling or called."`
	onePBX
}

// Run of numbers try.
func (n *numbersTryCmd) Run(s *streams) error {
	_, pbxs, rules, err := n.load()
	if err != nil {
		return err
	}
	side := numbering.Called
	if n.Side == "calling" {
		side = numbering.Calling
	}
	home := true
	for i, p := range pbxs {
		fmt.Fprintf(s.out, "PBX %s\n", p.Name)
		home = tryWay(s, rules[i], numbering.ToPBX, n.Number, side) && home
		fmt.Fprintln(s.out, "  the same text, where the PBX shows it")
		tryWay(s, rules[i], numbering.FromPBX, n.Number, side)
	}
	if !home {
		return fmt.Errorf("%s: the round trip doesn't come home", n.Number)
	}
	return nil
}

// tryWay shows one way and the way back, and says whether that comes home.
func tryWay(s *streams, r *numbering.Rules, d numbering.Direction, in string, side numbering.Side) bool {
	there, back, home := r.RoundTrip(d, in, side)
	printWay(s, there)
	if there.Err != nil {
		return false
	}
	printWay(s, back)
	switch {
	case !home:
		fmt.Fprintf(s.out, "  round trip: FAILS, %s comes back as %s\n", in, back.Out)
	case numbering.Home(back.Out, in):
		fmt.Fprintln(s.out, "  round trip: comes home")
	default:
		fmt.Fprintf(s.out, "  round trip: comes home as %s\n", back.Out)
	}
	return home
}

// printWay shows one way, rule by rule.
func printWay(s *streams, w numbering.Way) {
	title := "to the PBX"
	if w.Direction == numbering.FromPBX {
		title = "from the PBX"
	}
	fmt.Fprintf(s.out, "  %s: %s\n", title, w.In)
	for _, step := range w.Steps {
		fmt.Fprintf(s.out, "    %-30s %s", step.Rule, step.Did)
		if step.Result != "" {
			fmt.Fprintf(s.out, ": %s", step.Result)
		}
		fmt.Fprintln(s.out)
	}
	if w.Err != nil {
		fmt.Fprintf(s.out, "    refused: %v\n", w.Err)
		return
	}
	if !slices.ContainsFunc(w.Steps, func(x numbering.Step) bool { return x.Result != "" }) {
		fmt.Fprintln(s.out, "    no rule matches: it goes as it is")
	}
	fmt.Fprintf(s.out, "    = %s\n", w.Out)
}

type numbersLintCmd struct{ onePBX }

// Run of numbers lint.
func (n *numbersLintCmd) Run(ctx context.Context, s *streams) error {
	c, pbxs, rules, err := n.load()
	if err != nil {
		return err
	}
	lines, err := c.lines(ctx)
	if err != nil {
		return err
	}
	found := 0
	for i, p := range pbxs {
		for _, f := range rules[i].Lint(lines) {
			found++
			fmt.Fprintf(s.out, "PBX %s: %s\n", p.Name, f)
		}
	}
	if found > 0 {
		return fmt.Errorf("%s: %d findings", n.Config, found)
	}
	fmt.Fprintf(s.out, "%s: ok, %d lines looked at\n", n.Config, len(lines))
	return nil
}

// expectation is one row of a table for numbers test: one of ToPBX and FromPBX goes in.
type expectation struct {
	PBX     string `yaml:"pbx"`      // empty: the first
	ToPBX   string `yaml:"to_pbx"`   // a number on its way to the PBX
	FromPBX string `yaml:"from_pbx"` // what the PBX shows
	Side    string `yaml:"side"`     // calling or called (default)
	Want    string `yaml:"want"`     // what comes out; empty: it's refused
}

type numbersTestCmd struct {
	File string `arg:"" help:"The table."`
	onePBX
}

const maxTable = 4 << 20

// Run of numbers test.
func (n *numbersTestCmd) Run(s *streams) error {
	_, pbxs, rules, err := n.load()
	if err != nil {
		return err
	}
	text, err := readFile(n.File, maxTable)
	if err != nil {
		return err
	}
	var rows []expectation
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&rows); err != nil {
		return fmt.Errorf("%s: %s", n.File, oneLine(err))
	}
	if len(rows) == 0 {
		return fmt.Errorf("%s: there are no expectations in it", n.File)
	}
	var bad []error
	for i, e := range rows {
		at := slices.IndexFunc(pbxs, func(p PBXConfig) bool { return e.PBX == "" || p.Name == e.PBX })
		if at < 0 {
			bad = append(bad, fmt.Errorf("%s: row %d: there is no PBX named %q", n.File, i+1, e.PBX))
			continue
		}
		if err := e.check(rules[at]); err != nil {
			bad = append(bad, fmt.Errorf("%s: row %d: %w", n.File, i+1, err))
		}
	}
	if len(bad) > 0 {
		return errors.Join(append(bad, fmt.Errorf("%s: %d of %d failed", n.File, len(bad), len(rows)))...)
	}
	fmt.Fprintf(s.out, "%s: ok, %d expectations\n", n.File, len(rows))
	return nil
}

func (e expectation) check(r *numbering.Rules) error {
	side, known := map[string]numbering.Side{"": numbering.Called, "called": numbering.Called, "calling": numbering.Calling}[e.Side]
	if !known {
		return fmt.Errorf("side: %q is neither calling nor called", e.Side)
	}
	var w numbering.Way
	switch {
	case (e.ToPBX == "") == (e.FromPBX == ""):
		return errors.New("one of to_pbx and from_pbx is wanted")
	case e.ToPBX != "":
		w = r.Explain(numbering.ToPBX, e.ToPBX, side)
	default:
		w = r.Explain(numbering.FromPBX, e.FromPBX, side)
	}
	if w.Out == e.Want {
		return nil
	}
	by := "no rule matches"
	for _, step := range w.Steps {
		if step.Result != "" {
			by = fmt.Sprintf("by rule %q", step.Rule)
		}
	}
	if w.Err != nil {
		by = w.Err.Error()
	}
	return fmt.Errorf("%s: %s became %q (%s), %q is wanted", w.Direction, w.In, w.Out, by, e.Want)
}

type numbersImportCmd struct {
	File      string `arg:"" help:"The table, CSV: direction, name, minimum length, maximum length, pattern, delete length, replacement."`
	Direction string `enum:"from_pbx,to_pbx," default:"" help:"Of rows that name none: from_pbx or to_pbx."`
}

// Run of numbers import.
func (n *numbersImportCmd) Run(s *streams) error {
	text, err := readFile(n.File, maxTable)
	if err != nil {
		return err
	}
	var otherwise *numbering.Direction
	switch n.Direction {
	case "from_pbx":
		otherwise = new(numbering.FromPBX)
	case "to_pbx":
		otherwise = new(numbering.ToPBX)
	}
	table, err := numbering.Import(bytes.NewReader(text), otherwise)
	if err != nil {
		var all []error
		for _, e := range apart(err) {
			all = append(all, fmt.Errorf("%s: %w", n.File, e))
		}
		return errors.Join(all...)
	}
	out, err := yaml.MarshalWithOptions(map[string]any{"numbers": map[string]any{"to_pbx": table.ToPBX, "from_pbx": table.FromPBX}}, yaml.Indent(2), yaml.IndentSequence(true))
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "# %d rules of %s: put them under the PBX in the configuration, then run farhook numbers lint.\n%s",
		len(table.ToPBX)+len(table.FromPBX), n.File, out)
	return nil
}

// readFile reads a file of bounded size.
func readFile(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", name, errors.Unwrap(err))
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d octets, %d are allowed", name, info.Size(), limit)
	}
	return os.ReadFile(name)
}
