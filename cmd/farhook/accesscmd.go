package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/web/access"
	"farhook/web/history"
)

// accessCmd makes the first users and tokens; later ones are made by REST. A gateway that runs sees them within seconds.
type accessCmd struct {
	User   accessUserCmd   `cmd:"" help:"Make a local user, or change one. The password is read from standard input."`
	Token  accessTokenCmd  `cmd:"" help:"Make a token, and print it: it is shown this once."`
	List   accessListCmd   `cmd:"" help:"List users and tokens."`
	Delete accessDeleteCmd `cmd:"" help:"Withdraw a token, or delete a user. Sessions and streams end within seconds."`
}

// accessStore is the file that the configuration names.
type accessStore struct {
	Config string `required:"" placeholder:"FILE" help:"The configuration, YAML."`
}

func (a accessStore) open() (*access.Access, *history.DB, error) {
	c, err := load(a.Config)
	if err != nil {
		return nil, nil, err
	}
	if c.Web.Store == "" {
		return nil, nil, fmt.Errorf("%s: web.store is empty: there is no file for users and tokens", a.Config)
	}
	db, err := history.Open(c.Web.Store, zap.NewNop())
	if err != nil {
		return nil, nil, err
	}
	acc, err := access.New(access.Config{}, db)
	if err != nil {
		_ = db.Close()
		return nil, nil, err
	}
	return acc, db, nil
}

// grantFlags is a grant on the command line.
type grantFlags struct {
	Scopes     []string `required:"" help:"What may be done: observe-state, observe-parties, control, administer, override."`
	AllDevices bool     `help:"It holds for every device."`
	Devices    []string `help:"Devices or groups that it holds for, as the gateway calls them: tel:+15551001."`
	Own        []string `help:"Lines that are the holder's own."`
	Allow      []string `help:"Regular expressions of numbers that may be called." sep:"none"`
	Deny       []string `help:"Regular expressions of numbers that may not be called." sep:"none"`
}

func (f grantFlags) grant() access.Grant {
	g := access.Grant{AllDevices: f.AllDevices, Allow: f.Allow, Deny: f.Deny}
	for _, s := range f.Scopes {
		g.Scopes = append(g.Scopes, access.Scope(s))
	}
	for _, d := range f.Devices {
		g.Devices = append(g.Devices, csta.DeviceID(d))
	}
	for _, d := range f.Own {
		g.OwnLines = append(g.OwnLines, csta.DeviceID(d))
	}
	return g
}

type accessUserCmd struct {
	accessStore
	grantFlags
	Name string `arg:"" help:"What the user signs in with."`
}

// Run of access user.
func (u *accessUserCmd) Run(ctx context.Context, s *streams) error {
	acc, db, err := u.open()
	if err != nil {
		return err
	}
	defer db.Close()
	fmt.Fprint(s.err, "password: ")
	password, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && password == "" {
		return fmt.Errorf("the password is read from standard input: %w", err)
	}
	password = strings.TrimRight(password, "\r\n")
	user := access.User{Name: u.Name, Grant: u.grant()}
	_, err = acc.PutUser(ctx, user, password, true)
	if errors.Is(err, access.ErrExists) {
		_, err = acc.PutUser(ctx, user, password, false)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "user %s: ok\n", u.Name)
	return nil
}

type accessTokenCmd struct {
	accessStore
	grantFlags
	Note string        `required:"" help:"What it is for."`
	For  time.Duration `help:"How long it is good; 0: for ever."`
}

// Run of access token.
func (t *accessTokenCmd) Run(ctx context.Context, s *streams) error {
	acc, db, err := t.open()
	if err != nil {
		return err
	}
	defer db.Close()
	token := access.Token{Note: t.Note, Grant: t.grant(), By: "command line"}
	if t.For > 0 {
		token.Expires = time.Now().Add(t.For).UTC()
	}
	_, secret, err := acc.NewToken(ctx, token)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, secret)
	return nil
}

type accessDeleteCmd struct {
	accessStore
	Kind string `arg:"" enum:"token,user" help:"token or user."`
	Name string `arg:"" help:"What access list calls it."`
}

// Run of access delete.
func (d *accessDeleteCmd) Run(ctx context.Context, s *streams) error {
	acc, db, err := d.open()
	if err != nil {
		return err
	}
	defer db.Close()
	remove := acc.DeleteToken
	if d.Kind == "user" {
		remove = acc.DeleteUser
	}
	switch err := remove(ctx, d.Name); {
	case errors.Is(err, access.ErrUnknown):
		return fmt.Errorf("there is no %s %s", d.Kind, d.Name)
	case err != nil:
		return err
	}
	fmt.Fprintf(s.out, "%s %s: deleted\n", d.Kind, d.Name)
	return nil
}

type accessListCmd struct{ accessStore }

// Run of access list.
func (l *accessListCmd) Run(s *streams) error {
	acc, db, err := l.open()
	if err != nil {
		return err
	}
	defer db.Close()
	for _, u := range acc.Users() {
		fmt.Fprintf(s.out, "user   %-14s %v\n", u.Name, u.Grant.Scopes)
	}
	for _, t := range acc.Tokens() {
		fmt.Fprintf(s.out, "token  %-14s %v  %s\n", t.ID, t.Grant.Scopes, t.Note)
	}
	return nil
}
