package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	dirs "farhook/pbxadapter/directory"
	"farhook/pbxadapter/switchboard"
)

type directoryCmd struct {
	Lint directoryLintCmd `cmd:"" help:"Find lines with two owners or that no PBX has, line servers that are missing or wrong, numbers of several people."`
	Show directoryShowCmd `cmd:"" help:"Show whom USER, a SIP address, a number or a part of a name, means."`
}

// fromConfig reads the configuration and its directory.
type fromConfig struct {
	Config string `required:"" placeholder:"FILE" help:"The configuration, YAML."`
}

// load asks every source. One that doesn't answer, and has no copy, is an error.
func (f fromConfig) load(ctx context.Context, s *streams) (Config, *dirs.Directory, error) {
	c, err := load(f.Config)
	if err != nil {
		return c, nil, err
	}
	d, err := c.Directory.open(zap.NewNop(), true)
	if err != nil {
		return c, nil, err
	}
	if d == nil {
		return c, nil, fmt.Errorf("%s has no directory: give directory.users, directory.file or directory.ldap", f.Config)
	}
	if err := d.Load(ctx); err != nil {
		return c, nil, err
	}
	for _, x := range d.View().Sources {
		if x.Err != nil {
			fmt.Fprintf(s.err, "farhook: %s doesn't answer, its copy of %s is used: %v\n", x.Name, x.At.Format(time.RFC3339), x.Err)
		}
	}
	return c, d, nil
}

type directoryLintCmd struct {
	Offline bool          `help:"Don't connect to the PBXs: whether they have the lines isn't looked at."`
	Wait    time.Duration `default:"10s" help:"How long to wait for the PBXs."`
	fromConfig
}

// Run of directory lint.
func (k *directoryLintCmd) Run(ctx context.Context, s *streams) error {
	c, d, err := k.load(ctx, s)
	if err != nil {
		return err
	}
	check := dirs.Check{Domain: c.SIP.Domain, Delegates: c.Rights == Delegates}
	if !k.Offline {
		find, stop, err := c.findOnPBX(ctx, k.Wait, s)
		if err != nil {
			return err
		}
		defer stop()
		check.Find = find
	}
	v := d.View()
	found := v.Lint(check)
	for _, f := range found {
		fmt.Fprintln(s.out, f)
	}
	if len(found) > 0 {
		return fmt.Errorf("%s: %d findings among %d people", k.Config, len(found), len(v.People))
	}
	fmt.Fprintf(s.out, "%s: ok, %d people, %d lines\n", k.Config, len(v.People), len(v.Lines()))
	return nil
}

// findOnPBX connects to the PBXs, as serve would, and gives the way to find a line on them.
func (c Config) findOnPBX(ctx context.Context, wait time.Duration, s *streams) (find func(string) (string, error), stop func(), err error) {
	pbxs, err := makePBXs(c, nil)
	if err != nil {
		return nil, nil, err
	}
	board := switchboard.New(switchboard.AnyLine{}, switchboard.Options{}, pbxs...)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = board.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(wait); ; {
		var down []string
		for _, l := range board.Links() {
			if !l.Up {
				down = append(down, l.Name)
			}
		}
		if len(down) == 0 {
			break
		}
		if time.Now().After(end) {
			stop()
			return nil, nil, fmt.Errorf("no connection to PBX %s within %v: try again, or with --offline", strings.Join(down, ", "), wait)
		}
		select {
		case <-ctx.Done():
			stop()
			return nil, nil, ctx.Err()
		case <-tick.C:
		}
	}
	return func(line string) (string, error) {
		d, err := board.Resolve(line)
		return string(d), err
	}, stop, nil
}

type directoryShowCmd struct {
	User string `arg:"" help:"A SIP address, a number, or a part of a name."`
	fromConfig
}

// Run of directory show.
func (k *directoryShowCmd) Run(ctx context.Context, s *streams) error {
	_, d, err := k.load(ctx, s)
	if err != nil {
		return err
	}
	v := d.View()
	var found []dirs.Person
	if p, ok := v.User(dirs.Address(k.User)); ok {
		found = append(found, *p)
	} else if p, ok := v.Number(k.User); ok {
		found = append(found, *p)
	} else {
		for _, p := range v.People {
			if strings.Contains(strings.ToLower(p.Name), strings.ToLower(k.User)) {
				found = append(found, p)
			}
		}
	}
	if len(found) == 0 {
		return fmt.Errorf("nobody in the directory is %q: no address, no number of one person, no part of a name", k.User)
	}
	e := json.NewEncoder(s.out)
	e.SetIndent("", "  ")
	for _, p := range found {
		if err := e.Encode(p); err != nil {
			return err
		}
	}
	return nil
}

// lines are those of the directory; none where there is no directory.
func (c Config) lines(ctx context.Context) ([]string, error) {
	d, err := c.Directory.open(zap.NewNop(), true)
	if d == nil || err != nil {
		return nil, err
	}
	if err := d.Load(ctx); err != nil {
		return nil, err
	}
	return d.View().Lines(), nil
}
