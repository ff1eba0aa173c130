package asterisk

import (
	"strings"
	"testing"
	"time"

	"farhook/csta"
)

// What a phone asks for runs in the dialplan context of that phone, whoever else is in the call.
func TestContextOfPhone(t *testing.T) {
	for name, ask := range map[string]func(b *board) (csta.Request, string){
		"MakeCall": func(*board) (csta.Request, string) {
			return csta.MakeCall{CallingDevice: "102", CalledDirectoryNumber: "103", AutoOriginate: csta.AutoOriginateDoNotPrompt}, "Originate"
		},
		"ConsultationCall": func(b *board) (csta.Request, string) {
			b.talk("101", "102")
			return csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: "103"}, "Originate"
		},
		"TransferCall": func(b *board) (csta.Request, string) {
			b.talk("101", "102")
			b.must(csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: "103"})
			return csta.TransferCall{HeldCall: b.is("102", csta.Hold), ActiveCall: b.is("102", csta.Connected)}, "BlindTransfer"
		},
		"SingleStepTransferCall": func(b *board) (csta.Request, string) {
			b.talk("101", "102")
			return csta.SingleStepTransferCall{ActiveCall: b.is("102", csta.Connected), TransferredTo: "103"}, "BlindTransfer"
		},
		"DeflectCall": func(b *board) (csta.Request, string) {
			b.hand(b.p.Call("101", "102"))
			return csta.DeflectCall{CallToBeDiverted: b.is("102", csta.Alerting), NewDestination: "103"}, "Redirect"
		},
		"DirectedPickupCall": func(b *board) (csta.Request, string) {
			b.talk("101", "103")
			b.must(csta.ParkCall{Parking: new(b.is("103", csta.Connected)), ParkTo: "701"})
			return csta.DirectedPickupCall{CallToBePickedUp: new(b.is("701", csta.Queued)), RequestingDevice: "102"}, "Originate"
		},
	} {
		t.Run(name, func(t *testing.T) {
			conf := plain()
			conf.Barred = []string{"102"}
			inBubble(t, conf, func(b *board) {
				r, action := ask(b)
				_ = b.p.Heard()
				b.must(r)
				for sent := range strings.SplitSeq(strings.ReplaceAll(b.p.Heard(), "\r", ""), "\n\n") {
					if strings.HasPrefix(sent, "Action: "+action+"\n") {
						if !strings.Contains(sent, "\nContext: internal-barred\n") {
							b.t.Errorf("it runs elsewhere:\n%s", sent)
						}
						return
					}
				}
				b.t.Errorf("there is no %s", action)
			})
		})
	}
}

// By a challenge the secret does not travel; both ways lead in, and a wrong secret by neither.
func TestLogins(t *testing.T) {
	for _, login := range []string{"challenge", "plain"} {
		for _, secret := range []string{"s3cret", "wrong"} {
			inBubble(t, plain(), func(b *board) {
				b.stop()
				b.devices = nil
				_ = b.p.Heard()
				b.start(func(c *Config) { c.Login, c.Secret = login, secret })
				b.pass(time.Second)
				if said := b.p.Heard(); strings.Contains(said, secret) != (login == "plain") {
					b.t.Errorf("%s: said was %s", login, said)
				}
				if in := len(b.devices) > 0; in != (secret == "s3cret") {
					b.t.Errorf("%s with %s: logged in: %v", login, secret, in)
				}
			})
		}
	}
}
