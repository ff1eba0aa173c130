package directory_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

const (
	base     = "dc=example,dc=com"
	admin    = "cn=farhook," + base
	password = "correct horse"
)

// attributes of Active Directory that Debian's schema files don't have; the OIDs are of the arc for examples.
const schema = `
attributetype ( 1.3.6.1.4.1.32473.1.1 NAME 'msRTCSIP-PrimaryUserAddress' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.1.2 NAME 'msRTCSIP-Line' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.1.3 NAME 'msRTCSIP-LineServer' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.1.4 NAME 'msRTCSIP-OptionFlags' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.1.5 NAME 'department' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.32473.1.6 NAME 'publicDelegates' EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
objectclass ( 1.3.6.1.4.1.32473.2.1 NAME 'sipUser' SUP top AUXILIARY MAY ( msRTCSIP-PrimaryUserAddress $ msRTCSIP-Line $ msRTCSIP-LineServer $ msRTCSIP-OptionFlags $ department $ publicDelegates ) )
`

// slapd is a real OpenLDAP server on loopback.
type slapd struct {
	t       testing.TB
	dir     string
	program string // a copy of our own: profiles that bind the installed one to its folders don't know it
	plain   string // host:port
	secure  string
	roots   *x509.CertPool
	run     *exec.Cmd
	log     bytes.Buffer
}

// newSlapd prepares a server with people in it, and starts it. Where there is no slapd the test is skipped, and fails in CI.
func newSlapd(t testing.TB, ldif string) *slapd {
	t.Helper()
	path, err := exec.LookPath("slapd")
	if err != nil {
		path = "/usr/sbin/slapd"
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("FARHOOK_CI") != "" {
			t.Fatal("slapd is missing")
		}
		t.Skip("slapd is missing: apt-get install slapd")
	}
	s := &slapd{t: t, dir: t.TempDir()}
	s.program = filepath.Join(s.dir, "slapd")
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.write("slapd", program, 0o700)
	if err := os.Mkdir(filepath.Join(s.dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.certificate()
	s.write("sip.schema", []byte(schema), 0o600)
	s.write("slapd.conf", []byte(strings.ReplaceAll(`include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include DIR/sip.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile DIR/slapd.pid
TLSCertificateFile DIR/cert.pem
TLSCertificateKeyFile DIR/key.pem
TLSCACertificateFile DIR/cert.pem
sockbuf_max_incoming_auth 16777216
sizelimit size.soft=100 size.hard=unlimited size.prtotal=unlimited
database mdb
maxsize 1073741824
suffix "`+base+`"
rootdn "cn=root,`+base+`"
rootpw root
directory DIR/db
index objectClass eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="`+admin+`" read by * none
`, "DIR", s.dir)), 0o600)
	s.write("people.ldif", []byte("dn: "+base+"\nobjectClass: dcObject\nobjectClass: organization\no: example\ndc: example\n\n"+
		"dn: "+admin+"\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: farhook\nuserPassword: "+password+"\n\n"+ldif), 0o600)
	add := &exec.Cmd{Path: s.program, Args: []string{"slapadd", "-q", "-f", filepath.Join(s.dir, "slapd.conf"), "-l", filepath.Join(s.dir, "people.ldif")}}
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	s.plain, s.secure = freeAddr(t), freeAddr(t)
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *slapd) write(name string, text []byte, mode os.FileMode) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), text, mode); err != nil {
		s.t.Fatal(err)
	}
}

// certificate makes one for 127.0.0.1 that signs itself.
func (s *slapd) certificate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "directory"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	k, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.write("cert.pem", cert, 0o600)
	s.write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: k}), 0o600)
	s.roots = x509.NewCertPool()
	s.roots.AppendCertsFromPEM(cert)
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs the server, and waits until it answers.
func (s *slapd) start() {
	s.t.Helper()
	s.run = exec.Command(s.program, "-d", "0", "-h", "ldap://"+s.plain+"/ ldaps://"+s.secure+"/", "-f", filepath.Join(s.dir, "slapd.conf"))
	s.run.Stderr = &s.log
	if err := s.run.Start(); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := ldap.DialURL("ldap://" + s.plain)
		if err == nil {
			err = c.Bind(admin, password)
			c.Close()
		}
		if err == nil {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("slapd doesn't answer: %v\n%s", err, s.log.String())
		}
	}
}

// kill ends the server as a crash would.
func (s *slapd) kill() {
	if s.run != nil {
		_ = s.run.Process.Kill()
		_ = s.run.Wait()
		s.run = nil
	}
}

// change does something as the server's administrator.
func (s *slapd) change(f func(c *ldap.Conn) error) {
	s.t.Helper()
	c, err := ldap.DialURL("ldap://" + s.plain)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	if err := errorsOf(c.Bind("cn=root,"+base, "root"), f(c)); err != nil {
		s.t.Fatal(err)
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *slapd) tls() *tls.Config { return &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12} }

// person is an entry of the test's directory; extra are more lines of LDIF.
func person(n int, extra ...string) string {
	return fmt.Sprintf(`dn: cn=user %[1]d,%[2]s
objectClass: inetOrgPerson
objectClass: sipUser
cn: user %[1]d
sn: %[1]d
displayName: User %[1]d
msRTCSIP-PrimaryUserAddress: sip:User%[1]d@Example.com
msRTCSIP-Line: tel:+1555%[3]d;ext=%[3]d
msRTCSIP-LineServer: sip:farhook@rcc.example.com
msRTCSIP-OptionFlags: 385
telephoneNumber: +1 (555) %[3]d
mobile: +1 999 %[3]d
mail: user%[1]d@example.com
department: Dept %[1]d
%[4]s
`, n, base, 1000+n, strings.Join(extra, "\n")+"\n")
}
