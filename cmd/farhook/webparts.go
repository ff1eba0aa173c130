package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/uacsta"
	"farhook/web"
	"farhook/web/access"
	"farhook/web/history"
	"farhook/web/webhook"
)

// webParts is what the web side is made from, but for the board.
type webParts struct {
	web.Config
	keys *keyring
}

// openWeb opens the store, and reads who may come in.
func openWeb(c Config, log *zap.Logger) (p webParts, err error) {
	w := c.Web
	p.Log, p.Version, p.AllowedHosts, p.Retention = log.Named("web"), versionText(), c.HTTP.Hosts, time.Duration(w.Retention)
	p.Webhooks = webhook.Config{Private: w.Webhooks.Private, Age: time.Duration(w.Webhooks.Age)}
	if c.HTTP.Listen != "" {
		if p.DB, err = history.Open(w.Store, log.Named("history")); err != nil {
			return p, err
		}
	}
	conf := access.Config{Open: !w.signIn(), PerMinute: w.PerMinute, Session: time.Duration(w.Session)}
	var store access.Store
	if p.DB != nil {
		store = p.DB
	}
	if p.Access, err = access.New(conf, store); err == nil && w.Certificate != "" {
		p.keys, err = openKeyring("web", TLSConfig{Certificate: w.Certificate, Key: w.Key}, log.Named("tls"))
	}
	if err != nil {
		if p.DB != nil {
			_ = p.DB.Close()
		}
		return p, fmt.Errorf("web: %w", err)
	}
	if o := w.OIDC; o.Issuer != "" {
		oc := access.OIDCConfig{
			Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: string(o.ClientSecret), Redirect: o.Redirect, Scopes: o.Scopes,
			NameClaim: o.NameClaim, GroupsClaim: o.GroupsClaim, LinesClaim: o.LinesClaim,
		}
		for _, r := range o.Roles {
			oc.Roles = append(oc.Roles, access.Role{Group: r.Group, Grant: r.grant()})
		}
		p.OIDC = access.NewOIDC(oc)
	}
	return p, nil
}

// httpListener is HTTP's, with TLS where there is a certificate.
func (g *gateway) httpListener() net.Listener {
	if g.https == nil {
		return g.http
	}
	return tls.NewListener(g.http, g.https.server())
}

// sipSessions tells the web side what the SIP side holds: they don't know each other.
func sipSessions(uc *uacsta.Server) func(csta.DeviceID) []web.Session {
	return func(line csta.DeviceID) []web.Session {
		list := []web.Session{}
		for _, i := range uc.Sessions(line) {
			list = append(list, web.Session{ID: i.ID, User: i.User, Line: i.Line, Peer: i.Peer, Since: i.Began, Asked: i.Asked, Monitors: i.Monitors})
		}
		return list
	}
}
