package asterisk

import (
	"context"
	"crypto/tls"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"go.uber.org/zap"

	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/fake"
	"farhook/uacsta/uactest"
)

func fromYAML(text string) (pbxadapter.Adapter, error) {
	return Factory(pbxadapter.Options{Name: "ast", Log: zap.NewNop(), Numbers: pbxadapter.PlainNumbers{}, Decode: func(into any) error {
		return yaml.NewDecoder(strings.NewReader(text), yaml.Strict()).Decode(into)
	}})
}

const good = "address: 127.0.0.1:5038\nusername: farhook\nsecret: s3cret\n"

// The configuration is read whole, and what is wrong is named by its key.
func TestConfig(t *testing.T) {
	a, err := fromYAML(good + "phones: [{endpoint: reception, number: '100', header: call-info, notify: 'no'}]\nstyles: [{agent: Acme, header: alert-info, notify: 'yes'}]\n")
	if err != nil {
		t.Fatal(err)
	}
	if c := a.(*Adapter).conf; c.Phones[0].Header != "call-info" || c.Styles[0].Notify != "yes" || c.Login != "challenge" || c.RingTime != 30*time.Second {
		t.Errorf("%+v", c)
	}
	for text, key := range map[string]string{
		"username: u\nsecret: s\n":                                  "address",
		"address: 127.0.0.1:5038\nsecret: s\n":                      "username",
		"address: 127.0.0.1:5038\nusername: u\n":                    "secret",
		good + "login: telnet\n":                                    "login",
		"address: pbx:5038\nusername: u\nsecret: s\nlogin: plain\n": "login",
		good + "dialplan: other\n":                                  "dialplan",
		good + "context: 'a b'\n":                                   "context",
		good + "ring_time: 1ms\n":                                   "ring_time",
		good + "phones: [{endpoint: 'a b'}]\n":                      "phones[0].endpoint",
		good + "phones: [{endpoint: a, header: x}]\n":               "phones[0].header",
		good + "styles: [{agent: A, value: 'a,b'}]\n":               "styles[0].value",
		good + "styles: [{notify: maybe}]\n":                        "styles[0]",
		good + "tls: {on: true, ca: /nowhere}\n":                    "tls.ca",
		good + "colour: red\n":                                      "colour",
	} {
		if _, err := fromYAML(text); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v, want something about %s", text, err, key)
		}
	}
}

// Over TLS the certificate is verified: who it is for, and who says so.
func TestTLS(t *testing.T) {
	authority, stranger := uactest.NewAuthority(t), uactest.NewAuthority(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, authority.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		pair tls.Certificate
		ok   bool
	}{
		"the right one":          {authority.Pair(uactest.Wanted{Names: []string{"pbx.example.com"}}), true},
		"another host's":         {authority.Pair(uactest.Wanted{Names: []string{"other.example.com"}}), false},
		"an expired one":         {authority.Pair(uactest.Wanted{Names: []string{"pbx.example.com"}, Expired: true}), false},
		"an unknown authority's": {stranger.Pair(uactest.Wanted{Names: []string{"pbx.example.com"}}), false},
	} {
		t.Run(name, func(t *testing.T) {
			p := fake.New(plain())
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c.pair}, MinVersion: tls.VersionTLS12})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			defer p.Cut()
			go func() {
				for {
					s, err := l.Accept()
					if err != nil {
						return
					}
					f, err := p.Dial()
					if err != nil {
						return
					}
					go func() { _, _ = io.Copy(f, s); _ = f.Close() }()
					go func() { _, _ = io.Copy(s, f); _ = s.Close() }()
				}
			}()
			x, err := fromYAML("address: " + l.Addr().String() + "\nusername: farhook\nsecret: s3cret\ntls: {on: true, server_name: pbx.example.com, ca: " + file + "}\n")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r := &counting{m: callmodel.New(), sync: make(chan struct{})}
			done := make(chan error, 1)
			go func() { done <- x.Run(ctx, r) }()
			select {
			case <-r.sync:
				if !c.ok {
					t.Error("it is trusted")
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			case err := <-done:
				if c.ok {
					t.Error(err)
				}
			}
		})
	}
}
