package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// LDAPConfig says how a directory server is asked. Nothing is ever written there.
type LDAPConfig struct {
	URLs     []string      // ldap://dc1.example.com, ldaps://dc2.example.com:636; tried in order
	StartTLS bool          // on ldap:// connections
	TLS      *tls.Config   // for ldaps:// and StartTLS; nil: the system's authorities
	BindDN   string        // simple bind; empty: anonymous
	Password func() string // asked for at each bind; nil: none
	Base     string
	Filter   string        // empty: DefaultFilter
	Page     int           // entries of one page; default 500
	Timeout  time.Duration // for a connection, and for each answer; default 30 s
	Names    Attributes    // empty ones are not asked for
}

// Attributes are the names of what is read.
type Attributes struct {
	User       string `yaml:"user"`
	Line       string `yaml:"line"`
	LineServer string `yaml:"line_server"`
	Options    string `yaml:"options"`
	Name       string `yaml:"name"`
	Telephone  string `yaml:"telephone"`
	Mobile     string `yaml:"mobile"`
	Mail       string `yaml:"mail"`
	Department string `yaml:"department"`
	Delegates  string `yaml:"delegates"` // DNs of entries, or SIP addresses
}

// ActiveDirectory are the names that Active Directory has.
func ActiveDirectory() Attributes {
	return Attributes{
		User: "msRTCSIP-PrimaryUserAddress", Line: "msRTCSIP-Line", LineServer: "msRTCSIP-LineServer", Options: "msRTCSIP-OptionFlags",
		Name: "displayName", Telephone: "telephoneNumber", Mobile: "mobile", Mail: "mail", Department: "department", Delegates: "publicDelegates",
	}
}

// all lists those that there are.
func (a Attributes) all() []string {
	var out []string
	for _, n := range []string{a.User, a.Line, a.LineServer, a.Options, a.Name, a.Telephone, a.Mobile, a.Mail, a.Department, a.Delegates} {
		if n != "" {
			out = append(out, n)
		}
	}
	return out
}

// filter is everybody who has an address, a line or a number.
func (a Attributes) filter() string {
	var b strings.Builder
	for _, n := range []string{a.User, a.Line, a.Telephone, a.Mobile} {
		if n != "" {
			b.WriteString("(" + n + "=*)")
		}
	}
	return "(&(objectClass=person)(|" + b.String() + "))"
}

// LDAP is a Source: a directory server.
type LDAP struct{ c LDAPConfig }

// maxBetween is how many octets may come between two entries: a server that sends more without end of an entry is not listened to any longer.
const maxBetween = 32 << 20

// NewLDAP checks a configuration; it connects to nothing. Its error names everything that is wrong.
func NewLDAP(c LDAPConfig) (*LDAP, error) {
	var bad []error
	if len(c.URLs) == 0 {
		bad = append(bad, errors.New("urls: there is none"))
	}
	for i, s := range c.URLs {
		u, err := url.Parse(s)
		switch {
		case err != nil || u.Scheme != "ldap" && u.Scheme != "ldaps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.User != nil:
			bad = append(bad, fmt.Errorf("urls[%d]: %q is not like ldap://dc1.example.com or ldaps://dc1.example.com:636", i, clip(s)))
		case u.Scheme == "ldap" && !c.StartTLS && c.BindDN != "" && !local(u.Hostname()):
			bad = append(bad, fmt.Errorf("urls[%d]: %q would send the password in the clear: use ldaps://, or start_tls", i, clip(s)))
		}
	}
	if _, err := ldap.ParseDN(c.Base); err != nil || c.Base == "" {
		bad = append(bad, fmt.Errorf("base: %q is no distinguished name such as dc=example,dc=com", clip(c.Base)))
	}
	if c.BindDN != "" && c.Password == nil {
		bad = append(bad, errors.New("bind_dn: there is no password with it"))
	}
	if c.Filter == "" {
		c.Filter = c.Names.filter()
	}
	if _, err := ldap.CompileFilter(c.Filter); err != nil {
		bad = append(bad, fmt.Errorf("filter: %q: %w", clip(c.Filter), err))
	}
	for _, n := range c.Names.all() {
		if strings.ContainsFunc(n, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
		}) {
			bad = append(bad, fmt.Errorf("attributes: %q is no name of an attribute", clip(n)))
		}
	}
	if c.Names.User == "" && c.Names.Line == "" && c.Names.Telephone == "" {
		bad = append(bad, errors.New("attributes: one of user, line and telephone is wanted"))
	}
	if c.Page <= 0 {
		c.Page = 500
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.TLS == nil {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return &LDAP{c}, errors.Join(bad...)
}

// With is the same source with other TLS settings.
func (l *LDAP) With(c *tls.Config) *LDAP {
	conf := l.c
	conf.TLS = c
	return &LDAP{conf}
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Name of the source.
func (*LDAP) Name() string { return "ldap" }

// Load asks the first server that can be reached for everybody, page by page.
func (l *LDAP) Load(ctx context.Context, f func(Person)) error {
	var bad []error
	for _, u := range l.c.URLs {
		c, err := l.connect(ctx, u)
		if err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", u, err))
			continue
		}
		err = c.everybody(ctx, l.c, f)
		c.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", u, err) // not another one now: some have been told already
		}
		return nil
	}
	return errors.Join(bad...)
}

// client is a connection with a bound.
type client struct {
	*ldap.Conn
	wire *bounded
	stop func() bool
}

