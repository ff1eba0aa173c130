package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	dirs "farhook/pbxadapter/directory"
	"farhook/pbxadapter/switchboard"
)

// Rights is who may control which line.
type Rights string

// The rights.
const (
	Owner     Rights = "owner"     // the user must own the line, as the directory says
	Delegates Rights = "delegates" // or must be its owner's delegate
	Trusted   Rights = "trusted"   // any user of a trusted peer, any line
	Demo      Rights = "demo"      // anybody any line, on loopback
)

// renamed are values of former versions, and what they are now.
var renamed = map[Rights]string{"own-line": "trusted, or owner, which needs a directory", "any-line": "demo"}

// DirectoryConfig says where people come from.
type DirectoryConfig struct {
	Refresh Duration     `yaml:"refresh"`
	Copies  string       `yaml:"copies"` // folder of the last good copies; empty: none are kept
	Users   []dirs.Entry `yaml:"users"`
	File    string       `yaml:"file"`
	LDAP    *LDAPConfig  `yaml:"ldap"`
}

// LDAPConfig is a directory server.
type LDAPConfig struct {
	URLs         []string        `yaml:"urls"`
	StartTLS     bool            `yaml:"start_tls"`
	CA           string          `yaml:"ca"`
	BindDN       string          `yaml:"bind_dn"`
	PasswordFile string          `yaml:"password_file"`
	Base         string          `yaml:"base"`
	Filter       string          `yaml:"filter"`
	Page         int             `yaml:"page"`
	Timeout      Duration        `yaml:"timeout"`
	Attributes   dirs.Attributes `yaml:"attributes"`
}

// UnmarshalYAML has the defaults in place before it reads.
func (l *LDAPConfig) UnmarshalYAML(decode func(any) error) error {
	type plain LDAPConfig
	p := plain{Page: 500, Timeout: Duration(30 * time.Second), Attributes: dirs.ActiveDirectory()}
	if err := decode(&p); err != nil {
		return err
	}
	*l = LDAPConfig(p)
	return nil
}

// configured says whether there is a source.
func (d DirectoryConfig) configured() bool { return len(d.Users) > 0 || d.File != "" || d.LDAP != nil }

// rightsWrongs lists what is wrong with rights and directory.
func (c Config) rightsWrongs() []wrong {
	var w []wrong
	complain := func(path, format string, args ...any) { w = append(w, wrong{path, fmt.Sprintf(format, args...)}) }
	switch c.Rights {
	case Owner, Delegates:
		if !c.Directory.configured() {
			complain("$.rights", "%s needs a directory that says who owns which line: give directory.users, directory.file or directory.ldap, or use rights: trusted", c.Rights)
		}
	case Trusted, Demo:
	default:
		if now, ok := renamed[c.Rights]; ok {
			complain("$.rights", "%s is called %s now", c.Rights, now)
		} else {
			complain("$.rights", "%q is none of %s, %s, %s, %s", c.Rights, Owner, Delegates, Trusted, Demo)
		}
	}
	if r := time.Duration(c.Directory.Refresh); r < 10*time.Second || r > 24*time.Hour {
		complain("$.directory.refresh", "%v is out of range: 10s to 24h", r)
	}
	for i, e := range c.Directory.Users {
		if e.User != "" && dirs.Address(e.User) == "" {
			complain(fmt.Sprintf("$.directory.users[%d].user", i), "%q is no SIP address such as sip:alice@example.com", e.User)
		}
	}
	if f := strings.ToLower(c.Directory.File); f != "" && !strings.HasSuffix(f, ".yaml") && !strings.HasSuffix(f, ".yml") && !strings.HasSuffix(f, ".csv") {
		complain("$.directory.file", "%q: its name must end in .yaml or .csv", c.Directory.File)
	}
	if l := c.Directory.LDAP; l != nil {
		if l.Page < 1 || l.Page > 10_000 {
			complain("$.directory.ldap.page", "%d is out of range: 1 to 10000", l.Page)
		}
		if t := time.Duration(l.Timeout); t < time.Second || t > 10*time.Minute {
			complain("$.directory.ldap.timeout", "%v is out of range: 1s to 10m", t)
		}
		_, err := l.source()
		for _, one := range apart(err) {
			complain("$.directory.ldap", "%v", one)
		}
	}
	return w
}

