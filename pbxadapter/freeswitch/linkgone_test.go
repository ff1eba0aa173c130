package freeswitch

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
)

// Without a link nothing is begun: whatever is to be sent then is not, and who asks is told so.
func TestNothingIsBegunWithoutLink(t *testing.T) {
	s := newScript(t, true)
	a := s.a
	a.conf.Sync = true
	s.talk()
	s.do(csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)})
	own, far := s.whose("201")[0], s.whose("202")[0]
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s.f.Commands()
	ctx := context.Background()
	a.unmark(own, far)
	a.forgets(own)
	if _, err := a.start(ctx, "uuid_kill "+own, time.Second); err == nil {
		t.Error("a command is begun")
	}
	if err := a.yields(ctx, own); err != nil {
		t.Error(err)
	}
	if _, err := a.Audit(ctx, ""); err == nil {
		t.Error("an audit is done")
	}
	a.mu.Lock()
	a.track.legs[own].conn, a.track.legs[own].call = nil, nil
	for _, n := range a.track.at("201") {
		n.holder = nil
	}
	a.ends(ctx, []string{own})
	a.synchronise(phone{user: "202", host: "pbx.test", profile: "desk", device: "202"})
	a.advance(time.Now())
	a.mu.Unlock()
	for name, f := range map[string]func() error{
		"kill": func() error {
			return a.kill(ctx, map[string]string{far: "NORMAL_CLEARING"}, func() bool { return false })
		},
		"await":        func() error { return a.await(ctx, time.Second, "nothing", func() bool { return false }) },
		"set DND":      func() error { return a.store(ctx, a.byID["202"], "do_not_disturb", nil, "", true, 0) },
		"synchronised": func() error { return a.store(ctx, a.byID["202"], "none", nil, "", true, 0) },
	} {
		if f() == nil {
			t.Errorf("%s: it is done", name)
		}
	}
	a.work.Wait()
	if list := s.f.Commands(); len(list) > 0 {
		t.Errorf("the PBX was told %q", list)
	}
}

// Whenever the link goes, whatever is at work ends with it, and nothing else: services of all kinds are asked for by several clients while links come and go.
func TestServicesWhileTheLinkGoes(t *testing.T) {
	s := onFake(t)
	a := fakeAdapter(t, s.at, true)
	a.log, a.conf.Sync = zap.NewNop(), true
	a.time.step, a.time.audit, a.time.ping = 20*time.Millisecond, 5*time.Millisecond, 5*time.Millisecond
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // no secret
	for round := range 16 {
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- a.Run(ctx, s) }()
		s.f.Call("201", "202")
		var clients sync.WaitGroup
		at := func(d csta.DeviceID) csta.ConnectionID {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, c := range s.model.At(d) {
				return csta.ConnectionID{Call: c.ID, Device: d}
			}
			return csta.ConnectionID{Call: "fs-none", Device: d}
		}
		for _, r := range []func() csta.Request{
			func() csta.Request { return csta.AnswerCall{CallToBeAnswered: at("202")} },
			func() csta.Request { _ = s.f.Answer("202"); return csta.HoldCall{CallToBeHeld: at("201")} },
			func() csta.Request { return csta.RetrieveCall{CallToBeRetrieved: at("201")} },
			func() csta.Request { return csta.MakeCall{CallingDevice: "203", CalledDirectoryNumber: "204"} },
			func() csta.Request {
				return csta.DirectedPickupCall{CallToBePickedUp: new(at("202")), RequestingDevice: "205"}
			},
			func() csta.Request {
				return csta.SingleStepConferenceCall{ActiveCall: at("201"), DeviceToJoin: "204", ParticipationType: csta.ParticipationTypeActive}
			},
			func() csta.Request { return csta.SetDoNotDisturb{Device: "204", DoNotDisturbOn: true} },
			func() csta.Request { return csta.SetMessageWaitingIndicator{Device: "204", MessageWaitingOn: true} },
			func() csta.Request {
				s.f.Fire("PHONE_FEATURE_SUBSCRIBE", map[string]string{"user": "202", "host": "pbx.test", "profile_name": "desk", "call-id": "x"})
				return csta.ClearConnection{ConnectionToBeCleared: at("203")}
			},
		} {
			clients.Go(func() {
				for ctx.Err() == nil {
					q := r()
					_, _ = a.Services()[q.Service()](ctx, q)
				}
			})
		}
		time.Sleep(time.Duration(5+rnd.IntN(25)) * time.Millisecond)
		if round%2 == 0 {
			s.f.Cut()
		} else {
			cancel()
		}
		if err := <-ran; err != nil && round%2 == 1 {
			t.Errorf("stopped, it ended with %v", err)
		}
		cancel()
		clients.Wait()
		s.f.Reset()
	}
}
