package freeswitch

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/freeswitch/fake"
)

// killed are the legs that were ended since the last time, by phone, and why.
func (s *script) killed(before []fake.Leg) map[string]string {
	m := map[string]string{}
	for _, c := range s.f.Commands() {
		w := strings.Fields(c)
		if w[0] != "uuid_kill" {
			continue
		}
		for _, l := range before {
			if l.ID == w[1] {
				m[l.User] = strings.Join(w[2:], " ")
			}
		}
	}
	return m
}

// Who does not take a call is busy, who gives up has cancelled, and who has talked clears: the PBX tells the other party so, and its dialplan goes on by it.
func TestCausesOfClearing(t *testing.T) {
	for _, c := range []struct {
		name  string
		who   csta.DeviceID
		state csta.State
		want  string
	}{
		{"not taken", "202", csta.Alerting, "USER_BUSY"},
		{"given up", "201", csta.Connected, "ORIGINATOR_CANCEL"},
		{"talked", "201", csta.Connected, "NORMAL_CLEARING"},
		{"talked, too", "202", csta.Connected, "NORMAL_CLEARING"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t, false)
			s.hand(s.hands.Dial("201", "202"))
			s.is("202", csta.Alerting)
			if c.want == "NORMAL_CLEARING" {
				s.hand(s.hands.Answer("202"))
				s.is("202", csta.Connected)
			}
			before := s.f.Legs()
			s.f.Commands()
			s.do(csta.ClearConnection{ConnectionToBeCleared: s.conn(c.who, c.state)})
			if got := s.killed(before); len(got) != 1 || got[string(c.who)] != c.want {
				t.Errorf("%v, want %s: %s", got, c.who, c.want)
			}
			s.nobody()
		})
	}
	s := newScript(t, false) // whose calls are forwarded when he is busy
	s.f.Keep("cfb/202", "203")
	s.hand(s.hands.Dial("201", "202"))
	s.do(csta.ClearConnection{ConnectionToBeCleared: s.conn("202", csta.Alerting)})
	s.is("203", csta.Alerting)
}

// A conference that comes to nothing, at whichever command, leaves who is held as he was: the phone's one leg still waits when its talk is over, and can take him back.
func TestConferenceRefused(t *testing.T) {
	for _, refused := range []string{"uuid_setvar_multi ", "uuid_transfer "} {
		t.Run(refused, func(t *testing.T) {
			inBubble(t, true, func(t *testing.T, s *script) {
				s.talk()
				s.consult("203")
				s.hand(s.hands.Answer("203"))
				s.is("203", csta.Connected)
				own := func() fake.Leg {
					all := s.f.Legs()
					return all[slices.IndexFunc(all, func(l fake.Leg) bool { return l.User == "201" })]
				}
				parks := own().Vars["farhook_parks"]
				if parks == "" {
					t.Fatal("nobody is parked")
				}
				s.f.Refuse(refused)
				r := csta.ConferenceCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)}
				if _, err := s.a.Services()[r.Service()](t.Context(), r); err == nil {
					t.Fatal("it is one")
				}
				s.until("its leg parks again", func() bool {
					v := own().Vars
					return v["park_after_bridge"] == "true" && v["hangup_after_bridge"] == "false" && v["farhook_parks"] == parks
				})
				time.Sleep(100 * time.Millisecond)
				s.hand(s.hands.HangUp("203"))
				s.is("203")
				s.is("201", csta.Hold) // its leg waits: the second call has ended
				s.do(csta.RetrieveCall{CallToBeRetrieved: s.conn("201", csta.Hold)})
				s.is("201", csta.Connected)
				s.is("202", csta.Connected)
				s.hand(s.hands.HangUp("201"))
				s.nobody()
			})
		})
	}
}

// A phone is told its features where it says it is, if what it says are names; else nothing is sent, and it stays known as it was.
func TestFeatureSyncOfNoNames(t *testing.T) {
	for _, bad := range []string{"", "a b", "x\r\nX: y", "<desk>", "${host}", "a,b", strings.Repeat("a", 300)} {
		for _, field := range []string{"host", "profile_name"} {
			s := onFake(t)
			a := fakeAdapter(t, s.at, false)
			a.conf.Sync = true
			s.adapter(a)
			ask := func(more map[string]string) {
				m := map[string]string{"user": "202", "host": "127.0.0.1", "profile_name": "desk", "call-id": "sub-1"}
				for k, v := range more {
					m[k] = v
				}
				s.f.Fire("PHONE_FEATURE_SUBSCRIBE", m)
			}
			ask(map[string]string{field: bad, "call-id": "bad"})
			ask(nil)
			var all []string
			s.until("the next one is answered", func() bool {
				all = append(all, s.f.Said()...)
				return slices.ContainsFunc(all, func(c string) bool { return strings.Contains(c, "\ncall-id: sub-1") })
			})
			if err := s.stop(); err != nil {
				t.Error(err)
			}
			for _, c := range append(all, s.f.Said()...) {
				if strings.HasPrefix(c, "sendevent PHONE_FEATURE") && !strings.Contains(c, "\ncall-id: sub-1\n") {
					t.Errorf("%s %q: %q is sent", field, clip(bad), c)
				}
			}
		}
	}
}

