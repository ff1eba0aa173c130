package asterisk

import (
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// FreePBX's families, values and device states are written and read as it has them, and calls go where it sends them. The fake keeps them as FreePBX's
// dialplan is described; a real one has not been seen.
func TestFreePBX(t *testing.T) {
	conf := plain()
	conf.FreePBX = true
	inBubble(t, conf, func(b *board) {
		stored := func(family, key, want string) {
			t.Helper()
			if got := b.p.Stored(family, key); got != want {
				t.Errorf("%s/%s is %q, want %q", family, key, got, want)
			}
		}
		state := func(device, want string) {
			t.Helper()
			if got := b.p.State(device); got != want {
				t.Errorf("Custom:%s is %q, want %q", device, got, want)
			}
		}
		set := func(kind csta.ForwardingType, on bool, to csta.DeviceID) {
			t.Helper()
			b.must(csta.SetForwarding{Device: "102", ForwardingType: kind, ActivateForward: on, ForwardDN: to})
		}
		b.must(csta.SetDoNotDisturb{Device: "102", DoNotDisturbOn: true})
		stored("DND", "102", "YES")
		state("DND102", "BUSY")
		state("DEVDND102", "BUSY")
		b.must(csta.SetDoNotDisturb{Device: "102"})
		stored("DND", "102", "")
		state("DND102", "NOT_INUSE")
		state("DEVDND102", "NOT_INUSE")

		set(csta.ForwardImmediate, true, "103")
		stored("CF", "102", "103")
		state("CF102", "BUSY")
		state("DEVCF102", "BUSY")
		b.hand(b.p.Call("101", "102"))
		b.is("103", csta.Alerting)
		b.idle("102")
		b.hand(b.p.HangUp("101"))
		set(csta.ForwardImmediate, false, "")
		stored("CF", "102", "")
		state("CF102", "NOT_INUSE")

		set(csta.ForwardBusy, true, "103")
		set(csta.ForwardNoAns, true, "104")
		stored("CFB", "102", "103")
		stored("CFU", "102", "104")
		state("CFB102", "")
		state("CFU102", "")
		b.p.Busy("102", true)
		b.hand(b.p.Call("101", "102"))
		b.is("103", csta.Alerting)
		b.hand(b.p.HangUp("101"))
		b.p.Busy("102", false)
		for _, i := range b.must(csta.GetForwarding{Device: "102"}).(csta.GetForwardingResponse).ForwardingList {
			if want := map[csta.ForwardingType]csta.DeviceID{csta.ForwardBusy: "103", csta.ForwardNoAns: "104"}[i.ForwardingType]; i.ForwardStatus != (want != "") || want != "" && i.ForwardDN != want {
				t.Errorf("%+v", i)
			}
		}

		// Set at the phone: at once where a device state tells, within a minute where none does.
		b.p.Feature("CF", "104", "101")
		b.pass(time.Second)
		immediate := callmodel.Feature(callmodel.Forwarding{Type: csta.ForwardImmediate, On: true, To: "101"})
		if f := b.features("104"); len(f) != 1 || f[0] != immediate {
			t.Errorf("104 has %+v", f)
		}
		b.p.Lose("DeviceStateChange")
		b.p.Feature("CFB", "103", "101")
		b.pass(time.Minute)
		if f := b.features("103"); len(f) != 1 || f[0] != callmodel.Feature(callmodel.Forwarding{Type: csta.ForwardBusy, On: true, To: "101"}) {
			t.Errorf("103 has %+v", f)
		}
		b.restart(func(c *Config) { c.Dialplan, c.Experimental = "freepbx", true })
		if f := b.features("104"); len(f) != 1 || f[0] != immediate {
			t.Errorf("after a restart 104 has %+v", f)
		}
	}, func(c *Config) { c.Dialplan, c.Experimental = "freepbx", true })
}
