package uactest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"
)

// Test is what is needed of a testing.TB. The gateway plays conversations too, and package testing is no part of it.
type Test interface {
	Helper()
	Fatal(args ...any)
}

// Authority makes certificates for tests.
type Authority struct {
	t    Test
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	PEM  []byte // its own certificate
	Pool *x509.CertPool
}

// Wanted is what a certificate is to be like. Zero values: the ordinary.
type Wanted struct {
	Names   []string           // alternative names
	Common  string             // common name
	Expired bool               // yesterday; otherwise it's good for ninety days
	Usages  []x509.ExtKeyUsage // default: client and server
	Days    int                // for which it is good; default 90
}

// NewAuthority makes an authority that nobody trusts yet.
func NewAuthority(t Test) *Authority {
	t.Helper()
	a := &Authority{t: t, key: newKey(t), Pool: x509.NewCertPool()}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.PEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	a.Pool.AddCert(a.cert)
	return a
}

func newKey(t Test) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Issue makes a certificate and its key, as PEM.
func (a *Authority) Issue(w Wanted) (cert, key []byte) {
	a.t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		a.t.Fatal(err)
	}
	if w.Days == 0 {
		w.Days = 90
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: w.Common}, DNSNames: w.Names, NotBefore: time.Now().Add(-47 * time.Hour),
		NotAfter: time.Now().Add(time.Duration(w.Days) * 24 * time.Hour), ExtKeyUsage: w.Usages, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if w.Expired {
		c.NotAfter = time.Now().Add(-24 * time.Hour)
	}
	if w.Usages == nil {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	k := newKey(a.t)
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &k.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
}

// Pair is Issue for a tls.Config.
func (a *Authority) Pair(w Wanted) tls.Certificate {
	a.t.Helper()
	c, err := tls.X509KeyPair(a.Issue(w))
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

// Below makes an authority whose own certificate (PEM) is this one's, and of which nobody knows who doesn't know this one.
func (a *Authority) Below(name string) *Authority {
	a.t.Helper()
	b := &Authority{t: a.t, key: newKey(a.t), Pool: a.Pool}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &b.key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	if b.cert, err = x509.ParseCertificate(der); err != nil {
		a.t.Fatal(err)
	}
	b.PEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return b
}
