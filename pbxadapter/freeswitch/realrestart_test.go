package freeswitch

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/adaptertest"
)

// On a real PBX, too: whoever was held through us, in either style, is taken back by another farhook, under the same name of the call; and a
// party whose counterpart has gone meanwhile is cleared.
func TestRealRestart(t *testing.T) {
	for name, parked := range map[string]bool{"notify": false, "parked": true} {
		t.Run(name, func(t *testing.T) {
			address, password, hands := realPBX(t)
			s := &script{t: t, model: callmodel.New()}
			s.hand(hands.say("reset"))
			restarts(s, parked, hands, func() *Adapter {
				c := realConfig(address, password)
				if parked {
					for i := range c.Devices {
						c.Devices[i].Style = &style{Header: "call-info", Notify: "no"}
					}
				}
				a, err := New(pbxadapter.Options{Name: "fs", Log: zaptest.NewLogger(t), Numbers: pbxadapter.PlainNumbers{}}, c)
				if err != nil {
					t.Fatal(err)
				}
				return a
			})
		})
	}
}

// The same on the fake.
func TestRestart(t *testing.T) {
	for name, parked := range map[string]bool{"notify": false, "parked": true} {
		t.Run(name, func(t *testing.T) {
			s := onFake(t)
			restarts(s, parked, s.hands, func() *Adapter { return fakeAdapter(t, s.at, parked) })
		})
	}
}

func restarts(s *script, parked bool, hands adaptertest.Hands, make func() *Adapter) {
	s.adapter(make())
	s.talking(hands)
	first := s.conn("201", csta.Connected)
	s.do(csta.ConsultationCall{ExistingCall: first, ConsultedDevice: "203"})
	s.is("203", csta.Alerting)
	s.hand(hands.Answer("203"))
	s.is("203", csta.Connected)
	second := s.conn("201", csta.Connected)
	s.do(csta.AlternateCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: second})
	_ = s.stop()
	s.model = callmodel.New() // nothing is left of the first farhook
	s.adapter(make())
	s.is("201", csta.Connected, csta.Hold)
	if id := s.conn("201", csta.Connected); id != first {
		s.t.Errorf("the first call is %v, and was %v", id, first)
	}
	if id := s.conn("201", csta.Hold); id != second {
		s.t.Errorf("the second call is %v, and was %v", id, second)
	}
	s.do(csta.TransferCall{HeldCall: second, ActiveCall: first})
	s.is("201")
	s.is("202", csta.Connected)
	s.is("203", csta.Connected)
	s.hand(hands.HangUp("203"))
	s.until("everybody has hung up", func() bool { return len(s.model.State().Calls) == 0 })
	if !parked {
		_ = s.stop()
		return
	}
	// Held, and the holder hangs up while no farhook is there.
	s.talking(hands)
	s.do(csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)})
	_ = s.stop()
	s.hand(hands.HangUp("201"))
	s.adapter(make())
	s.until("who was left alone is cleared", func() bool { return len(s.model.State().Calls) == 0 })
	_ = s.stop()
}

// Who hangs up is told to have released, however the PBX orders the ends of the two legs: of a hundred calls some come the wrong way round.
func TestRealReleasing(t *testing.T) {
	address, password, hands := realPBX(t)
	a, err := New(pbxadapter.Options{Name: "fs", Log: zaptest.NewLogger(t), Numbers: pbxadapter.PlainNumbers{}}, realConfig(address, password))
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, model: callmodel.New()}
	s.hand(hands.say("reset"))
	s.adapter(a)
	defer func() { _ = s.stop() }()
	for n := range 100 {
		s.talking(hands)
		s.mu.Lock()
		s.told = nil
		s.mu.Unlock()
		who := csta.DeviceID([]string{"201", "202"}[n%2])
		s.hand(hands.HangUp(who))
		s.until("both have gone", func() bool { return len(s.model.State().Calls) == 0 })
		s.mu.Lock()
		if e, ok := s.told[0].Event.(csta.ConnectionClearedEvent); !ok || e.DroppedConnection.Device != who {
			t.Errorf("call %d: %s hung up, and first is told %+v", n, who, s.told[0].Event)
		}
		s.mu.Unlock()
	}
}

