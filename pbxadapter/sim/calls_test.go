package sim_test

import (
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/sim"
)

// users are phones that wait for their users.
func users() sim.Config { return sim.Config{Lines: 24, Quiet: true} }

func at(c csta.ConnectionID, ext string) csta.ConnectionID {
	return csta.ConnectionID{Call: c.Call, Device: tel(ext)}
}

// A phone has two calls: the second waits, the third finds it busy. Whoever answers holds what he has.
func TestCallWaiting(t *testing.T) {
	w := newWorld(t, users())
	w.talk("1010", "1011")
	second := w.call("1012", "1011")
	w.expect("call waiting", "1011", "connected alerting")
	third := w.call("1013", "1011")
	if f := last[csta.FailedEvent](w); f.Cause != csta.CauseBusy || f.FailedConnection != at(third, "1011") {
		t.Errorf("the third: %+v", f)
	}
	w.do(csta.ClearConnection{ConnectionToBeCleared: third})
	w.do(csta.AnswerCall{CallToBeAnswered: at(second, "1011")})
	w.expect("answered", "1011", "hold connected", "1010", "connected")
	w.refuses(csta.MakeCall{CallingDevice: tel("1011"), CalledDirectoryNumber: tel("1014")}, csta.ErrInvalidCallingState)
	w.hand(w.Phone(1011).HangUp())
	w.expect("the second hung up", "1011", "hold", "1012", "idle")
	w.hand(w.Phone(1011).Retrieve())
	w.expect("back", "1011", "connected")
}

// A phone that is being dialled on has no call that could wait: it is busy.
func TestLiftedIsBusy(t *testing.T) {
	w := newWorld(t, users())
	w.do(csta.MakeCall{CallingDevice: tel("1011"), CalledDirectoryNumber: tel("1012")}) // prompts
	w.call("1010", "1011")
	if f := last[csta.FailedEvent](w); f.Cause != csta.CauseBusy {
		t.Errorf("%+v", f)
	}
}

// Callers wait in the main number's queue, first come first served, for a member that is idle and may be disturbed.
func TestQueue(t *testing.T) {
	w := newWorld(t, users())
	w.hand(w.Phone(1002).SetDoNotDisturb(true))
	w.talk("1001", "1015")
	w.talk("1003", "1016")
	first, second := w.call("1010", "1000"), w.call("1011", "1000")
	w.expect("both wait", "1000", "queued queued", "1010", "connected")
	if q := last[csta.QueuedEvent](w); q.Queue.DeviceIdentifier != tel("1000") || *q.NumberQueued != 2 || *q.CallsInFront != 1 {
		t.Errorf("%+v", q)
	}
	w.hand(w.Phone(1003).HangUp())
	w.expect("a member is free", "1000", "queued", "1003", "alerting", "1002", "idle")
	if d := last[csta.DeliveredEvent](w); d.Connection != at(first, "1003") || d.Cause != csta.CauseDistributed ||
		d.CalledDevice.DeviceIdentifier != tel("1000") || d.LastRedirectionDevice.NumberDialed != tel("1000") {
		t.Errorf("%+v", d)
	}
	w.hand(w.Phone(1010).HangUp())
	w.expect("the caller gave up: the next is served", "1000", "idle", "1003", "alerting")
	w.clock.Advance(15 * time.Second)
	w.expect("nobody else is free: it goes on ringing", "1003", "alerting")
	w.hand(w.Phone(1002).SetDoNotDisturb(false))
	w.clock.Advance(15 * time.Second)
	w.expect("the next member", "1003", "idle", "1002", "alerting")
	w.hand(w.Phone(1002).Answer())
	w.expect("answered", "1011", "connected", "1002", "connected")
	w.do(csta.ClearConnection{ConnectionToBeCleared: second})
	w.expect("over", "1002", "idle", "1011", "idle")
}

