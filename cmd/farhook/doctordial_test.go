package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farhook/uacsta/uactest"
)

// secured is a clinic whose gateway listens for TLS, too, with a certificate by an authority below the one that UC servers trust; whole: which is shown.
func secured(t *testing.T, whole bool) *clinic {
	t.Helper()
	c := newClinic(t)
	below := c.auth.Below("Issuing authority")
	cert, key := below.Issue(uactest.Wanted{Common: "gw.example.com", Names: []string{"gw.example.com"}})
	if whole {
		cert = append(cert, below.PEM...)
	}
	for file, text := range map[string][]byte{c.files.Certificate: cert, c.files.Key: key} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.keys.reload(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.uc.Serve(t.Context(), l, c.keys.server()) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c.open = []openPort{{what: "SIP", addr: c.addr}, {"SIP over TLS", l.Addr().String(), true}}
	c.signIn(t)
	return c
}

// The doctor comes to every port of the gateway that runs, and is shown what UC servers are. Of its coming nobody is told: it's no stranger who was refused.
func TestDoctorKnocks(t *testing.T) {
	for name, c := range map[string]struct {
		part             bool // without the certificate of the authority between
		plant            func(*testing.T, *clinic)
		step, found, act string
		health           health
	}{
		"nothing": {health: healthy},
		"chain": {
			part: true, step: "certificate", health: warning,
			found: `a chain that ends at "CN=gw.example.com", issued by "CN=Issuing authority", which is neither in it nor in `, act: `append the certificate of "CN=Issuing authority" (PEM) to `,
		},
		"certificate's file spoilt": {
			plant: func(t *testing.T, c *clinic) {
				if err := os.WriteFile(c.files.Certificate, []byte("half"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			step: "certificate", found: "the certificate in force is one read before: sip.tls: certificate ", act: "put the right files there", health: warning,
		},
		"another certificate in the file": {
			plant: func(t *testing.T, c *clinic) {
				c.files.put(t, c.auth, uactest.Wanted{Names: []string{"gw.example.com"}})
			},
			step: "certificate", found: "is shown another certificate than that in ", act: "systemctl reload farhook", health: warning,
		},
		"nobody takes connections": {
			plant: func(t *testing.T, c *clinic) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { l.Close() })
				c.patience = 20 * time.Millisecond
				c.open = []openPort{{what: "HTTP", addr: l.Addr().String()}}
			},
			step: "ports", found: "does not answer there within 20ms", act: "open files", health: broken,
		},
		"nobody listens": {
			plant: func(t *testing.T, c *clinic) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				l.Close()
				c.open = append(c.open, openPort{what: "metrics", addr: l.Addr().String()})
			},
			step: "ports", found: "cannot be reached there from this machine: ", act: "nft list ruleset", health: broken,
		},
	} {
		t.Run(name, func(t *testing.T) {
			clinic := secured(t, !c.part)
			if c.plant != nil {
				c.plant(t, clinic)
			}
			all := clinic.examine(t.Context(), "alice@example.com")
			f := first(all)
			if w := worst(all); w != c.health || f.Step != c.step || !strings.Contains(f.Found, c.found) || !strings.Contains(strings.Join(f.Cure, "\n"), c.act) {
				t.Errorf("%s: %s", w, text(all))
			}
			if last, counts := clinic.uc.Refusals(); len(last) != 0 || len(counts) != 0 {
				t.Errorf("refused: %v", last)
			}
		})
	}
}

// A gateway that listens on all addresses is found by a loopback one, though nobody is trusted to come from there; over TLS for HTTP, too.
func TestDoctorKnocksAtAGateway(t *testing.T) {
	a := uactest.NewAuthority(t)
	f := newRingFiles(t, a, uactest.Wanted{Names: []string{"gw.example.com"}})
	dir := t.TempDir()
	conf := filepath.Join(dir, "farhook.yaml")
	if err := os.WriteFile(conf, fmt.Appendf(nil, `
sip:
  listen: ["127.0.0.1:0", "0.0.0.0:0"]
  contact: 127.0.0.1
  tls: {listen: ["[::]:0"], certificate: %[1]s, key: %[2]s, client_ca: %[3]s}
peers: [{name: pool, hosts: [localhost], addresses: [192.0.2.9]}]
http: {listen: "0.0.0.0:0", hosts: [gw.example.com]}
web: {store: %[4]s/web.db, certificate: %[1]s, key: %[2]s}
metrics: {listen: "127.0.0.1:0"}
control: %[4]s/c
rights: trusted
pbx: [{name: sim, kind: sim, settings: {quiet: true}}]
`, f.Certificate, f.Key, f.ClientCA, dir), 0o600); err != nil {
		t.Fatal(err)
	}
	m, stop := start(t, `(?s)farhook started.*"metrics": \["(127\.0\.0\.1:\d+)"\]`, "serve", "--config", conf)
	defer stop()
	for range 2 {
		var out strings.Builder
		run(t.Context(), []string{"doctor", "--config", conf, "--json"}, &out, &out)
		var d diagnosis
		if err := json.Unmarshal([]byte(out.String()), &d); err != nil {
			t.Fatal(err, out.String())
		}
		for _, f := range d.Findings {
			switch f.Step {
			case "ports":
				if f.Health != healthy || !strings.Contains(f.Found, "metrics "+m[1]+", and answers there") || strings.Count(f.Found, "SIP ") != 3 || !strings.Contains(f.Found, "HTTP ") {
					t.Errorf("%+v", f)
				}
			case "certificate", "refusals":
				if f.Health != healthy {
					t.Errorf("%+v", f)
				}
			case "arrivals":
				if f.Found != "nothing has ever arrived from a UC server since farhook was started" {
					t.Errorf("%+v", f)
				}
			}
		}
	}
}