// source makes the LDAP source. Its errors are about values; files are read where they are needed.
func (l *LDAPConfig) source() (*dirs.LDAP, error) {
	conf := dirs.LDAPConfig{
		URLs: l.URLs, StartTLS: l.StartTLS, BindDN: l.BindDN, Base: l.Base, Filter: l.Filter, Page: l.Page, Timeout: time.Duration(l.Timeout), Names: l.Attributes,
	}
	if l.PasswordFile != "" {
		conf.Password = func() string {
			text, err := os.ReadFile(l.PasswordFile) // anew for each bind: passwords change
			if err != nil {
				return "" // the server says that it's wrong
			}
			return strings.TrimRight(string(text), "\r\n")
		}
	}
	return dirs.NewLDAP(conf)
}

// files reads what the source needs beside the configuration, as serve would.
func (l *LDAPConfig) files() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if l.CA != "" {
		pem, err := os.ReadFile(l.CA)
		if err != nil {
			return nil, fmt.Errorf("directory.ldap.ca: %w", err)
		}
		cas, err := certificates(pem)
		if err != nil {
			return nil, fmt.Errorf("directory.ldap.ca: %s: %w", l.CA, err)
		}
		conf.RootCAs = x509.NewCertPool()
		for _, c := range cas {
			conf.RootCAs.AddCert(c)
		}
	}
	if l.PasswordFile != "" {
		if text, err := os.ReadFile(l.PasswordFile); err != nil {
			return nil, fmt.Errorf("directory.ldap.password_file: %w", err)
		} else if strings.TrimSpace(string(text)) == "" {
			return nil, fmt.Errorf("directory.ldap.password_file: %s is empty", l.PasswordFile)
		}
	}
	return conf, nil
}

// check reads the files that serve would read; it asks no server.
func (d DirectoryConfig) check(ctx context.Context) error {
	if _, err := d.open(zap.NewNop(), true); err != nil || d.File == "" {
		return err
	}
	return dirs.File(d.File).Load(ctx, func(dirs.Person) {})
}

// open makes the directory; nil where none is configured. It asks nobody yet. look: for a moment, beside a gateway that runs.
func (d DirectoryConfig) open(log *zap.Logger, look bool) (*dirs.Directory, error) {
	if !d.configured() {
		return nil, nil
	}
	var sources []dirs.Source
	if len(d.Users) > 0 {
		sources = append(sources, dirs.List(d.Users))
	}
	if d.File != "" {
		sources = append(sources, dirs.File(d.File))
	}
	if d.LDAP != nil {
		conf, err := d.LDAP.files()
		if err != nil {
			return nil, err
		}
		l, err := d.LDAP.source()
		if err != nil {
			return nil, fmt.Errorf("directory.ldap: %w", err)
		}
		sources = append(sources, l.With(conf))
	}
	return dirs.New(dirs.Options{Refresh: time.Duration(d.Refresh), Folder: d.Copies, Look: look, Log: log}, sources...), nil
}

// policy is what the rights say, for those who come by SIP.
func (c Config) policy(p *switchboard.People) switchboard.Policy {
	switch c.Rights {
	case Demo:
		return switchboard.AnyLine{}
	case Trusted:
		return switchboard.Trusted{}
	case Owner, Delegates:
	}
	return switchboard.Owner{People: p, Delegates: c.Rights == Delegates}
}

// people loads the directory, and gives it as the switchboard wants it; nil where none is configured. A source that can't be read, and of which there is
// no copy, is a reason not to start where rights hang on it.
func (c Config) people(ctx context.Context, log *zap.Logger) (*dirs.Directory, *switchboard.People, error) {
	d, err := c.Directory.open(log, false)
	if d == nil || err != nil {
		return nil, nil, err
	}
	if err := d.Load(ctx); err != nil {
		if c.Directory.LDAP == nil || errors.Is(err, os.ErrNotExist) {
			return nil, nil, err
		}
		// The server may come later; until then the users it knows sign in to nothing.
		log.Error("the directory is not complete", zap.Error(err))
	}
	return d, switchboard.NewPeople(d), nil
}