// Close ends the connection; it never waits for the server.
func (c *client) Close() {
	c.stop()
	c.wire.Close()
	_ = c.Conn.Close()
}

// bounded is a connection that gives up where too much comes without a reset, or nothing for too long.
type bounded struct {
	net.Conn
	left    atomic.Int64
	timeout time.Duration
}

func (b *bounded) reset() { b.left.Store(maxBetween) }

var errTooMuch = fmt.Errorf("the server sent %d octets without the end of an entry", maxBetween)

func (b *bounded) Read(p []byte) (int, error) {
	left := b.left.Load()
	if left <= 0 {
		return 0, errTooMuch
	}
	_ = b.SetReadDeadline(time.Now().Add(b.timeout))
	n, err := b.Conn.Read(p[:min(int64(len(p)), left)])
	b.left.Add(-int64(n))
	return n, err
}

func (b *bounded) Write(p []byte) (int, error) {
	_ = b.SetWriteDeadline(time.Now().Add(b.timeout))
	return b.Conn.Write(p)
}

// connect dials, secures and binds.
func (l *LDAP) connect(ctx context.Context, raw string) (*client, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	secure := u.Scheme == "ldaps"
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "389", true: "636"}[secure]
	}
	n, err := (&net.Dialer{Timeout: l.c.Timeout}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	wire := &bounded{Conn: n, timeout: l.c.Timeout}
	wire.reset()
	stop := context.AfterFunc(ctx, func() { n.Close() })
	fail := func(err error) (*client, error) {
		stop()
		n.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	conf := l.c.TLS.Clone()
	conf.ServerName = u.Hostname()
	var carrier net.Conn = wire
	if secure {
		t := tls.Client(wire, conf)
		if err := t.HandshakeContext(ctx); err != nil {
			return fail(fmt.Errorf("TLS: %w", err))
		}
		carrier = t
	}
	c := &client{ldap.NewConn(carrier, secure), wire, stop}
	c.SetTimeout(l.c.Timeout)
	c.Start()
	if l.c.StartTLS && !secure {
		if err := c.StartTLS(conf); err != nil {
			c.Close()
			return fail(fmt.Errorf("StartTLS: %w", err))
		}
	}
	if l.c.BindDN != "" {
		if err := c.Bind(l.c.BindDN, l.c.Password()); err != nil {
			c.Close()
			return fail(fmt.Errorf("bind as %s: %w", l.c.BindDN, err))
		}
	}
	return c, nil
}

// everybody goes through the pages. Delegates that are given as DNs are put in once everybody is known.
func (c *client) everybody(ctx context.Context, conf LDAPConfig, f func(Person)) error {
	names := conf.Names
	paging := ldap.NewControlPaging(uint32(conf.Page))
	var waiting []Person             // have delegates by DN
	users := make(map[string]string) // by DN, while there is a use for it
	for {
		req := ldap.NewSearchRequest(conf.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, conf.Filter, names.all(), []ldap.Control{paging})
		r := c.SearchAsync(ctx, req, 1)
		for r.Next() {
			e := r.Entry()
			if e == nil {
				continue // a referral
			}
			c.wire.reset()
			p := names.person(e)
			if names.Delegates != "" && p.User != "" {
				users[dnKey(e.DN)] = p.User
			}
			if len(p.Delegates) > 0 {
				waiting = append(waiting, p)
			} else {
				f(p)
			}
		}
		err := r.Err()
		if err == nil && (ctx.Err() != nil || c.IsClosing() || c.GetLastError() != nil) {
			err = errors.Join(errCutShort, c.GetLastError()) // the library ends the entries without a word then
		}
		if err != nil {
			return c.explain(ctx, err)
		}
		next, ok := ldap.FindControl(r.Controls(), ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok || len(next.Cookie) == 0 {
			break
		}
		paging.SetCookie(next.Cookie)
		c.wire.reset()
	}
	for _, p := range waiting {
		var known []string
		for _, d := range p.Delegates {
			if u, ok := users[dnKey(d)]; ok {
				known = append(known, u)
			} else if Address(d) != "" {
				known = append(known, d)
			}
		}
		p.Delegates = known // of the others nobody is known here who could sign in
		f(p)
	}
	return nil
}

var errCutShort = errors.New("the connection ended in the middle of the answer")

// explain is why a search ended: the library says of a connection that we closed ourselves only that it is closed.
func (c *client) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("it took too long: %w", ctx.Err())
	case c.wire.left.Load() <= 0:
		return errTooMuch
	}
	return err
}

func dnKey(dn string) string {
	d, err := ldap.ParseDN(dn)
	if err != nil {
		return strings.ToLower(dn)
	}
	return strings.ToLower(d.String())
}

// person reads an entry. Values are copied: they must not keep the whole answer in memory.
func (a Attributes) person(e *ldap.Entry) Person {
	one := func(name string) string {
		if name == "" {
			return ""
		}
		return strings.Clone(e.GetEqualFoldAttributeValue(name))
	}
	many := func(name string) []string {
		if name == "" {
			return nil
		}
		var out []string
		for _, v := range e.GetEqualFoldAttributeValues(name) {
			out = append(out, strings.Clone(v))
		}
		return out
	}
	return Person{
		User: one(a.User), Name: one(a.Name), Lines: many(a.Line), Aliases: append(many(a.Telephone), many(a.Mobile)...), Mail: one(a.Mail),
		Department: one(a.Department), Delegates: many(a.Delegates), LineServer: one(a.LineServer), Options: one(a.Options), From: strings.Clone(e.DN),
	}
}
