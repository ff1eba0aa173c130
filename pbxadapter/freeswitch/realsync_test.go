package freeswitch

import (
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// A real phone that synchronises its features: what it sets is kept and told, and it is told what is set for it.
func TestRealFeatureSync(t *testing.T) {
	address, password, hands := realPBX(t)
	c := realConfig(address, password)
	c.Sync = true
	a, err := New(pbxadapter.Options{Name: "fs", Log: zaptest.NewLogger(t), Numbers: pbxadapter.PlainNumbers{}}, c)
	if err != nil {
		t.Fatal(err)
	}
	clearFeatures(t, a, c)
	s := &script{t: t, model: callmodel.New()}
	s.adapter(a)
	defer func() { _ = s.stop() }()
	set := func(body string) {
		t.Helper()
		s.hand(hands.say(`202 subscribe as-feature-event expires=60 type=application/x-as-feature-event+xml body="%s"`, body))
	}
	is := func(on bool) func() bool {
		return func() bool {
			for _, f := range s.model.Features("202") {
				if d, ok := f.(callmodel.DoNotDisturb); ok {
					return d.On == on
				}
			}
			return !on
		}
	}
	set("")
	time.Sleep(500 * time.Millisecond)
	set(`<SetDoNotDisturb xmlns='http://www.ecma-international.org/standards/ecma-323/csta/ed3'><device></device><doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>`)
	s.until("do not disturb is on", is(true))
	time.Sleep(1500 * time.Millisecond)
	if !s.do(csta.GetDoNotDisturb{Device: "202"}).(csta.GetDoNotDisturbResponse).DoNotDisturbOn {
		t.Error("the dialplan does not keep it")
	}
	told := make(chan error, 1)
	go func() { told <- hands.say("wait 3s 202 notify event=as-feature-event") }()
	time.Sleep(200 * time.Millisecond)
	s.do(csta.SetDoNotDisturb{Device: "202", DoNotDisturbOn: false})
	s.until("do not disturb is off", is(false))
	s.hand(<-told)
}
