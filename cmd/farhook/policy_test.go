package main

import (
	"testing"

	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
)

// Whoever sits at the machine where nobody signs in may call for help from every phone; nobody else may because of him.
func TestOwnLinesByWay(t *testing.T) {
	p := &byWay{rest: switchboard.OwnLine{}}
	local := switchboard.Principal{User: access.Open().Nobody().ID, Via: "http"}
	if p.Owns(local, "tel:+15551001") {
		t.Error("before it is known who may come")
	}
	p.http.Store(access.Open())
	if !p.Owns(local, "tel:+15551001") {
		t.Error("the operator's emergency call would be refused")
	}
	for _, who := range []switchboard.Principal{{User: local.User, Via: "sip"}, {User: "token-1", Via: "http"}} {
		if p.Owns(who, "tel:+15551001") {
			t.Errorf("%+v owns it", who)
		}
	}
}
