package freeswitch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
)

// audit has the PBX asked, for one device or for all, and gives how much was put right.
func (s *script) audit(d csta.DeviceID) int {
	s.t.Helper()
	n, err := s.a.Audit(context.Background(), d)
	s.hand(err)
	return n
}

// whose are the legs that a phone has.
func (s *script) whose(user string) (ids []string) {
	for _, l := range s.f.Legs() {
		if l.User == user {
			ids = append(ids, l.ID)
		}
	}
	return ids
}

// A leg that ended unheard is found by an audit, when it does not exist, either; one that began unheard is taken over.
func TestAudit(t *testing.T) {
	inBubble(t, false, func(t *testing.T, s *script) {
		s.talk()
		if n := s.audit(""); n != 0 {
			t.Errorf("%d put right, and all was right", n)
		}
		s.f.Lose(slices.Concat(s.whose("201"), s.whose("202"))...)
		s.hand(s.hands.HangUp("201"))
		if len(s.states("201")) == 0 {
			t.Fatal("it was told already")
		}
		if n := s.audit(""); n != 2 || s.a.Repaired() != 2 {
			t.Errorf("%d put right, %d in all, want 2", n, s.a.Repaired())
		}
		s.is("201")
		s.is("202")
		// A leg missing in the table, but there, is no end.
		s.talk()
		s.f.Unlist()
		if n := s.audit(""); n != 0 {
			t.Errorf("%d put right of legs that the table forgot", n)
		}
		s.is("201", csta.Connected)
		// One that nobody heard begin.
		s.f.Unheard("204", "9001")
		if n := s.audit(""); n != 1 {
			t.Errorf("%d put right, want 1", n)
		}
		s.is("204", csta.Connected)
	})
}

// Whatever event of a call nobody heard, an audit finds what it would have told: one of the phone alone, and one of the whole PBX.
func TestAuditOfUnheard(t *testing.T) {
	hold := func(s *script) { s.hand(s.hands.Hold("201")) }
	for _, c := range []struct {
		name   string
		before func(*script)
		lost   []string
		act    func(*script)
		want   []csta.State // of 201 and 202
	}{
		{"hold", (*script).talk, []string{"CHANNEL_HOLD"}, hold, []csta.State{csta.Hold, csta.Connected}},
		{"retrieve", func(s *script) { s.talk(); hold(s); s.is("201", csta.Hold) }, []string{"CHANNEL_UNHOLD"}, func(s *script) { s.hand(s.hands.Retrieve("201")) }, []csta.State{csta.Connected, csta.Connected}},
		{"ringing", func(*script) {}, []string{"CHANNEL_PROGRESS", "CHANNEL_CALLSTATE"}, func(s *script) { s.hand(s.hands.Dial("201", "202")) }, []csta.State{csta.Connected, csta.Alerting}},
		{
			"answer", func(s *script) { s.hand(s.hands.Dial("201", "202")); s.is("202", csta.Alerting) },
			[]string{"CHANNEL_ANSWER", "CHANNEL_BRIDGE"},
			func(s *script) { s.hand(s.hands.Answer("202")) },
			[]csta.State{csta.Connected, csta.Connected},
		},
		{"everything", func(*script) {}, []string{"CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_CALLSTATE", "CHANNEL_ANSWER", "CHANNEL_BRIDGE"}, func(s *script) {
			s.hand(s.hands.Dial("201", "202"))
			s.hand(s.hands.Answer("202"))
		}, []csta.State{csta.Connected, csta.Connected}},
		{"the end", (*script).talk, []string{"CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY"}, func(s *script) { s.hand(s.hands.HangUp("201")) }, nil},
	} {
		for _, d := range []csta.DeviceID{"", "201", "202"} {
			t.Run(c.name+" asked of "+string(d), func(t *testing.T) {
				inBubble(t, false, func(t *testing.T, s *script) {
					c.before(s)
					s.f.Lose(c.lost...)
					c.act(s)
					time.Sleep(20 * time.Millisecond) // what is heard has been heard
					if n := s.audit(d); n == 0 {
						t.Error("nothing was put right")
					}
					for i, u := range []csta.DeviceID{"201", "202"} {
						var want []csta.State
						if c.want != nil {
							want = c.want[i : i+1]
						}
						if got := s.states(u); !slices.Equal(got, want) {
							t.Errorf("%s is %v when the audit has returned, want %v", u, got, want)
						}
					}
					if n := s.audit(d); n != 0 {
						t.Errorf("%d put right the second time", n)
					}
				})
			})
		}
	}
}

