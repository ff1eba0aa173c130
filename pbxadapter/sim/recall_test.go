package sim_test

import (
	"testing"
	"time"

	"farhook/csta"
)

// A call that nobody answers where it was transferred to comes back to who sent it, and says from where; while his phone is in use it goes on ringing there.
func TestRecall(t *testing.T) {
	for name, send := range map[string]func(*world){
		"at once": func(w *world) {
			c := w.talk("1005", "1006")
			c.Device = tel("1006")
			w.do(csta.SingleStepTransferCall{ActiveCall: c, TransferredTo: tel("1007")})
		},
		"while it rings": func(w *world) {
			held := w.talk("1005", "1006")
			held.Device = tel("1006")
			active := w.do(csta.ConsultationCall{ExistingCall: held, ConsultedDevice: tel("1007")}).(csta.ConsultationCallResponse).InitiatedCall
			w.do(csta.TransferCall{HeldCall: held, ActiveCall: active})
		},
	} {
		t.Run(name, func(t *testing.T) {
			conf := quiet()
			conf.Hands = false
			w := newWorld(t, conf)
			send(w)
			w.expect("sent", "1005", "connected", "1006", "idle", "1007", "alerting")
			w.clock.Advance(59 * time.Second)
			w.expect("it rings", "1006", "idle", "1007", "alerting")
			w.talk("1006", "1008")
			w.clock.Advance(time.Minute)
			w.expect("the sender speaks", "1006", "connected", "1007", "alerting")
			w.hand(w.Phone(1006).HangUp())
			w.hand(w.Phone(1006).SetDoNotDisturb(true))
			w.clock.Advance(time.Minute)
			w.expect("back", "1005", "connected", "1006", "alerting", "1007", "idle")
			w.mu.Lock()
			c := w.model.At(tel("1006"))[0]
			w.mu.Unlock()
			if c.LastRedirected.Device != tel("1007") {
				t.Errorf("it comes from %+v", c.LastRedirected)
			}
			w.hand(w.Phone(1006).Answer())
			w.expect("answered", "1005", "connected", "1006", "connected")
			w.clock.Advance(time.Hour)
			w.expect("at the end", "1005", "connected", "1006", "connected", "1007", "idle")
		})
	}
}