// A caller may leave the queue, or be taken out of it.
func TestOutOfTheQueue(t *testing.T) {
	w := newWorld(t, users())
	for _, m := range [][2]string{{"1001", "1015"}, {"1002", "1016"}, {"1003", "1017"}} {
		w.talk(m[0], m[1])
	}
	c := w.call("1010", "1000")
	d := w.call("1011", "1000")
	w.do(csta.DeflectCall{CallToBeDiverted: at(c, "1000"), NewDestination: tel("1018")})
	w.do(csta.DirectedPickupCall{CallToBePickedUp: new(at(d, "1000")), RequestingDevice: tel("1019")})
	w.expect("taken out", "1000", "idle", "1018", "alerting", "1019", "connected")
	w.hand(w.Phone(1001).HangUp())
	w.expect("nothing waits", "1001", "idle")
	// 1001 is idle again, and gets the next.
	w.call("1012", "1000")
	w.expect("the next", "1001", "alerting")
}

// A member that nobody uses answers, also where the call comes from one that did not.
func TestQueueAlone(t *testing.T) {
	w := newWorld(t, quiet())
	w.Watched(tel("1001"), true)
	w.call("1010", "1000")
	w.expect("rings", "1001", "alerting")
	w.clock.Advance(16 * time.Second)
	w.expect("answered by the next", "1001", "idle", "1002", "connected")
}

func TestForwarding(t *testing.T) {
	set := func(w *world, from string, typ csta.ForwardingType, to string, rings int) {
		r := csta.SetForwarding{Device: tel(from), ForwardingType: typ, ActivateForward: true, ForwardDN: tel(to)}
		if rings > 0 {
			r.RingCount = &rings
		}
		w.do(r)
	}
	t.Run("no answer", func(t *testing.T) {
		w := newWorld(t, users())
		set(w, "1011", csta.ForwardNoAns, "1012", 4)
		w.call("1010", "1011")
		w.clock.Advance(19 * time.Second)
		w.expect("three rings", "1011", "alerting")
		w.clock.Advance(time.Second)
		w.expect("four rings", "1011", "idle", "1012", "alerting")
		if d := last[csta.DivertedEvent](w); d.Cause != csta.CauseCallForwardNoAnswer || d.NewDestination.DeviceIdentifier != tel("1012") {
			t.Errorf("%+v", d)
		}
		if d := last[csta.DeliveredEvent](w); d.Cause != csta.CauseCallForwardNoAnswer || d.LastRedirectionDevice.NumberDialed != tel("1011") {
			t.Errorf("%+v", d)
		}
	})
	t.Run("busy", func(t *testing.T) {
		w := newWorld(t, users())
		set(w, "1011", csta.ForwardBusy, "1012", 0)
		w.talk("1013", "1011")
		w.call("1014", "1011")
		w.expect("waits", "1011", "connected alerting", "1012", "idle")
		w.call("1010", "1011")
		w.expect("forwarded", "1012", "alerting")
		if d := last[csta.DeliveredEvent](w); d.Cause != csta.CauseCallForwardBusy {
			t.Errorf("%+v", d)
		}
	})
	t.Run("immediate, to outside", func(t *testing.T) {
		w := newWorld(t, users())
		set(w, "1011", csta.ForwardImmediate, "tel:+15559000012", 0)
		w.call("1010", "1011")
		w.expect("out", "1011", "idle", "tel:+15559000012", "alerting")
	})
	t.Run("in a circle", func(t *testing.T) {
		w := newWorld(t, users())
		set(w, "1011", csta.ForwardImmediate, "1012", 0)
		set(w, "1012", csta.ForwardImmediate, "1011", 0)
		c := w.call("1010", "1011")
		w.do(csta.ClearConnection{ConnectionToBeCleared: c})
		w.expect("over", "1010", "idle", "1011", "idle", "1012", "idle")
	})
	t.Run("back to the caller", func(t *testing.T) {
		w := newWorld(t, users())
		set(w, "1011", csta.ForwardImmediate, "1010", 0)
		c := w.call("1010", "1011")
		w.expect("busy", "1010", "fail")
		w.do(csta.ClearConnection{ConnectionToBeCleared: c})
		set(w, "1011", csta.ForwardImmediate, "1012", 0)
		w.do(csta.SetForwarding{Device: tel("1011"), ForwardingType: csta.ForwardImmediate})
		set(w, "1011", csta.ForwardNoAns, "1010", 1)
		c = w.call("1010", "1011")
		w.do(csta.HoldCall{CallToBeHeld: c})
		w.clock.Advance(5 * time.Second)
		w.expect("held, and nobody else left", "1010", "idle", "1011", "idle")
	})
	t.Run("kept while off", func(t *testing.T) {
		w := newWorld(t, users())
		set(w, "1011", csta.ForwardNoAns, "1012", 7)
		w.do(csta.SetForwarding{Device: tel("1011"), ForwardingType: csta.ForwardNoAns})
		w.call("1010", "1011")
		w.clock.Advance(time.Hour)
		w.expect("rings on", "1011", "alerting")
		i := w.do(csta.GetForwarding{Device: tel("1011")}).(csta.GetForwardingResponse).ForwardingList[2]
		if i.ForwardStatus || i.ForwardDN != tel("1012") || *i.RingCount != 7 {
			t.Errorf("%+v", i)
		}
		w.refuses(csta.SetForwarding{Device: tel("1011"), ForwardingType: csta.ForwardDND, ActivateForward: true, ForwardDN: tel("1012")}, csta.ErrInvalidForwardingType)
		w.refuses(csta.SetForwarding{Device: tel("1011"), ActivateForward: true, ForwardDN: tel("1012"), RingCount: new(101)}, csta.ErrValueOutOfRange)
		w.refuses(csta.SetForwarding{Device: tel("1000"), ActivateForward: true, ForwardDN: tel("1012")}, csta.ErrInvalidDeviceID)
	})
}