// A leg that isn't in the PBX's table, and whose dump can't be had, is there if uuid_exists says so.
func TestAuditAsksWhetherItExists(t *testing.T) {
	inBubble(t, false, func(t *testing.T, s *script) {
		s.talk()
		s.f.Unlist()
		for _, id := range append(s.whose("201"), s.whose("202")...) {
			s.f.Refuse("uuid_dump " + id)
			s.f.Commands()
			if n := s.audit(""); n != 0 {
				t.Errorf("%d put right", n)
			}
			if !slices.Contains(s.f.Commands(), "uuid_exists "+id) {
				t.Error("it is not asked whether it exists")
			}
			s.is("201", csta.Connected)
			s.is("202", csta.Connected)
		}
	})
}

// An audit of one device asks for its calls only, and leaves all others as they are.
func TestAuditOfOneDevice(t *testing.T) {
	inBubble(t, false, func(t *testing.T, s *script) {
		s.talk()
		s.hand(s.hands.Dial("203", "204"))
		s.is("204", csta.Alerting)
		others := slices.Concat(s.whose("203"), s.whose("204"))
		s.f.Lose(others...)
		s.f.Lose("CHANNEL_HOLD")
		s.hand(s.hands.HangUp("203"))
		s.hand(s.hands.Hold("201"))
		s.f.Commands()
		if n := s.audit("202"); n != 1 {
			t.Errorf("%d put right, want 1", n)
		}
		s.is("201", csta.Hold)
		for _, c := range s.f.Commands() {
			if strings.HasPrefix(c, "show channels as") || slices.ContainsFunc(others, func(id string) bool { return strings.Contains(c, id) }) {
				t.Errorf("it asked %s", c)
			}
		}
		s.is("204", csta.Alerting)
		if n := s.audit("501"); n != 0 { // a slot has no phone
			t.Errorf("%d put right of a slot", n)
		}
		if n := s.audit(""); n != 2 {
			t.Errorf("%d put right of all, want 2", n)
		}
		s.is("204")
		if _, err := s.a.Audit(context.Background(), "299"); !errors.Is(err, csta.ErrInvalidDeviceID) {
			t.Errorf("a device that is none: %v", err)
		}
		_ = s.stop()
		if _, err := s.a.Audit(context.Background(), "201"); !errors.Is(err, csta.ErrResourceOutOfService) {
			t.Errorf("without a link: %v", err)
		}
	})
}

// Within 60 s of an event that nobody heard, what it would have told is told, and nobody has to ask for that.
func TestAuditInTime(t *testing.T) {
	for _, lost := range []string{"CHANNEL_HOLD", "CHANNEL_HANGUP"} {
		synctest.Test(t, func(t *testing.T) {
			s := piped(t)
			a := fakeAdapter(t, s.at, false)
			a.time = usual()
			var repaired atomic.Int64
			a.meter = func(w pbxadapter.Work) { repaired.Add(int64(w.Repaired)) }
			s.adapter(a)
			s.talk()
			s.f.Lose(lost, "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY")
			began := time.Now()
			want := []csta.State{csta.Hold}
			if lost == "CHANNEL_HOLD" {
				s.hand(s.hands.Hold("201"))
			} else {
				want = nil
				s.hand(s.hands.HangUp("201"))
			}
			right := func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return slices.Equal(s.states("201"), want)
			}
			for !right() && time.Since(began) < time.Hour {
				time.Sleep(100 * time.Millisecond)
			}
			if took := time.Since(began); took > time.Minute {
				t.Errorf("%s: told after %v", lost, took)
			} else if took < time.Second {
				t.Errorf("%s: told after %v: the event was heard", lost, took)
			}
			if repaired.Load() == 0 {
				t.Error("nothing was counted")
			}
			if err := s.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}
