package switchboard_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"farhook/csta"
	. "farhook/pbxadapter/switchboard"
)

func TestCodeCheck(t *testing.T) {
	for code, says := range map[Code]string{
		"": "", "*98{extension}": "", "#8*{extension}#": "", "7{extension}": "",
		"*98": "must have {extension}", "{extension}": "the line itself", "*98{extension}{extension}": "once", "*98{extension}\r\nAction: Command": "digits",
		"*98{ext}": "must have", "sip:{extension}": "digits", "${SYSTEM}{extension}": "digits", "*98{extension}&SIP/1": "digits", "*９8{extension}": "digits",
		Code(strings.Repeat("1", 21) + "{extension}"): "at most 20",
	} {
		if err := code.Check(); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", code, err, says)
		}
	}
}

// A number that calls through a do not disturb takes the right to, whatever the request; where there is no such code it's a number like others.
func TestOverrideIsARight(t *testing.T) {
	a, other := newScripted(d1, d2, "300"), newScripted("tel:+15552001")
	a.devices[2].Aliases = nil // its id is its extension
	other.devices[0].Aliases = []string{"2001"}
	done := func(context.Context, csta.MakeCall) (csta.MakeCallResponse, error) {
		return csta.MakeCallResponse{}, nil
	}
	csta.Handle(a.services, done)
	csta.Handle(a.services, func(context.Context, csta.SetForwarding) (csta.SetForwardingResponse, error) {
		return csta.SetForwardingResponse{}, nil
	})
	csta.Handle(other.services, done)
	serveWith := func(p Policy) *Board {
		b := New(p, Options{}, PBX{Name: "a", Adapter: a, Codes: Codes{ThroughDoNotDisturb: "*99{extension}", Voicemail: "*98{extension}"}}, PBX{Name: "b", Adapter: other})
		serve(t, b)
		<-a.runs
		<-other.runs
		return b
	}
	b := serveWith(Trusted{})
	calls := func(to csta.DeviceID) csta.Request {
		return csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: to}
	}
	for _, r := range []csta.Request{
		calls("*991002"), calls("*99 1002"), calls("*99300"), calls("tel:*991002"),
		csta.SetForwarding{Device: d1, ActivateForward: true, ForwardDN: "*991002"},
	} {
		if _, err := b.Do(t.Context(), first, r); !errors.Is(err, csta.ErrPrivilegeCalled) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	for _, to := range []csta.DeviceID{"*981002", "*991099", "*99", "991002", d2} {
		if _, err := b.Do(t.Context(), first, calls(to)); err != nil {
			t.Errorf("%s: %v", to, err)
		}
	}
	if _, err := serveWith(AnyLine{}).Do(t.Context(), anybody, calls("*991002")); err != nil {
		t.Error(err)
	}
	if n, err := b.Through(d1, d2); n != "*991002" || err != nil {
		t.Errorf("%s, %v", n, err)
	}
	for _, c := range []struct {
		calling, called csta.DeviceID
		says            string
	}{
		{d1, "tel:+15552001", "PBX b has no code"}, {"tel:+15552001", d2, "its own PBX only"}, {d1, "tel:+4989123", "no line of the PBX"},
	} {
		if n, err := b.Through(c.calling, c.called); err == nil || !strings.Contains(err.Error()+errors.Unwrap(err).Error(), c.says) {
			t.Errorf("%s, %v, want %s", n, err, c.says)
		}
	}
	if d, _ := b.Device(System, d2); d.Voicemail != "*981002" || d.Through != "*991002" {
		t.Errorf("%+v", d)
	}
	if d, _ := b.Device(System, "300"); d.Voicemail != "*98300" || d.Through != "*99300" {
		t.Errorf("%+v", d)
	}
	if d, _ := b.Device(System, "tel:+15552001"); d.Voicemail != "" || d.Through != "" {
		t.Errorf("%+v", d)
	}
}
