package sim_test

import (
	"slices"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
)

// The fixed points of the demonstration, on which anybody's script relies.

func TestNumbering(t *testing.T) {
	for _, lines := range []int{1, 24, 9_000, 200_000} {
		c := quiet()
		c.Lines = lines
		w := newWorld(t, c)
		byID := map[csta.DeviceID]pbxadapter.Device{}
		for _, d := range w.devices {
			byID[d.ID] = d
		}
		if len(byID) != lines+10 {
			t.Errorf("%d lines: %d devices", lines, len(byID))
		}
		for ext, id := range map[int]csta.DeviceID{1001: "tel:+15551001", 1024: "tel:+15551024", 10000: "tel:+15560000", 201000: "tel:+15751000"} {
			d, ok := byID[id]
			if want := ext <= 1000+lines; ok != want {
				t.Errorf("%d lines: %s is there: %v, want %v", lines, id, ok, want)
			} else if ok && (d.Name == "" || !slices.Equal(d.Aliases, []string{decimal(ext)})) {
				t.Errorf("%d lines: %+v", lines, d)
			}
		}
		if g := byID["tel:+15551000"]; g.Kind != pbxadapter.Group || len(g.Members) != min(3, lines) {
			t.Errorf("%d lines: the main number is %+v", lines, g)
		}
		for _, slot := range []csta.DeviceID{"71", "72", "73", "74", "75", "76", "77", "78", "79"} {
			if byID[slot].Kind != pbxadapter.ParkSlot {
				t.Errorf("%s is no park slot", slot)
			}
		}
		if why := byID["tel:+15551024"].Lacks["AnswerCall"]; lines >= 24 && why == "" {
			t.Error("1024 can be answered remotely")
		}
	}
	for _, c := range []sim.Config{{}, {Lines: 200_001}, {Lines: 1, Trunks: -1}} {
		if _, err := sim.New(pbxadapter.Options{}, c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

func decimal(n int) string {
	var b []byte
	for ; n > 0; n /= 10 {
		b = append([]byte{byte('0' + n%10)}, b...)
	}
	return string(b)
}

// What a call comes to, by the number called. The caller's user monitors his line.
func TestDestinations(t *testing.T) {
	for _, c := range []struct {
		name, to string
		told     string // at once
		cause    csta.EventCause
		after    time.Duration
		caller   string // then
		far      string
	}{
		{"a phone", "1002", "ServiceInitiated Originated Delivered", csta.CauseNewCall, time.Second, "connected", "connected"},
		{"outside, answers", "tel:+15559000010", "ServiceInitiated Originated NetworkReached Delivered", csta.CauseNewCall, time.Second, "connected", "connected"},
		{"outside, busy", "tel:+15559000011", "ServiceInitiated Originated Failed", csta.CauseBusy, time.Minute, "connected", "fail"},
		{"outside, never answers", "tel:+15559000012", "ServiceInitiated Originated NetworkReached Delivered", csta.CauseNewCall, time.Hour, "connected", "alerting"},
		{"outside, does not exist", "tel:+15559000013", "ServiceInitiated Originated Failed", csta.CauseNumberUnallocated, time.Minute, "connected", "fail"},
		{"the main number", "tel:+15551000", "ServiceInitiated Originated Queued Diverted Delivered", csta.CauseDistributed, time.Second, "connected", "idle"},
		{"do not disturb", "1020", "ServiceInitiated Originated Failed", csta.CauseDoNotDisturb, time.Minute, "connected", "fail"},
		{"forwarded", "1021", "ServiceInitiated Originated Delivered", csta.CauseCallForwardImmediate, time.Second, "connected", "idle"},
		{"not registered", "1023", "ServiceInitiated Originated Failed", csta.CauseDestOutOfOrder, time.Minute, "connected", "fail"},
		{"no phone", "88", "ServiceInitiated Originated Failed", csta.CauseNumberUnallocated, time.Minute, "connected", "fail"},
		{"an empty slot", "75", "ServiceInitiated Originated Failed", csta.CauseNumberUnallocated, time.Minute, "connected", "fail"},
		{"oneself", "1010", "ServiceInitiated Originated Failed", csta.CauseBusy, time.Minute, "fail", "fail"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, quiet())
			w.Watched("tel:+15551010", true)
			id := w.call("1010", c.to)
			if got := w.story(0); got != c.told {
				t.Errorf("told %s, want %s", got, c.told)
			}
			if e := w.told[len(w.told)-1].Event; causeOf(e) != c.cause {
				t.Errorf("%s has the cause %s, want %s", e.Element(), causeOf(e), c.cause)
			}
			w.clock.Advance(c.after)
			w.expect("then", "1010", c.caller, c.to, c.far)
			w.do(csta.ClearConnection{ConnectionToBeCleared: id})
			w.expect("at the end", "1010", "idle", c.to, "idle")
		})
	}
}

func causeOf(e csta.Event) csta.EventCause {
	switch e := e.(type) {
	case csta.DeliveredEvent:
		return e.Cause
	case csta.FailedEvent:
		return e.Cause
	}
	return ""
}

func TestForwardedFrom(t *testing.T) {
	w := newWorld(t, quiet())
	w.call("1010", "1021")
	if d := last[csta.DeliveredEvent](w); d.AlertingDevice.DeviceIdentifier != "tel:+15551022" || d.LastRedirectionDevice.NumberDialed != "tel:+15551021" {
		t.Errorf("%+v", d)
	}
}

// Who calls from a number ending in 4 is not shown, and can be answered all the same.
func TestHiddenCaller(t *testing.T) {
	w := newWorld(t, quiet())
	w.Watched("tel:+15551001", true)
	w.hand(w.Outside("tel:+15559000014").Dial("tel:+15551001"))
	d := last[csta.DeliveredEvent](w)
	if !d.CallingDevice.Restricted || d.CallingDevice.DeviceIdentifier != "" {
		t.Errorf("the caller is shown: %+v", d.CallingDevice)
	}
	w.do(csta.AnswerCall{CallToBeAnswered: d.Connection})
	w.expect("answered", "1001", "connected")
	w.hand(w.Outside("tel:+15559000010").Dial("tel:+15551002"))
	if d := last[csta.DeliveredEvent](w); d.CallingDevice.DeviceIdentifier != "tel:+15559000010" {
		t.Errorf("the caller is %+v", d.CallingDevice)
	}
}

func TestCannotBeAnswered(t *testing.T) {
	w := newWorld(t, quiet())
	w.Watched("tel:+15551023", true)
	w.refuses(csta.MakeCall{CallingDevice: "tel:+15551023", CalledDirectoryNumber: "tel:+15551001"}, csta.ErrDeviceOutOfService)
	w.hand(w.Phone(1023).Register(true))
	w.call("1023", "1001")
	w.expect("plugged in", "1023", "connected")
	w.hand(w.Phone(1023).HangUp())
	w.hand(w.Phone(1023).Register(false))
	if err := w.Phone(1023).Dial("tel:+15551001"); err == nil {
		t.Error("an unplugged phone calls")
	}
}

// A phone that nobody monitors answers after a second, and hangs up after thirty; one that somebody monitors waits for its user.
func TestPhonesAlone(t *testing.T) {
	t.Run("both", func(t *testing.T) {
		w := newWorld(t, quiet())
		w.call("1010", "1011")
		w.clock.Advance(999 * time.Millisecond)
		w.expect("before a second", "1010", "connected", "1011", "alerting")
		w.clock.Advance(time.Millisecond)
		w.expect("after a second", "1011", "connected")
		w.clock.Advance(30*time.Second - time.Millisecond)
		w.expect("before the end", "1010", "connected", "1011", "connected")
		w.clock.Advance(time.Millisecond)
		w.expect("after 30 s", "1010", "idle", "1011", "idle")
	})
	t.Run("the caller's user", func(t *testing.T) {
		w := newWorld(t, quiet())
		w.Watched("tel:+15551010", true)
		w.call("1010", "1011")
		w.clock.Advance(31 * time.Second)
		w.expect("after 30 s", "1010", "idle", "1011", "idle")
	})
	t.Run("the called one's user", func(t *testing.T) {
		w := newWorld(t, quiet())
		w.Watched("tel:+15551011", true)
		w.call("1010", "1011")
		w.clock.Advance(time.Hour)
		w.expect("unanswered", "1010", "connected", "1011", "alerting")
		w.hand(w.Phone(1011).Answer())
		w.clock.Advance(29 * time.Second)
		w.expect("before the end", "1010", "connected", "1011", "connected")
		w.clock.Advance(time.Second)
		w.expect("after 30 s", "1010", "idle", "1011", "idle")
	})
	t.Run("both users", func(t *testing.T) {
		w := newWorld(t, quiet())
		w.Watched("tel:+15551010", true)
		w.Watched("tel:+15551011", true)
		w.talk("1010", "1011")
		w.clock.Advance(24 * time.Hour)
		w.expect("a day later", "1010", "connected", "1011", "connected")
	})
	t.Run("the other side first", func(t *testing.T) {
		w := newWorld(t, quiet())
		c := w.call("1010", "1011")
		w.clock.Advance(10 * time.Second)
		w.do(csta.ClearConnection{ConnectionToBeCleared: c})
		w.expect("cleared", "1010", "idle", "1011", "idle")
		n := len(w.told)
		w.clock.Advance(time.Hour)
		if more := w.story(n); more != "" {
			t.Errorf("told afterwards: %s", more)
		}
	})
	t.Run("prompted", func(t *testing.T) {
		w := newWorld(t, quiet())
		w.do(csta.MakeCall{CallingDevice: "tel:+15551010", CalledDirectoryNumber: "tel:+15551011"})
		w.expect("at once", "1010", "initiated", "1011", "idle")
		w.clock.Advance(time.Second)
		w.expect("lifted", "1010", "connected", "1011", "alerting")
		w.Watched("tel:+15551012", true)
		w.do(csta.MakeCall{CallingDevice: "tel:+15551012", CalledDirectoryNumber: "tel:+15551013"})
		w.clock.Advance(time.Hour)
		w.expect("waits for its user", "1012", "initiated", "1013", "idle")
	})
	t.Run("a user comes", func(t *testing.T) {
		w := newWorld(t, quiet())
		w.Watched("tel:+15551010", true)
		w.call("1010", "1011")
		w.Watched("tel:+15551011", true)
		w.clock.Advance(time.Hour)
		w.expect("unanswered", "1011", "alerting")
		w.hand(w.Phone(1011).Answer())
		w.clock.Advance(time.Hour)
		w.expect("talking", "1011", "connected")
	})
	t.Run("a user goes", func(t *testing.T) {
		w := newWorld(t, quiet())
		for _, d := range []csta.DeviceID{"tel:+15551010", "tel:+15551011", "tel:+15551012"} {
			w.Watched(d, true)
		}
		w.talk("1010", "1011")
		w.call("1012", "1011")
		w.Watched("tel:+15551011", false)
		w.clock.Advance(2 * time.Second)
		w.expect("answers the one that rings", "1010", "connected", "1011", "hold connected", "1012", "connected")
		w.clock.Advance(31 * time.Second)
		w.expect("hangs up", "1010", "idle", "1011", "idle", "1012", "idle")
	})
	t.Run("a call that failed", func(t *testing.T) {
		w := newWorld(t, quiet())
		w.call("1010", "1020")
		w.clock.Advance(5 * time.Second)
		w.expect("given up", "1010", "idle", "1020", "idle")
	})
	t.Run("outside", func(t *testing.T) {
		w := newWorld(t, quiet())
		w.call("1010", "tel:+15559000010")
		w.clock.Advance(31 * time.Second)
		w.expect("after 30 s", "1010", "idle", "tel:+15559000010", "idle")
	})
	t.Run("a second call", func(t *testing.T) {
		w := newWorld(t, quiet())
		w.Watched("tel:+15551010", true)
		w.Watched("tel:+15551012", true)
		w.call("1010", "1011")
		w.clock.Advance(10 * time.Second)
		w.call("1012", "1011")
		w.clock.Advance(10 * time.Second)
		w.expect("answers, and holds the first", "1011", "hold connected")
		w.clock.Advance(time.Minute)
		w.expect("ends both", "1010", "idle", "1011", "idle", "1012", "idle")
	})
}

// Quiet means no calls but those asked for; else a few phones call each other, and some calls come from outside.
func TestTraffic(t *testing.T) {
	w := newWorld(t, quiet())
	w.clock.Advance(time.Hour)
	if len(w.told) > 0 {
		t.Errorf("not so quiet: %s", w.story(0))
	}
	w = newWorld(t, sim.Demo())
	w.Watched("tel:+15551007", true)
	most, hidden, outside := 0, 0, 0
	for range 3600 {
		w.clock.Advance(time.Second)
		most = max(most, len(w.model.State().Calls))
	}
	for _, told := range w.told {
		d, ok := told.Event.(csta.DeliveredEvent)
		switch {
		case !ok:
			continue
		case d.CallingDevice.Restricted:
			hidden++
		case len(d.CallingDevice.DeviceIdentifier) > len("tel:+15551001"):
			outside++
		}
		for _, s := range told.Audience {
			if s.Device <= "tel:+15551004" && s.Device >= "tel:+15551000" || s.Device == "tel:+15551007" {
				t.Errorf("%s is disturbed: %s", s.Device, told.Event.Element())
			}
		}
	}
	if most < 1 || most > 4 || hidden == 0 || outside == 0 {
		t.Errorf("%d calls at most, %d from outside, %d hidden", most, outside, hidden)
	}
}