// A parked call waits in its slot until somebody dials the slot, or takes it by name.
func TestParking(t *testing.T) {
	w := newWorld(t, users())
	c := w.talk("1010", "1011")
	w.do(csta.ParkCall{Parking: new(at(c, "1011")), ParkTo: "71"})
	w.expect("parked", "1010", "connected", "1011", "idle", "71", "queued")
	d := w.talk("1012", "1013")
	w.refuses(csta.ParkCall{Parking: new(at(d, "1013")), ParkTo: "71"}, csta.ErrStateIncompatible)
	if r := w.call("1014", "71"); r != at(c, "1014") {
		t.Errorf("the slot gave %v", r)
	}
	w.expect("taken", "1010", "connected", "1014", "connected", "71", "idle")
	w.do(csta.ParkCall{Parking: new(at(d, "1013")), ParkTo: "79"})
	w.hand(w.Phone(1012).HangUp())
	w.expect("the parked one gave up", "79", "idle", "1012", "idle")
	for _, slot := range []csta.DeviceID{"70", "80", "711", "7*", "tel:+15551012", "tel:+15559000010"} {
		w.refuses(csta.ParkCall{Parking: &c, ParkTo: slot}, csta.ErrInvalidDestination)
	}
}

// Ten extensions are a pickup group: what has rung there longest is taken.
func TestGroupPickup(t *testing.T) {
	w := newWorld(t, users())
	w.call("1020", "1011")
	w.clock.Advance(time.Second)
	w.call("1021", "1012")
	w.refuses(csta.GroupPickupCall{NewDestination: tel("1009")}, csta.ErrNoCallToAnswer)
	w.do(csta.GroupPickupCall{NewDestination: tel("1015")})
	w.expect("the oldest", "1011", "idle", "1012", "alerting", "1015", "connected")
	if d := last[csta.DivertedEvent](w); d.Cause != csta.CauseCallPickup || d.DivertingDevice.DeviceIdentifier != tel("1011") {
		t.Errorf("%+v", d)
	}
}

