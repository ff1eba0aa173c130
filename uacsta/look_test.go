package uacsta_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

func TestSessionsAndContact(t *testing.T) {
	h := newHouse(t, switchboard.AnyLine{}, false)
	if c := h.uc.Contact(); !c.Heard.IsZero() || !c.Clock.IsZero() {
		t.Errorf("before anybody came: %+v", c)
	}
	a, b := h.dial(t), h.dial(t)
	ref := a.signIn("tel:+15551001;ext=1001")
	b.signIn("1002")
	a.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: "1003"}})
	if n := len(h.uc.Sessions("")); n != 2 {
		t.Fatalf("%d sessions", n)
	}
	one := h.uc.Sessions("tel:+15551001")
	if len(one) != 1 || one[0].ID != a.callID || one[0].User != "sip:alice@contoso.test" || one[0].Spelling != "tel:+15551001;ext=1001" ||
		fmt.Sprint(one[0].Monitors) != "[tel:+15551001 tel:+15551003]" || time.Since(one[0].Began) > time.Minute || one[0].Asked.Before(one[0].Began) {
		t.Errorf("%+v", one)
	}
	a.ask(csta.MonitorStop{MonitorCrossRefID: ref})
	if one := h.uc.Sessions("tel:+15551001"); fmt.Sprint(one[0].Monitors) != "[tel:+15551003]" {
		t.Errorf("%v", one[0].Monitors)
	}
	if c := h.uc.Contact(); c.Heard.IsZero() || c.Invite.IsZero() || !c.Clock.IsZero() {
		t.Errorf("after INVITEs: %+v", c)
	}
	late := h.dial(t)
	late.send(strings.Replace(late.request("OPTIONS", ""), "Max-Forwards", "Date: "+time.Now().Add(10*time.Minute).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")+"\r\nMax-Forwards", 1))
	late.read()
	if c := h.uc.Contact(); (c.Skew-10*time.Minute).Abs() > 10*time.Second || c.Clock.IsZero() {
		t.Errorf("a clock ten minutes ahead: %+v", c)
	}
}
