package directory_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	. "farhook/pbxadapter/directory"
)

func secret() string { return password }

// ask makes a source for a server.
func ask(t testing.TB, c LDAPConfig) *LDAP {
	t.Helper()
	c.Base = base
	if c.Names == (Attributes{}) {
		c.Names = ActiveDirectory()
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	l, err := NewLDAP(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func load(t *testing.T, s Source) ([]Person, error) {
	t.Helper()
	var all []Person
	err := s.Load(t.Context(), func(p Person) { all = append(all, p) })
	return all, err
}

// A real server: everybody comes, by pages, however the connection is secured, with the attributes of Active Directory.
func TestLDAP(t *testing.T) {
	var ldif strings.Builder
	for n := range 250 {
		extra := ""
		if n == 7 {
			extra = "publicDelegates: cn=user 8," + base + "\npublicDelegates: cn=User 9, " + base + "\npublicDelegates: cn=nobody," + base
		}
		ldif.WriteString(person(n, extra))
	}
	ldif.WriteString("dn: cn=no numbers," + base + "\nobjectClass: inetOrgPerson\ncn: no numbers\nsn: x\n\n")
	ldif.WriteString("dn: cn=door," + base + "\nobjectClass: inetOrgPerson\ncn: door\nsn: x\ndisplayName: Door\ntelephoneNumber: +1 555 7777\n\n")
	s := newSlapd(t, ldif.String())
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for name, c := range map[string]LDAPConfig{
		"plain":     {URLs: []string{"ldap://" + s.plain}, BindDN: admin, Password: secret, Page: 7},
		"LDAPS":     {URLs: []string{"ldaps://" + s.secure}, TLS: s.tls(), BindDN: admin, Password: secret},
		"StartTLS":  {URLs: []string{"ldap://" + s.plain}, StartTLS: true, TLS: s.tls(), BindDN: admin, Password: secret, Page: 1000},
		"the other": {URLs: []string{"ldap://" + freeAddr(t), "ldap://" + s.plain}, BindDN: admin, Password: secret},
	} {
		all, err := load(t, ask(t, c))
		if err != nil || len(all) != 251 {
			t.Errorf("%s: %d people, %v", name, len(all), err)
		}
	}
	d := New(Options{}, ask(t, LDAPConfig{URLs: []string{"ldap://" + s.plain}, BindDN: admin, Password: secret, Page: 50}))
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := d.View()
	p, ok := v.User("sip:user7@example.com")
	want := &Person{
		User: "sip:user7@example.com", Name: "User 7", Lines: []string{"tel:+15551007;ext=1007"}, Aliases: []string{"+1 (555) 1007", "+1 999 1007"},
		Mail: "user7@example.com", Department: "Dept 7", Delegates: []string{"sip:user8@example.com", "sip:user9@example.com"},
		LineServer: "sip:farhook@rcc.example.com", Options: "385", From: "cn=user 7," + base,
	}
	if d := cmp.Diff(want, p); !ok || d != "" {
		t.Error(d, v.Problems[:min(len(v.Problems), 3)])
	}
	for number, name := range map[string]string{"tel:+15551007": "User 7", "tel:+15551007;ext=1007": "User 7", "tel:+19991007": "User 7", "tel:+15557777": "Door", "tel:+15559999": "-"} {
		if p, ok := v.Number(number); ok && p.Name != name || !ok && name != "-" {
			t.Errorf("%s: %v %v", number, p, ok)
		}
	}

	for name, c := range map[string]struct {
		LDAPConfig
		want string
	}{
		"wrong password":    {LDAPConfig{URLs: []string{"ldap://" + s.plain}, BindDN: admin, Password: func() string { return "x" }}, "Invalid Credentials"},
		"unknown authority": {LDAPConfig{URLs: []string{"ldaps://" + s.secure}, BindDN: admin, Password: secret}, "unknown authority"},
		"StartTLS, unknown": {LDAPConfig{URLs: []string{"ldap://" + s.plain}, StartTLS: true, BindDN: admin, Password: secret}, "unknown authority"},
		"wrong name":        {LDAPConfig{URLs: []string{"ldaps://" + strings.Replace(s.secure, "127.0.0.1", "localhost", 1)}, TLS: s.tls(), BindDN: admin, Password: secret}, "localhost"},
		"nobody there":      {LDAPConfig{URLs: []string{"ldap://" + freeAddr(t)}}, "connection refused"},
		"no right":          {LDAPConfig{URLs: []string{"ldap://" + s.plain}}, "No Such Object"},
	} {
		if all, err := load(t, ask(t, c.LDAPConfig)); err == nil || !strings.Contains(err.Error(), c.want) || len(all) != 0 {
			t.Errorf("%s: %d people, %v, want %s", name, len(all), err, c.want)
		}
	}
}

// A server that dies takes nobody away; one that comes back is asked again; a start without it goes by the last good copy.
func TestLDAPDeathAndReturn(t *testing.T) {
	s := newSlapd(t, person(1)+person(2))
	folder := t.TempDir()
	source := func() Source {
		return ask(t, LDAPConfig{URLs: []string{"ldap://" + s.plain}, BindDN: admin, Password: secret, Timeout: 20 * time.Second})
	}
	d := New(Options{Refresh: 50 * time.Millisecond, Folder: folder}, source())
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	until := func(what string, good func(*View) bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !good(d.View()); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %+v", what, d.View())
			}
		}
	}
	s.kill()
	until("its death isn't seen", func(v *View) bool { return v.Sources[0].Err != nil })
	if n := len(d.View().People); n != 2 {
		t.Errorf("%d people are left", n)
	}

	other := New(Options{Folder: folder, Start: 20 * time.Second}, source())
	if err := other.Load(t.Context()); err != nil || len(other.View().People) != 2 || other.View().Sources[0].Err == nil {
		t.Errorf("a start without the server: %v, %+v", err, other.View())
	}
	if _, ok := other.View().User("sip:user2@example.com"); !ok {
		t.Error("a start without the server: user 2 is gone")
	}
	if err := New(Options{}, source()).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "and there is no copy of it") {
		t.Errorf("a first start without the server: %v", err)
	}

	s.start()
	until("its return isn't seen", func(v *View) bool { return v.Sources[0].Err == nil })
	s.change(func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest("cn=user 2,"+base, nil)) })
	until("user 2 is still there", func(v *View) bool { _, ok := v.User("sip:user2@example.com"); return !ok })
	s.change(func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest("cn=user 1,"+base, nil)) })
	until("the loss of everybody isn't seen", func(v *View) bool { return v.Sources[0].Err != nil })
	if _, ok := d.View().User("sip:user1@example.com"); !ok {
		t.Error("a directory that suddenly knows nobody was believed")
	}
}

