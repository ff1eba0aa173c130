package main

import (
	"fmt"
	"net"
	"path/filepath"
	"time"
)

// MetricsConfig is where Prometheus finds us.
type MetricsConfig struct {
	Listen string `yaml:"listen"` // empty: on the HTTP listener, for this machine only
}

// WiretapConfig bounds the record of messages.
type WiretapConfig struct {
	Keep Bytes    `yaml:"keep"`
	Age  Duration `yaml:"age"`
}

// eyesWrongs complains of what is wrong with the parts that look at the gateway from outside, and with where sessions are kept.
func (c Config) eyesWrongs(addr func(path, a string) bool, complain func(path, format string, args ...any)) {
	if c.Metrics.Listen != "" {
		addr("$.metrics.listen", c.Metrics.Listen)
	}
	if c.Wiretap.Keep < 1<<20 || c.Wiretap.Keep > 4<<30 {
		complain("$.wiretap.keep", "%d octets are out of range: 1MiB to 4GiB", c.Wiretap.Keep)
	}
	if age := time.Duration(c.Wiretap.Age); age < time.Minute || age > 90*24*time.Hour {
		complain("$.wiretap.age", "%v is out of range: 1m to 2160h", age)
	}
	if c.Control != "" && !filepath.IsAbs(c.Control) {
		complain("$.control", "%q is not an absolute path", c.Control)
	}
	if len(c.Control) > 100 { // sun_path holds 108 octets at most, 104 on some systems
		complain("$.control", "the path of a socket has at most 100 octets, this one has %d", len(c.Control))
	}
	if c.SIP.Store != "" && !filepath.IsAbs(c.SIP.Store) {
		complain("$.sip.store", "%q is not an absolute path", c.SIP.Store)
	}
	if c.Audit.File != "" && !filepath.IsAbs(c.Audit.File) {
		complain("$.audit.file", "%q is not an absolute path", c.Audit.File)
	}
}

// portsWrongs complains of two listeners for one port.
func (c Config) portsWrongs(complain func(path, format string, args ...any)) {
	type place struct{ path, addr string }
	var all []place
	for i, a := range c.SIP.Listen {
		all = append(all, place{fmt.Sprintf("sip.listen[%d]", i), a})
	}
	for i, a := range c.SIP.TLS.Listen {
		all = append(all, place{fmt.Sprintf("sip.tls.listen[%d]", i), a})
	}
	all = append(all, place{"http.listen", c.HTTP.Listen}, place{"metrics.listen", c.Metrics.Listen})
	for i, p := range all {
		for _, o := range all[:i] {
			if meet(p.addr, o.addr) {
				complain("$."+p.path, "%q is listened on already: %s is %q", p.addr, o.path, o.addr)
			}
		}
	}
}

// meet says whether one program can't listen on both addresses.
func meet(a, b string) bool {
	host, port, err := net.SplitHostPort(a)
	other, same, bad := net.SplitHostPort(b)
	if err != nil || bad != nil || port != same || port == "0" {
		return false
	}
	everywhere := func(h string) bool { return h == "" || h == "0.0.0.0" || h == "::" }
	return host == other || everywhere(host) || everywhere(other)
}
