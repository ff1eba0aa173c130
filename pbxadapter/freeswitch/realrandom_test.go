package freeswitch

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// seenAt is what a phone itself shows of its calls: their states, as CSTA has them.
func (h realHands) seenAt(d csta.DeviceID) (list []csta.State, err error) {
	c, err := net.Dial("tcp", h.control)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(c, "%s calls\n", at(d)); err != nil {
		return nil, err
	}
	r := bufio.NewReader(c)
	answer, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	var n int
	_, _ = fmt.Sscan(field(answer, "n"), &n)
	for range n {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		switch {
		case strings.Contains(line, " in ringing"):
			list = append(list, csta.Alerting)
		case strings.Contains(line, " held=yes"):
			list = append(list, csta.Hold)
		default:
			list = append(list, csta.Connected)
		}
	}
	slices.Sort(list)
	return list, nil
}

// On a real PBX, for as long as FARHOOK_FREESWITCH_RANDOM says: people and UC clients do whatever comes to their minds, farhook dies now and then, and what is told of each phone is
// what the phone shows.
func TestRealRandom(t *testing.T) {
	limit, err := time.ParseDuration(os.Getenv("FARHOOK_FREESWITCH_RANDOM"))
	if err != nil {
		t.Skip("FARHOOK_FREESWITCH_RANDOM is no duration")
	}
	s, hands, anew := realScript(t, "205")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // no secret
	phones := []csta.DeviceID{"201", "202", "203", "205"}
	any1 := func() csta.DeviceID { return phones[rnd.IntN(len(phones))] }
	numbers := []csta.DeviceID{"201", "202", "203", "205", "400", "420", "430", "9001", "9002", "9005", "0901", "0903", "301", "501", "0906"}
	number := func() csta.DeviceID { return numbers[rnd.IntN(len(numbers))] }
	// other is a number that doesn't lead back to the phone: one that calls itself is in its call twice, which no CSTA client is told.
	other := func(d csta.DeviceID) csta.DeviceID {
		n := number()
		for n == d || n == "400" && (d == "202" || d == "203") || n == "430" && d == "205" {
			n = number()
		}
		return n
	}
	in := func(states ...csta.State) csta.ConnectionID {
		s.mu.Lock()
		defer s.mu.Unlock()
		var all []csta.ConnectionID
		for _, c := range s.model.State().Calls {
			for _, l := range c.Legs {
				if slices.Contains(states, l.State) && slices.Contains(phones, l.Device) {
					all = append(all, csta.ConnectionID{Call: c.ID, Device: l.Device})
				}
			}
		}
		if len(all) == 0 {
			return csta.ConnectionID{}
		}
		return all[rnd.IntN(len(all))]
	}
	both := func() (held, active csta.ConnectionID) {
		held = in(csta.Hold)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.model.At(held.Device) {
			for _, l := range c.Legs {
				if l.Device == held.Device && l.State == csta.Connected {
					active = csta.ConnectionID{Call: c.ID, Device: l.Device}
				}
			}
		}
		return held, active
	}
	var done []string
	service := func(r csta.Request) {
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		_, err := s.a.Services()[r.Service()](ctx, r)
		done = append(done, fmt.Sprintf("%s %s %+v: %v", time.Now().Format("15:04:05.000"), r.Service(), r, err))
	}
	say := func(format string, args ...any) {
		err := hands.say(format, args...)
		done = append(done, fmt.Sprintf("%s %s: %v", time.Now().Format("15:04:05.000"), fmt.Sprintf(format, args...), err))
	}
	acts := []func(){
		func() { d := any1(); say("%s call %s", d, other(d)) },
		func() { d := any1(); say("%s call %s", d, other(d)) },
		func() { say("%s answer", any1()) },
		func() { say("%s answer", any1()) },
		func() { say("%s answer", any1()) },
		func() { say("%s hangup", any1()) },
		func() { say("%s hold", any1()) },
		func() { say("%s unhold", any1()) },
		func() { say("%s reject 486", any1()) },
		func() { say("%s transfer %s", any1(), number()) },
		func() { say("%s attended", any1()) },
		func() { say("net answer") },
		func() {
			d := any1()
			service(csta.MakeCall{CallingDevice: d, CalledDirectoryNumber: other(d), AutoOriginate: csta.AutoOriginateDoNotPrompt})
		},
		func() { service(csta.AnswerCall{CallToBeAnswered: in(csta.Alerting)}) },
		func() { service(csta.HoldCall{CallToBeHeld: in(csta.Connected)}) },
		func() { service(csta.RetrieveCall{CallToBeRetrieved: in(csta.Hold)}) },
		func() {
			id := in(csta.Connected)
			service(csta.ConsultationCall{ExistingCall: id, ConsultedDevice: other(id.Device)})
		},
		func() {
			id := in(csta.Connected)
			service(csta.ConsultationCall{ExistingCall: id, ConsultedDevice: other(id.Device)})
		},
		func() { h, a := both(); service(csta.TransferCall{HeldCall: h, ActiveCall: a}) },
		func() { h, a := both(); service(csta.TransferCall{HeldCall: h, ActiveCall: a}) },
		func() { h, a := both(); service(csta.AlternateCall{HeldCall: h, ActiveCall: a}) },
		func() { h, a := both(); service(csta.ReconnectCall{HeldCall: h, ActiveCall: a}) },
		func() { h, a := both(); service(csta.ConferenceCall{HeldCall: h, ActiveCall: a}) },
		func() { service(csta.SingleStepTransferCall{ActiveCall: in(csta.Connected), TransferredTo: number()}) },
		func() {
			service(csta.SingleStepConferenceCall{ActiveCall: in(csta.Connected), DeviceToJoin: number(), ParticipationType: csta.ParticipationTypeActive})
		},
		func() { service(csta.DeflectCall{CallToBeDiverted: in(csta.Alerting), NewDestination: number()}) },
		func() {
			service(csta.DirectedPickupCall{CallToBePickedUp: new(in(csta.Alerting)), RequestingDevice: any1()})
		},
		func() { service(csta.GroupPickupCall{NewDestination: any1()}) },
		func() { service(csta.ParkCall{Parking: new(in(csta.Connected, csta.Hold)), ParkTo: "501"}) },
		func() {
			service(csta.ClearConnection{ConnectionToBeCleared: in(csta.Connected, csta.Alerting, csta.Hold)})
		},
	}
	differ := func() string {
		var out []string
		for _, d := range phones {
			shows, err := hands.seenAt(d)
			if err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			told := s.states(d)
			s.mu.Unlock()
			for i := range told {
				if told[i] == csta.Initiated {
					told[i] = csta.Alerting
				}
			}
			slices.Sort(told)
			if d == "205" { // one leg for all calls: whether it has one
				told, shows = told[:min(len(told), 1)], shows[:min(len(shows), 1)]
				for _, l := range [][]csta.State{told, shows} {
					for i := range l {
						if l[i] != csta.Alerting {
							l[i] = csta.Connected
						}
					}
				}
			}
			if !slices.Equal(told, shows) {
				out = append(out, fmt.Sprintf("%s shows %v, told is %v", d, shows, told))
			}
		}
		return strings.Join(out, "; ")
	}
	count, checks, deaths, bad, repaired := 0, 0, 0, 0, uint64(0)
	for end := time.Now().Add(limit); time.Now().Before(end); {
		for range 1 + rnd.IntN(5) {
			acts[rnd.IntN(len(acts))]()
			count++
			time.Sleep(time.Duration(rnd.IntN(500)) * time.Millisecond)
		}
		if rnd.IntN(8) == 0 {
			deaths++
			done = append(done, time.Now().Format("15:04:05.000")+" farhook is started anew")
			repaired += s.a.Repaired()
			_ = s.stop()
			if rnd.IntN(2) == 0 {
				acts[rnd.IntN(12)]() // a person, meanwhile
			}
			anew()
		}
		checks++
		if !settled(4 * time.Second)(func() bool { return differ() == "" }) {
			bad++
			why := differ()
			s.mu.Lock()
			t.Errorf("%s %s\ncalls\n%s\nafter\n%s", time.Now().Format("15:04:05.000"), why, strings.Join(shortState(s.model.State()), "\n"), strings.Join(done[max(0, len(done)-12):], "\n"))
			s.mu.Unlock()
			t.Log(s.table())
			_ = hands.say("reset")
			done = nil
			time.Sleep(3 * time.Second)
			if why := differ(); why != "" {
				t.Errorf("and after everybody has hung up: %s", why)
				anew2 := s.a.Repaired()
				_ = s.stop()
				anew()
				repaired += anew2
			}
		}
		if rnd.IntN(12) == 0 {
			_ = hands.say("reset")
			done = nil
		}
	}
	t.Logf("%d acts, %d comparisons, %d of them differ, farhook died %d times, %d repaired", count, checks, bad, deaths, repaired+s.a.Repaired())
}

// table is the PBX's channels, as it dumps them.
func (s *script) table() string {
	c, err := s.a.link()
	if err != nil {
		return err.Error()
	}
	rows, err := s.a.channels(context.Background(), c, "")
	if err != nil {
		return err.Error()
	}
	var ids, out []string
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	for _, e := range s.a.dumps(context.Background(), c, ids) {
		out = append(out, fmt.Sprintf("%.4s %s %s %s talks to %.4s, of %.4s, does %s, marks %s %s %s", e.get(uniqueID), e.get(channelName), e.get(channelState), e.get(callState),
			e.get(signalBond), e.get(originatingLeg), e.get(application), e.get(markCall), e.get(markHolder), e.get(markParks)))
	}
	return strings.Join(out, "\n")
}

func shortState(s callmodel.State) (list []string) {
	for _, c := range s.Calls {
		line := string(c.ID[len(c.ID)-4:]) + ":"
		for _, l := range c.Legs {
			line += fmt.Sprintf(" %s %s", l.Device, l.State)
		}
		list = append(list, line)
	}
	return list
}
