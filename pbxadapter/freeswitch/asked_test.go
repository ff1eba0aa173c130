package freeswitch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/freeswitch/fake"
)

// A group's members pick up what rings in it, the oldest first, and nothing else.
func TestGroups(t *testing.T) {
	s := onFake(t)
	a := fakeAdapter(t, s.at, false)
	for u, p := range a.stations {
		if p.group = "sales"; u == "201" || u == "202" {
			p.group = "support"
		}
	}
	a.stations["205"].group = ""
	s.adapter(a)
	defer func() { _ = s.stop() }()
	refused := func(d csta.DeviceID, want *csta.Error) {
		t.Helper()
		if _, err := a.Services()["GroupPickupCall"](t.Context(), csta.GroupPickupCall{NewDestination: d}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", d, err, want)
		}
	}
	s.f.Call("0301", "202")
	s.is("202", csta.Alerting)
	refused("203", csta.ErrNoCallToAnswer) // another group
	refused("205", csta.ErrNoCallToAnswer) // none
	refused("202", csta.ErrNoCallToAnswer) // its own call
	s.f.Call("0302", "203")
	s.is("203", csta.Alerting)
	s.f.Call("0303", "203") // rings later
	s.is("203", csta.Alerting, csta.Alerting)
	s.do(csta.GroupPickupCall{NewDestination: "204"})
	s.is("204", csta.Connected)
	if s.conn("204", csta.Connected).Call != s.conn("0302", csta.Connected).Call {
		t.Error("it is not the one that rang first")
	}
	s.is("202", csta.Alerting)
	s.do(csta.GroupPickupCall{NewDestination: "201"})
	s.is("201", csta.Connected)
	s.is("202")
	s.is("203", csta.Alerting)
	a.mu.Lock()
	a.stations["203"].group = "" // two without a group are no group
	a.mu.Unlock()
	refused("205", csta.ErrNoCallToAnswer)
}

// The style of a phone is its own by configuration, else that of the configured table, else that of farhook's; it decides how the phone is spoken to.
func TestStyles(t *testing.T) {
	agents := func(a *Adapter, style *style, table ...styleRow) {
		a.conf.Styles = table
		for _, p := range a.stations {
			p.fixed = style
		}
	}
	obeys, not := style{Header: "call-info", Notify: "yes"}, style{Header: "alert-info", Value: "Ring Answer", Notify: "no"}
	for _, c := range []struct {
		name   string
		set    func(*Adapter)
		holds  string // by which command
		begins string // how an originate has the phone answer
	}{
		{"farhook's table", func(a *Adapter) { agents(a, nil) }, "uuid_phone_event ", "|sip_auto_answer=true"},
		{"the configured table", func(a *Adapter) { agents(a, nil, styleRow{"snom d7", not}) }, "uuid_setvar_multi ", "|sip_h_Alert-Info='Ring Answer'"},
		{"the first row of it", func(a *Adapter) {
			agents(a, nil, styleRow{"yealink", obeys}, styleRow{"SNOM", not}, styleRow{"snom d785", obeys})
		}, "uuid_setvar_multi ", "|sip_h_Alert-Info='Ring Answer'"},
		{"no row of it", func(a *Adapter) { agents(a, nil, styleRow{"yealink", not}) }, "uuid_phone_event ", "|sip_auto_answer=true"},
		{"the phone's own", func(a *Adapter) { agents(a, &not, styleRow{"snom", obeys}) }, "uuid_setvar_multi ", "|sip_h_Alert-Info='Ring Answer'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := piped(t)
				a := fakeAdapter(t, s.at, false)
				c.set(a)
				s.adapter(a)
				defer func() { _ = s.stop() }()
				s.talk()
				s.f.Commands()
				s.do(csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)})
				if list := s.f.Commands(); !strings.HasPrefix(list[0], c.holds) {
					t.Errorf("it is held by %s", list[0])
				}
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				_, _ = a.Services()["MakeCall"](ctx, csta.MakeCall{CallingDevice: "203", CalledDirectoryNumber: "204", AutoOriginate: csta.AutoOriginateDoNotPrompt})
				if list := s.f.Commands(); !slices.ContainsFunc(list, func(x string) bool { return strings.Contains(x, c.begins) }) {
					t.Errorf("no %q in %q", c.begins, list)
				}
			})
		})
	}
}

// The event socket's own password is given by auth, a user's by userauth: each door takes its own only.
func TestDoors(t *testing.T) {
	for _, user := range []string{"", "cti@pbx.test"} {
		for _, asked := range []string{"", "cti@pbx.test", "other@pbx.test"} {
			f, at := newFake(t)
			f.Set(func(m *fake.Mood) { m.User = asked })
			a := fakeAdapter(t, at, false)
			a.conf.User = user
			if user == asked {
				s := &script{t: t, f: f, at: at, hands: hands{f}, model: callmodel.New()}
				s.adapter(a)
				if err := s.stop(); err != nil {
					t.Error(err)
				}
			} else if err := runs(t, a); err == nil || !strings.Contains(err.Error(), "the password was refused") {
				t.Errorf("as %q where %q is asked for: %v", user, asked, err)
			}
		}
	}
}