// What a real PBX was asked not to tell, an audit of the phone finds.
func TestRealAudit(t *testing.T) {
	address, password, hands := realPBX(t)
	a, err := New(pbxadapter.Options{Name: "fs", Log: zaptest.NewLogger(t), Numbers: pbxadapter.PlainNumbers{}}, realConfig(address, password))
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, model: callmodel.New()}
	s.hand(hands.say("reset"))
	clearFeatures(t, a, a.conf)
	s.adapter(a)
	defer func() { _ = s.stop() }()
	deaf := func(events string) {
		t.Helper()
		_, err := a.conn.command(t.Context(), "nixevent "+events)
		s.hand(err)
	}
	talk := func(want int) {
		t.Helper()
		time.Sleep(time.Second) // what the PBX lists lags behind
		if n := s.audit("202"); n != want {
			t.Errorf("%d put right, want %d", n, want)
		}
	}
	s.talking(hands)
	talk(0)
	deaf("CHANNEL_HOLD CHANNEL_UNHOLD")
	s.hand(hands.Hold("201"))
	talk(1)
	s.is("201", csta.Hold)
	s.hand(hands.Retrieve("201"))
	talk(1)
	s.is("201", csta.Connected)
	deaf("CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY CHANNEL_UNBRIDGE")
	s.hand(hands.HangUp("201"))
	talk(2)
	s.is("201")
	deaf("CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_CALLSTATE CHANNEL_BRIDGE")
	s.hand(hands.Dial("201", "202"))
	time.Sleep(300 * time.Millisecond)
	s.hand(hands.Answer("202"))
	talk(2)
	s.is("201", csta.Connected)
	s.is("202", csta.Connected)
	s.hand(hands.HangUp("202"))
	talk(2)
	s.is("201")
}

// A number outside joins a conference, and one that nobody has doesn't.
func TestRealConferenceOutside(t *testing.T) {
	for name, parked := range map[string]bool{"notify": false, "parked": true} {
		t.Run(name, func(t *testing.T) {
			address, password, hands := realPBX(t)
			s := newReal(t, address, password)
			s.hand(hands.say("reset"))
			clearFeatures(t, s.a, s.a.conf)
			for _, p := range s.a.stations {
				if parked {
					p.fixed = &style{Header: "call-info", Notify: "no"}
				}
			}
			s.adapter(s.a)
			defer func() { _ = s.stop() }()
			s.talking(hands)
			s.do(csta.SingleStepConferenceCall{ActiveCall: s.conn("201", csta.Connected), DeviceToJoin: "0301234567", ParticipationType: csta.ParticipationTypeActive})
			s.is("0301234567", csta.Alerting)
			s.hand(hands.Answer("0301234567"))
			s.is("0301234567", csta.Connected)
			s.is("201", csta.Connected)
			another := newReal(t, address, password) // finds the same
			another.adapter(another.a)
			s.a.mu.Lock()
			told := parties(s.a.track)
			s.a.mu.Unlock()
			another.a.mu.Lock()
			if found := parties(another.a.track); told != found {
				t.Errorf("told  %s\nfound %s", told, found)
			}
			another.a.mu.Unlock()
			_ = another.stop()
			s.do(csta.ClearConnection{ConnectionToBeCleared: s.conn("0301234567", csta.Connected)})
			s.is("0301234567")
			s.is("202", csta.Connected)
			s.do(csta.SingleStepConferenceCall{ActiveCall: s.conn("201", csta.Connected), DeviceToJoin: "0309999999", ParticipationType: csta.ParticipationTypeActive})
			s.is("0309999999", csta.Alerting)
			s.hand(hands.HangUp("202"))
			s.is("202")
			s.do(csta.ClearCall{CallToBeCleared: new(s.conn("201", csta.Connected))})
			s.until("everybody has hung up", func() bool { return len(s.model.State().Calls) == 0 })
			if n := s.model.Odd(); n > 0 {
				t.Errorf("%d facts are no legal state changes", n)
			}
			conferenceUnreached(s, hands, "777")
		})
	}
}

// A real PBX that is killed and started anew: its calls have ended, and the next ones are told. FARHOOK_FREESWITCH_RESTART is the command that does it.
func TestRealPBXRestart(t *testing.T) {
	address, password, hands := realPBX(t)
	command := os.Getenv("FARHOOK_FREESWITCH_RESTART")
	if command == "" {
		t.Skip("FARHOOK_FREESWITCH_RESTART names no command that restarts it")
	}
	s := newReal(t, address, password)
	s.hand(hands.say("reset"))
	s.adapter(s.a)
	s.talking(hands)
	core := s.a.core
	restarted := make(chan error, 1)
	go func() { restarted <- exec.Command("sh", "-c", command).Run() }()
	time.Sleep(time.Second)
	t.Log(s.stop()) // the link was lost
	s.hand(<-restarted)
	s.hand(hands.say("reset"))
	for range 60 { // as the switchboard would
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		nc, err := s.a.dialer(ctx)
		cancel()
		if err == nil {
			_ = nc.Close()
			break
		}
		time.Sleep(time.Second)
	}
	s.adapter(s.a)
	defer func() { _ = s.stop() }()
	if s.a.core == core {
		t.Error("its Core-UUID is the same")
	}
	s.is("201")
	s.is("202")
	s.hand(hands.say("201 register"))
	s.hand(hands.say("202 register"))
	s.until("202 is in service", func() bool { return s.model.State().Out["202"] == "" })
	s.talking(hands)
	s.hand(hands.HangUp("201"))
	s.until("everybody has hung up", func() bool { return len(s.model.State().Calls) == 0 })
}
