package sim_test

import (
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

func (w *world) waiting(d csta.DeviceID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.model.Features(d) {
		if f, ok := f.(callmodel.MessageWaiting); ok {
			return f.On
		}
	}
	return false
}

// A voicemail answers, whichever way a call comes to it; who stays has left a message, and the line's lamp says so until its owner has heard it.
func TestVoicemail(t *testing.T) {
	for name, bring := range map[string]func(*world){
		"called": func(w *world) { w.call("1005", "*981002") },
		"deflected": func(w *world) {
			c := w.call("1005", "1002")
			c.Device = tel("1002")
			w.do(csta.DeflectCall{CallToBeDiverted: c, NewDestination: "*981002"})
		},
		"transferred": func(w *world) {
			c := w.talk("1005", "1002")
			c.Device = tel("1002")
			w.do(csta.SingleStepTransferCall{ActiveCall: c, TransferredTo: "*981002"})
		},
		"forwarded": func(w *world) {
			w.hand(w.Phone(1002).SetForwarding(csta.ForwardImmediate, true, "*981002", 0))
			w.call("1005", "1002")
		},
	} {
		t.Run(name, func(t *testing.T) {
			conf := quiet()
			conf.Hands = false
			w := newWorld(t, conf)
			bring(w)
			w.expect("at once", "1005", "connected", "*981002", "alerting", "1002", "idle")
			w.clock.Advance(time.Second)
			w.expect("greeted", "1005", "connected", "*981002", "connected")
			if w.waiting(tel("1002")) {
				t.Error("a message before anything was said")
			}
			w.clock.Advance(3 * time.Second)
			if !w.waiting(tel("1002")) {
				t.Error("no message")
			}
			w.hand(w.Phone(1005).HangUp())
			w.expect("at the end", "1005", "idle", "*981002", "idle")
			w.call("1002", "*981002")
			w.clock.Advance(4 * time.Second)
			if w.waiting(tel("1002")) {
				t.Error("its owner has heard it")
			}
			w.hand(w.Phone(1002).HangUp())
		})
	}
}

// A code calls through a do not disturb, that once.
func TestThroughDoNotDisturb(t *testing.T) {
	conf := quiet()
	conf.Hands = false
	w := newWorld(t, conf)
	id := w.call("1005", "*991020")
	w.expect("through", "1005", "connected", "1020", "alerting")
	id.Device = tel("1020")
	w.hand(w.Phone(1009).SetDoNotDisturb(true))
	w.do(csta.DeflectCall{CallToBeDiverted: id, NewDestination: tel("1009")})
	w.expect("sent on to another", "1005", "connected", "1020", "idle", "1009", "fail")
	w.hand(w.Phone(1005).HangUp())
	w.call("1005", "*991099")
	w.expect("nobody's", "1005", "connected", "*991099", "fail")
}
