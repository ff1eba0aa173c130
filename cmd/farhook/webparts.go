package main

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/uacsta"
	"farhook/web"
	"farhook/web/access"
	"farhook/web/history"
	"farhook/web/webhook"
)

// webConfig is what the web side is made from, but for the board and what is in the file of its history.
func webConfig(c Config, log *zap.Logger) (p web.Config) {
	w := c.Web
	p.Log, p.Version, p.AllowedHosts, p.Retention = log.Named("web"), versionText(), c.HTTP.Hosts, time.Duration(w.Retention)
	p.Webhooks = webhook.Config{Private: w.Webhooks.Private, Age: time.Duration(w.Webhooks.Age)}
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
	return p
}

// openAccess opens the file of history, and reads who may come in.
func openAccess(c Config, log *zap.Logger) (*history.DB, *access.Access, error) {
	conf := access.Config{Open: !c.Web.signIn(), PerMinute: c.Web.PerMinute, Session: time.Duration(c.Web.Session)}
	db, err := history.Open(c.Web.Store, log.Named("history"))
	if err != nil {
		return nil, nil, err
	}
	a, err := access.New(conf, db)
	if err != nil {
		_ = db.Close()
		return nil, nil, fmt.Errorf("web: %w", err)
	}
	return db, a, nil
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