// A user of the directory who may not hear all events is given those that he may, and the log says which are missing.
func TestAllowedOnly(t *testing.T) {
	s := onFake(t)
	var allowed []string
	for _, e := range strings.Fields(subscribed) {
		if e != "CHANNEL_HOLD" && e != "MESSAGE_WAITING" {
			allowed = append(allowed, e)
		}
	}
	s.f.Set(func(m *fake.Mood) { m.User, m.Allowed = "cti@pbx.test", strings.Join(allowed, " ") })
	a := fakeAdapter(t, s.at, false)
	core, logs := observer.New(zap.WarnLevel)
	a.log, a.conf.User, a.conf.Event = zap.New(core), "cti@pbx.test", nil
	s.adapter(a)
	defer func() { _ = s.stop() }()
	s.talk()
	list := logs.FilterMessageSnippet("may not hear all events").All()
	if len(list) != 1 || fmt.Sprint(list[0].ContextMap()["missing"]) != "[CHANNEL_HOLD MESSAGE_WAITING]" {
		t.Errorf("%+v", list)
	}
}

// A phone whose registration expires, or that unregisters, is out of service, and the next registration brings it back. Of a user with two phones it is the last that counts.
func TestRegistrations(t *testing.T) {
	s := newScript(t, false)
	out := func(is bool) {
		t.Helper()
		s.until("out of service", func() bool { _, no := s.model.OutOfService("204"); return no == is })
	}
	fire := func(what, id string) {
		m := map[string]string{"profile-name": "desk", "call-id": id, "user": "204", "username": "204", "host": "pbx.test", "user-agent": "Snom D785"}
		if what == "sofia::register" {
			m["from-user"], m["from-host"] = "204", "pbx.test"
		}
		s.f.Fire(what, m)
	}
	out(false)
	for _, end := range []string{"sofia::expire", "sofia::unregister"} {
		fire(end, "c-204")
		out(true)
		if _, err := s.a.Services()["MakeCall"](t.Context(), csta.MakeCall{CallingDevice: "204", CalledDirectoryNumber: "201"}); !errors.Is(err, csta.ErrDeviceOutOfService) {
			t.Errorf("after %s: %v", end, err)
		}
		fire("sofia::register", "c-204")
		out(false)
		fire("sofia::register", "second")
		fire(end, "second")
		fire("sofia::register", "c-204") // heard after the end
		out(false)
	}
}

// A phone that synchronises its features is told them when it asks, when it changes one, and when somebody else does; what it changes is kept, and told.
func TestFeatureSync(t *testing.T) {
	s := onFake(t)
	a := fakeAdapter(t, s.at, false)
	a.conf.Sync = true
	s.adapter(a)
	defer func() { _ = s.stop() }()
	phone := func(action string, more map[string]string) {
		m := map[string]string{"user": "202", "host": "127.0.0.1", "profile_name": "desk", "call-id": "sub-1", "Feature-Action": action}
		for k, v := range more {
			m[k] = v
		}
		s.f.Fire("PHONE_FEATURE_SUBSCRIBE", m)
	}
	hears := func(lines ...string) {
		t.Helper()
		base := "sendevent PHONE_FEATURE\nprofile: desk\nuser: 202\nhost: 127.0.0.1\ndevice: 202\n"
		var all []string
		s.until(strings.Join(lines, ", "), func() bool {
			all = append(all, s.f.Said()...)
			return slices.Contains(all, base+strings.Join(lines, "\n"))
		})
	}
	kept := func(key, value string) {
		t.Helper()
		s.until(key+" is "+value, func() bool { return s.f.Kept(key) == value })
	}
	phone("", nil)
	hears("call-id: sub-1", "doNotDisturbOn: false", "forward_immediate: none", "forward_immediate_enabled: false", "forward_busy: none", "forward_busy_enabled: false",
		"forward_no_answer: none", "forward_no_answer_enabled: false", "Feature-Event: init")
	phone("SetDoNotDisturb", map[string]string{"Feature-Enabled": "true"})
	hears("call-id: sub-1", "doNotDisturbOn: true", "Feature-Event: DoNotDisturbEvent")
	kept("dnd/202", "true")
	s.until("do not disturb is told", func() bool {
		return slices.Contains(s.model.Features("202"), callmodel.Feature(callmodel.DoNotDisturb{On: true}))
	})
	for name, kind := range map[string]csta.ForwardingType{"forward_immediate": csta.ForwardImmediate, "forward_busy": csta.ForwardBusy, "forward_no_answer": csta.ForwardNoAns} {
		key := map[string]string{"forward_immediate": "cfu", "forward_busy": "cfb", "forward_no_answer": "cfna"}[name] + "/202"
		phone("SetCallForward", map[string]string{"Feature-Enabled": "true", "Action-Name": name, "Action-Value": "203", "ringCount": "4"})
		hears("call-id: sub-1", name+": 203", name+"_enabled: true", "ringCount: 4", "Feature-Event: ForwardingEvent")
		kept(key, "203")
		s.until("the forwarding is told", func() bool {
			return slices.Contains(s.model.Features("202"), callmodel.Feature(callmodel.Forwarding{Type: kind, On: true, To: "203", Rings: 4}))
		})
		s.do(csta.SetForwarding{Device: "202", ForwardingType: kind, ActivateForward: true, ForwardDN: "204"})
		hears(name+": 204", name+"_enabled: true", "ringCount: 4", "Feature-Event: ForwardingEvent")
		kept(key, "204")
	}
	s.do(csta.SetDoNotDisturb{Device: "202"})
	hears("doNotDisturbOn: false", "Feature-Event: DoNotDisturbEvent")
	kept("dnd/202", "")
}
