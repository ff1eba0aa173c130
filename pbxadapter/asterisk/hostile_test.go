package asterisk

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"farhook/csta"
	"farhook/pbxadapter/asterisk/ami"
)

// A phone that is barred from a number stays barred, by whatever service it asks.
func TestClassOfService(t *testing.T) {
	conf := plain()
	conf.Barred = []string{"102", "103"}
	inBubble(t, conf, func(b *board) {
		b.refuses(csta.MakeCall{CallingDevice: "103", CalledDirectoryNumber: "9004930"}, csta.ErrInvalidCalledDeviceID)
		id := b.talk("101", "102")
		active := csta.ConnectionID{Call: id, Device: "102"}
		b.refuses(csta.SingleStepTransferCall{ActiveCall: active, TransferredTo: "9004930"}, csta.ErrInvalidDestination)
		b.refuses(csta.SingleStepConferenceCall{ActiveCall: active, DeviceToJoin: "9004930"}, csta.ErrInvalidDestination)
		b.refuses(csta.SetForwarding{Device: "103", ActivateForward: true, ForwardDN: "9004930"}, csta.ErrInvalidForwardingDest)
		b.refuses(csta.ConsultationCall{ExistingCall: active, ConsultedDevice: "9004930"}, csta.ErrInvalidCalledDeviceID)
		b.is("102", csta.Connected) // taken back, as the consultation could not be
		b.hand(b.p.Call("104", "103"))
		b.refuses(csta.DeflectCall{CallToBeDiverted: b.is("103", csta.Alerting), NewDestination: "9004930"}, csta.ErrInvalidDestination)
		b.is("103", csta.Alerting)
	})
}

// What the account may not do is lacking, with the reason, and is refused as such if it is asked for all the same.
func TestRights(t *testing.T) {
	conf := plain()
	conf.Rights, conf.Lines = []string{"Originate", "PJSIPNotify", "DBPut"}, false
	inBubble(t, conf, func(b *board) {
		lacks := b.lacks("101")
		for s, word := range map[csta.Service]string{
			"MakeCall": "Originate", "ConsultationCall": "Originate", "SetForwarding": "DBPut", "SetDoNotDisturb": "DBPut", "ConferenceCall": "dialplan", "HoldCall": "dialplan",
			"AnswerCall": "neither",
		} {
			if !strings.Contains(string(lacks[s]), word) {
				t.Errorf("%s lacks because %q, want something about %s", s, lacks[s], word)
			}
		}
		for _, s := range []csta.Service{"ClearConnection", "TransferCall", "GetForwarding", "DeflectCall"} {
			if lacks[s] != "" {
				t.Errorf("%s lacks: %s", s, lacks[s])
			}
		}
		b.refuses(csta.MakeCall{CallingDevice: "101", CalledDirectoryNumber: "102"}, csta.ErrPrivilege)
	})
	conf = plain()
	inBubble(t, conf, func(b *board) {
		if lacks := b.lacks("101"); len(lacks) != 0 {
			t.Errorf("a phone that can do everything lacks %v", lacks)
		}
	})
}

// Bad moments have clear answers.
func TestBadMoments(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.p.Register("104", false)
		b.pass(time.Second)
		b.refuses(csta.MakeCall{CallingDevice: "104", CalledDirectoryNumber: "101"}, csta.ErrDeviceOutOfService)
		b.p.Register("104", true)
		b.pass(time.Second)
		b.must(csta.MakeCall{CallingDevice: "104", CalledDirectoryNumber: "101", AutoOriginate: csta.AutoOriginateDoNotPrompt})
		b.hand(b.p.HangUp("104"))
		b.refuses(csta.MakeCall{CallingDevice: "101", CalledDirectoryNumber: "199"}, csta.ErrInvalidCalledDeviceID)
		id := b.talk("101", "102")
		for _, e := range []string{"HangupRequest", "Hangup", "BridgeLeave"} { // gone, and we don't know it
			b.p.Lose(e)
		}
		b.hand(b.p.HangUp("101"))
		b.refuses(csta.HoldCall{CallToBeHeld: csta.ConnectionID{Call: id, Device: "101"}}, csta.ErrInvalidConnectionID)
		b.pass(10 * time.Second)
		b.idle("101", "102") // the refusal had the calls compared
	})
}

// After a wrong secret there is at most one try a minute, and the log says what to do.
func TestWrongSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, seen := observer.New(zap.WarnLevel)
		p := plainPBX()
		a := adapterOn(t, p, zap.New(core), func(c *Config) { c.Secret = "wrong" })
		tries := 0
		dial := a.dial
		a.dial = func(ctx context.Context) (net.Conn, error) { tries++; return dial(ctx) }
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				if err := a.Run(ctx, &board{t: t}); err != nil && !errors.Is(err, ami.ErrLogin) {
					t.Error(err)
				}
				time.Sleep(time.Second)
			}
		}()
		time.Sleep(10 * time.Minute)
		cancel()
		<-done
		if tries < 9 || tries > 11 {
			t.Errorf("%d tries in ten minutes", tries)
		}
		if seen.FilterMessageSnippet("manager.conf").Len() == 0 {
			t.Error("the log does not say where to look")
		}
		p.Cut()
		synctest.Wait()
	})
}

// A server that says nothing, nonsense, or hangs up is left; nothing hangs.
func TestStrangeServers(t *testing.T) {
	for name, say := range map[string]string{
		"silence": "", "another protocol": "SSH-2.0-OpenSSH_9.6\r\n", "endless banner": strings.Repeat("x", 4096), "nonsense": "Asterisk Call Manager/9\r\n\r\n\r\nfoo\r\nbar\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := adapterOn(t, nil, zap.NewNop())
				a.dial = func(context.Context) (net.Conn, error) {
					client, server := net.Pipe()
					go func() {
						_, _ = server.Write([]byte(say))
						_, _ = io.Copy(io.Discard, server)
					}()
					return client, nil
				}
				began := time.Now()
				if err := a.Run(t.Context(), &board{t: t}); err == nil {
					t.Error("it is believed to be Asterisk")
				}
				if took := time.Since(began); took > time.Minute {
					t.Errorf("it took %v to see", took)
				}
			})
		})
	}
}
