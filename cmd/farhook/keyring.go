package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// expiryWarning is how long before a certificate's end its administrator is told, once a day.
const expiryWarning = 30 * 24 * time.Hour

// keyring is the gateway's certificate and the authorities it trusts, read from files, and read again when they change. Connections that stand
// stay; new handshakes use what was read last. It may be used concurrently.
type keyring struct {
	name    string // of its part of the configuration, for messages: sip.tls
	files   TLSConfig
	log     *zap.Logger
	current atomic.Pointer[keys]
}

// keys is what was read at one time.
type keys struct {
	cert  tls.Certificate
	leaf  *x509.Certificate
	roots *x509.CertPool // nil: no CA is configured
	cas   []*x509.Certificate
}

// openKeyring reads the files. An error says which one, and what is wrong with it.
func openKeyring(name string, files TLSConfig, log *zap.Logger) (*keyring, error) {
	r := &keyring{name: name, files: files, log: log}
	k, err := r.read()
	if err != nil {
		return nil, err
	}
	r.current.Store(k)
	return r, nil
}

func (r *keyring) read() (*keys, error) {
	cert, err := tls.LoadX509KeyPair(r.files.Certificate, r.files.Key)
	if err != nil {
		return nil, fmt.Errorf("%s: certificate %s with key %s: %w", r.name, r.files.Certificate, r.files.Key, err)
	}
	k := &keys{cert: cert, leaf: cert.Leaf}
	if r.files.ClientCA == "" {
		return k, nil
	}
	text, err := os.ReadFile(r.files.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("%s.client_ca: %w", r.name, err)
	}
	if k.cas, err = certificates(text); err != nil {
		return nil, fmt.Errorf("%s.client_ca: %s: %w", r.name, r.files.ClientCA, err)
	}
	k.roots = x509.NewCertPool()
	for _, c := range k.cas {
		k.roots.AddCert(c)
	}
	return k, nil
}

// reload reads the files again. Where one of them is no good, all stay as they were.
func (r *keyring) reload() error {
	k, err := r.read()
	if err != nil {
		return err
	}
	old := r.current.Swap(k)
	if !old.leaf.Equal(k.leaf) {
		r.log.Info("certificate replaced", zap.String("subject", k.leaf.Subject.String()), zap.Time("expires", k.leaf.NotAfter))
	}
	return nil
}

// server is for accepting: every handshake takes what was read last.
func (r *keyring) server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			k := r.current.Load()
			c := &tls.Config{Certificates: []tls.Certificate{k.cert}, MinVersion: tls.VersionTLS12}
			if k.roots != nil {
				c.ClientCAs, c.ClientAuth = k.roots, tls.RequireAndVerifyClientCert
			}
			return c, nil
		},
	}
}

// client is for connections of our own: it shows our certificate, and checks the other's against the authorities read last and the name that was
// dialled (RFC 5922, 7.1). Without authorities of its own it trusts the system's.
func (r *keyring) client() *tls.Config {
	return &tls.Config{
		MinVersion:           tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &r.current.Load().cert, nil },
		InsecureSkipVerify:   true, // VerifyConnection does it, with authorities that may have changed since
		VerifyConnection: func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return errors.New("the server has shown no certificate")
			}
			o := x509.VerifyOptions{Roots: r.current.Load().roots, DNSName: cs.ServerName, Intermediates: x509.NewCertPool()}
			for _, c := range cs.PeerCertificates[1:] {
				o.Intermediates.AddCert(c)
			}
			_, err := cs.PeerCertificates[0].Verify(o)
			return err
		},
	}
}

// ending is a certificate that expires.
type ending struct {
	what    string
	expires time.Time
}

// endings lists the certificates and when they end, ours first.
func (r *keyring) endings() []ending {
	k := r.current.Load()
	all := []ending{{r.name + " certificate " + r.files.Certificate, k.leaf.NotAfter}}
	for _, c := range k.cas {
		all = append(all, ending{r.name + " authority " + c.Subject.String(), c.NotAfter})
	}
	return all
}

// warn tells what has expired, or will before long.
func (r *keyring) warn(now time.Time) {
	for _, e := range r.endings() {
		switch left := e.expires.Sub(now); {
		case left <= 0:
			r.log.Error("certificate has expired", zap.String("certificate", e.what), zap.Time("expired", e.expires))
		case left < expiryWarning:
			r.log.Warn("certificate expires soon", zap.String("certificate", e.what), zap.Time("expires", e.expires), zap.Int("days", int(left/(24*time.Hour))))
		}
	}
	if u := r.current.Load().leaf.ExtKeyUsage; len(u) > 0 && !slices.Contains(u, x509.ExtKeyUsageAny) {
		for usage, name := range map[x509.ExtKeyUsage]string{x509.ExtKeyUsageServerAuth: "server", x509.ExtKeyUsageClientAuth: "client"} {
			if !slices.Contains(u, usage) {
				r.log.Warn("certificate is not for every role that farhook has", zap.String("lacks", name+" authentication"),
					zap.String("certificate", r.files.Certificate))
			}
		}
	}
}

// run reads the files again when they change (their folders are watched, so that links which are swapped count too) or again has something, and
// warns once a day of what expires. It ends, with nil, when ctx does.
func (r *keyring) run(ctx context.Context, again <-chan os.Signal) error {
	watch(ctx, r.log, func() []string { return []string{r.files.Certificate, r.files.Key, r.files.ClientCA} }, again, func(bool) {
		if err := r.reload(); err != nil {
			r.log.Error("certificates cannot be read again: the old ones stay in use", zap.Error(err))
			return
		}
		r.warn(time.Now())
	}, func() { r.warn(time.Now()) })
	return nil
}

// certificates reads a PEM file's certificates; at least one.
func certificates(text []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, errors.New("there is no certificate in it (PEM is wanted: -----BEGIN CERTIFICATE-----)")
	}
	return list, nil
}