// So many calls to outside there can be, and no more.
func TestTrunks(t *testing.T) {
	c := users()
	c.Trunks = 1
	w := newWorld(t, c)
	out := w.call("1010", "tel:+15559000010")
	w.refuses(csta.MakeCall{CallingDevice: tel("1011"), CalledDirectoryNumber: "tel:+15559000020"}, csta.ErrNetworkBusy)
	if err := w.Outside("tel:+15559000030").Dial(tel("1011")); err == nil {
		t.Error("a call came in over no trunk")
	}
	w.do(csta.SetForwarding{Device: tel("1012"), ActivateForward: true, ForwardDN: "tel:+15559000040"})
	f := w.call("1013", "1012")
	if e := last[csta.FailedEvent](w); e.Cause != csta.CauseTrunksBusy {
		t.Errorf("%+v", e)
	}
	w.do(csta.ClearConnection{ConnectionToBeCleared: f})
	w.do(csta.ClearConnection{ConnectionToBeCleared: out})
	w.call("1011", "tel:+15559000020")
	w.BlockTrunks(true)
	w.expect("a call that is up goes on", "1011", "connected")
}

// Digits reach the others who have answered, by service and by key.
func TestDigits(t *testing.T) {
	w := newWorld(t, users())
	c := w.talk("1010", "1011")
	w.do(csta.GenerateDigits{ConnectionToSendDigits: c, CharactersToSend: "12,3#"})
	w.hand(w.Phone(1011).Press("9"))
	if a, b := w.Phone(1010).Pressed(), w.Phone(1011).Pressed(); a != "9" || b != "123#" {
		t.Errorf("1010 heard %q, 1011 heard %q", a, b)
	}
	w.do(csta.HoldCall{CallToBeHeld: c})
	w.refuses(csta.GenerateDigits{ConnectionToSendDigits: c, CharactersToSend: "1"}, csta.ErrNoActiveCall)
	if err := w.Phone(1011).Press("x"); err == nil {
		t.Error("a phone has no key x")
	}
}

// What would leave nobody to talk, or somebody in a call twice, is refused, and changes nothing.
func TestJoinRefused(t *testing.T) {
	w := newWorld(t, users())
	ringing := w.call("1010", "1011")
	w.refuses(csta.SingleStepTransferCall{ActiveCall: ringing, TransferredTo: tel("1012")}, csta.ErrStateIncompatible)
	w.refuses(csta.SingleStepConferenceCall{ActiveCall: ringing, DeviceToJoin: tel("1012"), ParticipationType: csta.ParticipationTypeActive}, csta.ErrStateIncompatible)
	w.do(csta.HoldCall{CallToBeHeld: ringing})
	second := w.call("1010", "1012")
	w.refuses(csta.TransferCall{HeldCall: ringing, ActiveCall: second}, csta.ErrStateIncompatible)
	w.refuses(csta.ConferenceCall{HeldCall: ringing, ActiveCall: second}, csta.ErrStateIncompatible)
	w.hand(w.Phone(1010).HangUp())
	third := w.call("1010", "1011")
	w.hand(w.Phone(1011).Answer())
	w.refuses(csta.TransferCall{HeldCall: ringing, ActiveCall: third}, csta.ErrStateIncompatible)
	w.refuses(csta.ConferenceCall{HeldCall: ringing, ActiveCall: third}, csta.ErrStateIncompatible)
	w.refuses(csta.SingleStepTransferCall{ActiveCall: third, TransferredTo: tel("1011")}, csta.ErrInvalidDestination)
	w.refuses(csta.DeflectCall{CallToBeDiverted: at(ringing, "1011"), NewDestination: tel("1010")}, csta.ErrInvalidDestination)
	w.refuses(csta.AlternateCall{HeldCall: ringing, ActiveCall: ringing}, csta.ErrInvalidConnectionID)
	w.expect("as before", "1010", "hold connected", "1011", "alerting connected")
}