// Values that are too long, broken or no numbers cost themselves alone, and are named.
func TestLDAPBadValues(t *testing.T) {
	s := newSlapd(t, person(1)+person(2))
	huge := strings.Repeat("x", 1<<20)
	s.change(func(c *ldap.Conn) error {
		m := ldap.NewModifyRequest("cn=user 1,"+base, nil)
		m.Replace("displayName", []string{huge})
		m.Replace("msRTCSIP-Line", []string{"tel:+15551001;" + huge})
		m.Replace("telephoneNumber", []string{"ask at the desk"})
		m.Replace("mobile", []string{strings.Repeat("1", 500)})
		m.Replace("mail", []string{"a@b\r\nBcc: c@d"}) // IA5String allows it
		return c.Modify(m)
	})
	d := New(Options{}, ask(t, LDAPConfig{URLs: []string{"ldap://" + s.plain}, BindDN: admin, Password: secret}))
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := d.View()
	if p, ok := v.User("sip:user1@example.com"); !ok || p.Name != "" || p.Lines != nil || p.Aliases != nil || p.Mail != "" || p.Department != "Dept 1" {
		t.Errorf("%+v", p)
	}
	if p, ok := v.User("sip:user2@example.com"); !ok || p.Name != "User 2" {
		t.Errorf("%+v", p)
	}
	var got []string
	for _, p := range v.Problems {
		got = append(got, p.String()[:min(len(p.String()), 130)])
	}
	for _, want := range []string{"name: it has 1048576 octets, 256 are allowed", "line: \"tel:+15551001;xxxx", "alias: \"ask at the desk\": numbering: not a number", "alias: \"1111111", "mail: \"a@b\\r\\nBcc: c@d\" has a control character"} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "cn=user 1,"+base+": "+want) }) {
			t.Errorf("no %q in\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// serveGarbage accepts connections, and does f with each.
func serveGarbage(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				f(c)
			})
		}
	})
	return "ldap://" + l.Addr().String()
}