// hears is a replayer that hears events, each given as JSON, at times after its beginning.
func hears(t *testing.T, events map[time.Duration][]string, until time.Duration) *replayer {
	t.Helper()
	r := newReplayer(t)
	began := time.Now()
	for _, at := range slices.Sorted(maps.Keys(events)) {
		for _, text := range events[at] {
			e := new(event)
			if err := new(parser).parse([]byte(text), e); err != nil {
				t.Fatal(err)
			}
			r.track.hear(e, began.Add(at))
		}
	}
	r.track.until(began.Add(until))
	return r
}

// rings202 is 202 that rings for 201.
var rings202 = []string{
	`{"Event-Name":"CHANNEL_CREATE","Unique-ID":"aaaa-1","Call-Direction":"inbound","variable_user_name":"201","Caller-Destination-Number":"202"}`,
	`{"Event-Name":"CHANNEL_CREATE","Unique-ID":"bbbb-1","Call-Direction":"outbound","Channel-Presence-ID":"202@pbx.test","Other-Type":"originator","Other-Leg-Unique-ID":"aaaa-1"}`,
	`{"Event-Name":"CHANNEL_PROGRESS","Unique-ID":"bbbb-1"}`,
}

// A leg that the PBX takes back is told as cancelled by who dialled it, also when he goes on: nobody failed to answer.
func TestTakenBack(t *testing.T) {
	r := hears(t, map[time.Duration][]string{
		0:           rings202,
		time.Second: {`{"Event-Name":"CHANNEL_HANGUP","Unique-ID":"bbbb-1","Hangup-Cause":"ORIGINATOR_CANCEL"}`},
	}, 2*time.Second)
	var last callmodel.Moved
	for _, m := range r.moved() {
		if m.Connection.Device == "202" {
			last = m
		}
		if m.To == csta.Fail {
			t.Errorf("it is told as failed: %+v", m)
		}
	}
	if last.To != csta.Null || last.Cause != csta.CauseCallCancelled || last.By.Device != "201" {
		t.Errorf("%+v", last)
	}
}

// Who takes a call may be heard of a good moment after the leg has gone that it rang; and if nobody is, the leg has ended, and nobody failed.
func TestPickedOff(t *testing.T) {
	events := map[time.Duration][]string{
		0: rings202,
		time.Second: {
			`{"Event-Name":"CHANNEL_CREATE","Unique-ID":"cccc-1","Call-Direction":"inbound","variable_user_name":"203","Caller-Destination-Number":"*8202"}`,
			`{"Event-Name":"CHANNEL_HANGUP","Unique-ID":"bbbb-1","Hangup-Cause":"PICKED_OFF"}`,
		},
		time.Second + 250*time.Millisecond: {`{"Event-Name":"CHANNEL_BRIDGE","Unique-ID":"aaaa-1","Bridge-A-Unique-ID":"aaaa-1","Bridge-B-Unique-ID":"cccc-1"}`},
	}
	diverted := func(r *replayer) (list []callmodel.Redirected) {
		for _, f := range r.facts {
			if d, ok := f.(callmodel.Redirected); ok {
				list = append(list, d)
			}
		}
		return list
	}
	if d := diverted(hears(t, events, 3*time.Second)); len(d) != 1 || d[0].Connection.Device != "202" || d[0].NewDestination.Device != "203" || d[0].Cause != csta.CauseCallPickup {
		t.Errorf("%+v", d)
	}
	delete(events, time.Second+250*time.Millisecond)
	r := hears(t, events, 3*time.Second)
	ended := false
	for _, m := range r.moved() {
		if m.Connection.Device == "202" && m.To == csta.Null {
			ended = m.Cause == csta.CauseNormalClearing
		}
		if m.To == csta.Fail {
			t.Errorf("it is told as failed: %+v", m)
		}
	}
	if d := diverted(r); !ended || len(d) != 0 {
		t.Errorf("ended %v, diverted %+v", ended, d)
	}
}

// What a device's class of service bars is told as blocked, at once: nobody was asked.
func TestBarred(t *testing.T) {
	f, at := newBarring(t, "203")
	s := &script{t: t, f: f, at: at, hands: hands{f}, model: callmodel.New()}
	s.adapter(fakeAdapter(t, at, false))
	defer func() { _ = s.stop() }()
	s.hand(s.hands.Dial("203", "0012345"))
	s.failed("0012345")
	s.until("it is told as blocked", func() bool {
		return slices.ContainsFunc(s.told, func(x callmodel.Told) bool {
			e, ok := x.Event.(csta.FailedEvent)
			return ok && e.Cause == csta.CauseBlocked
		})
	})
	s.is("203")
	s.hand(s.hands.Dial("201", "0012345")) // who may
	s.is("0012345", csta.Alerting)
}
