package main

import (
	"fmt"
	"net"
	"net/url"
	"time"

	"farhook/web/access"
)

// WebConfig is who may come in over HTTP, and what the web side keeps.
type WebConfig struct {
	Store       string        `yaml:"store"`   // file of history, users, tokens and webhooks; empty: they end with the process, and nobody signs in
	SignIn      *bool         `yaml:"sign_in"` // absent: where there is a store
	Certificate string        `yaml:"certificate"`
	Key         string        `yaml:"key"`
	PerMinute   int           `yaml:"requests_per_minute"`
	Session     Duration      `yaml:"session"`
	Retention   Duration      `yaml:"retention"`
	OIDC        OIDCConfig    `yaml:"oidc"`
	Webhooks    WebhookConfig `yaml:"webhooks"`
}

// OIDCConfig is an OpenID provider.
type OIDCConfig struct {
	Issuer       string     `yaml:"issuer"` // empty: none
	ClientID     string     `yaml:"client_id"`
	ClientSecret Secret     `yaml:"client_secret"`
	Redirect     string     `yaml:"redirect"`
	Scopes       []string   `yaml:"scopes"`
	NameClaim    string     `yaml:"name_claim"`
	GroupsClaim  string     `yaml:"groups_claim"`
	LinesClaim   string     `yaml:"lines_claim"`
	Roles        []OIDCRole `yaml:"roles"`
}

// OIDCRole is what the members of a group may; everybody is a member of the group "".
type OIDCRole struct {
	Group      string   `yaml:"group"`
	Scopes     []string `yaml:"scopes"`
	AllDevices bool     `yaml:"all_devices"`
	Devices    []string `yaml:"devices"`
	Allow      []string `yaml:"allow"`
	Deny       []string `yaml:"deny"`
}

// WebhookConfig bounds deliveries.
type WebhookConfig struct {
	Private bool     `yaml:"private"` // whether loopback, link-local and private addresses may be asked
	Age     Duration `yaml:"age"`     // how long a document is tried
}

// Secret is a text that prints as ***.
type Secret string

// String hides it.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

func webDefaults() WebConfig {
	return WebConfig{
		PerMinute: 6000, Session: Duration(12 * time.Hour), Retention: Duration(365 * 24 * time.Hour), Webhooks: WebhookConfig{Age: Duration(24 * time.Hour)},
	}
}

// signIn says whether people have to sign in.
func (w WebConfig) signIn() bool {
	if w.SignIn != nil {
		return *w.SignIn
	}
	return w.Store != ""
}

func (r OIDCRole) grant() access.Grant {
	return grantFlags{Scopes: r.Scopes, AllDevices: r.AllDevices, Devices: r.Devices, Allow: r.Allow, Deny: r.Deny}.grant()
}

// webWrongs lists what is wrong with HTTP and what belongs to it.
func (c Config) webWrongs(addr func(path, a string) bool, complain func(path, format string, args ...any)) {
	w := c.Web
	if c.HTTP.Listen != "" && addr("$.http.listen", c.HTTP.Listen) && !loopback(c.HTTP.Listen) {
		switch {
		case !w.signIn():
			complain("$.http.listen", "%q is not a loopback address, and nobody has to sign in: give web.store, or use 127.0.0.1", c.HTTP.Listen)
		case w.Certificate == "":
			complain("$.http.listen", "%q is not a loopback address, and there is no TLS: give web.certificate and web.key, or use 127.0.0.1", c.HTTP.Listen)
		}
	}
	if w.signIn() && w.Store == "" {
		complain("$.web.sign_in", "users and tokens need a file: give web.store")
	}
	if (w.Certificate == "") != (w.Key == "") {
		complain("$.web.certificate", "TLS needs web.certificate and web.key")
	}
	if w.PerMinute < 0 || w.PerMinute > 10_000_000 {
		complain("$.web.requests_per_minute", "%d is out of range: 0 (no limit) to 10000000", w.PerMinute)
	}
	within := func(path string, v Duration, lo, hi time.Duration) {
		if d := time.Duration(v); d < lo || d > hi {
			complain(path, "%v is out of range: %v to %v", d, lo, hi)
		}
	}
	within("$.web.session", w.Session, time.Minute, 30*24*time.Hour)
	within("$.web.retention", w.Retention, 0, 100*365*24*time.Hour)
	within("$.web.webhooks.age", w.Webhooks.Age, time.Minute, 30*24*time.Hour)
	o := w.OIDC
	if o.Issuer == "" {
		return
	}
	for path, text := range map[string]string{"issuer": o.Issuer, "redirect": o.Redirect} {
		if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "https" && !loopback(net.JoinHostPort(u.Hostname(), "80")) {
			complain("$.web.oidc."+path, "%q is no https URL", text)
		}
	}
	if o.ClientID == "" {
		complain("$.web.oidc.client_id", "the provider wants to know which program asks: give the id that it knows farhook by")
	}
	if !w.signIn() {
		complain("$.web.oidc", "nobody has to sign in: give web.store")
	}
	if len(o.Roles) == 0 {
		complain("$.web.oidc.roles", "nobody would have a right: give at least one role")
	}
	for i, r := range o.Roles {
		if err := r.grant().Check(); err != nil {
			complain(fmt.Sprintf("$.web.oidc.roles[%d]", i), "%v", err)
		}
	}
}