// What is no LDAP server, or one that hangs, is given up within the timeout, with a reason.
func TestLDAPGarbage(t *testing.T) {
	drain := func(c net.Conn) { _, _ = c.Read(make([]byte, 1024)) }
	hang := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) } // until the client gives up
	for _, c := range []struct {
		name string
		f    func(net.Conn)
	}{
		{"hangs up at once", func(net.Conn) {}},
		{"hangs", hang},
		{"speaks HTTP", func(c net.Conn) { drain(c); _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }},
		{"zeros", func(c net.Conn) { drain(c); _, _ = c.Write(make([]byte, 4096)) }},
		{"a length of two gigabytes", func(c net.Conn) { drain(c); _, _ = c.Write([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 4, 1, 0}) }},
		{"nested without end", func(c net.Conn) {
			drain(c)
			for range 1000 {
				_, _ = c.Write([]byte{0x30, 0x80})
			}
		}},
		{"another message id", func(c net.Conn) {
			drain(c)
			_, _ = c.Write([]byte{0x30, 0x0c, 2, 1, 99, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0})
			hang(c)
		}},
		{"an answer without its parts", func(c net.Conn) { drain(c); _, _ = c.Write([]byte{0x30, 0x05, 2, 1, 1, 0x65, 0}) }},
		{"an endless value", func(c net.Conn) {
			drain(c)
			_, _ = c.Write([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 4, 0x84, 0x7f, 0xff, 0xff, 0xf0})
			for chunk := make([]byte, 1<<20); ; {
				if _, err := c.Write(chunk); err != nil {
					return
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			all, err := load(t, ask(t, LDAPConfig{URLs: []string{serveGarbage(t, c.f)}, Timeout: 500 * time.Millisecond}))
			if err == nil || len(all) != 0 {
				t.Errorf("%d people, %v", len(all), err)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
			t.Log(err)
		})
	}
}

// A value without end is given up when it is too much, long before its time is up; and a server that says nothing to a TLS hello when that is.
func TestLDAPBounds(t *testing.T) {
	var taken atomic.Int64 // octets
	endless := serveGarbage(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1024))
		_, _ = c.Write([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 4, 0x84, 0x7f, 0xff, 0xff, 0xf0})
		for chunk := make([]byte, 1<<20); ; {
			n, err := c.Write(chunk)
			taken.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	if _, err := load(t, ask(t, LDAPConfig{URLs: []string{endless}, Timeout: time.Hour})); err == nil || !strings.Contains(err.Error(), "the server sent 33554432 octets without the end of an entry") {
		t.Errorf("an endless value: %v", err)
	}
	if n := taken.Load(); n > 64<<20 { // what is under way in the sockets is taken too
		t.Errorf("%d octets of it were taken", n)
	}
	silent := strings.Replace(serveGarbage(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), "ldap:", "ldaps:", 1)
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	err := ask(t, LDAPConfig{URLs: []string{silent}, Timeout: 100 * time.Millisecond}).Load(ctx, func(Person) {})
	if err == nil || !strings.Contains(err.Error(), "TLS: ") || !strings.Contains(err.Error(), "i/o timeout") || ctx.Err() != nil {
		t.Errorf("no answer to the hello: %v", err)
	}
}

// A load ends with its context, also in the middle of an answer.
func TestLDAPEndsWithContext(t *testing.T) {
	u := serveGarbage(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1024)); <-t.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := ask(t, LDAPConfig{URLs: []string{u}, Timeout: time.Minute}).Load(ctx, func(Person) {})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestLDAPRefusesConfiguration(t *testing.T) {
	good := LDAPConfig{URLs: []string{"ldaps://dc1.example.com"}, Base: base, Names: ActiveDirectory(), BindDN: admin, Password: secret}
	if _, err := NewLDAP(good); err != nil {
		t.Error(err)
	}
	for want, f := range map[string]func(*LDAPConfig){
		"urls: there is none":                       func(c *LDAPConfig) { c.URLs = nil },
		"is not like ldap://":                       func(c *LDAPConfig) { c.URLs = []string{"http://dc1"} },
		"would send the password in the clear":      func(c *LDAPConfig) { c.URLs = []string{"ldap://dc1.example.com"} },
		"no distinguished name":                     func(c *LDAPConfig) { c.Base = "example.com" },
		"filter: \"(x\"":                            func(c *LDAPConfig) { c.Filter = "(x" },
		"no password with it":                       func(c *LDAPConfig) { c.Password = nil },
		`"a)(b" is no name of an attribute`:         func(c *LDAPConfig) { c.Names.Mail = "a)(b" },
		"one of user, line and telephone is wanted": func(c *LDAPConfig) { c.Names = Attributes{Mail: "mail"} },
	} {
		c := good
		f(&c)
		if _, err := NewLDAP(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// 100,000 users from a real server, page by page over TLS.
func BenchmarkLoadLDAP(b *testing.B) {
	var ldif strings.Builder
	for n := range 100_000 {
		ldif.WriteString(person(n))
	}
	s := newSlapd(b, ldif.String())
	source := ask(b, LDAPConfig{URLs: []string{"ldaps://" + s.secure}, TLS: s.tls(), BindDN: admin, Password: secret, Timeout: time.Minute})
	measure(b, func() *Directory {
		d := New(Options{}, source)
		if err := d.Load(b.Context()); err != nil {
			b.Fatal(err)
		}
		return d
	})
}
