package wiretap_test

import (
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard/wiretap"
)

// A call that went by several names is found by all of them, and each message says what it is.
func TestSays(t *testing.T) {
	tap := wiretap.New(1<<20, 0)
	for i, text := range []string{
		"INFO sip:x SIP/2.0\r\nCSeq: 12 INFO\r\n\r\n<DeliveredEvent><connection><callID>c1</callID><deviceID>tel:+15551001</deviceID></connection><cause>transfer</cause></DeliveredEvent>",
		"INFO sip:x SIP/2.0\r\nCSeq: 13 INFO\r\n\r\n<HoldCall><callToBeHeld><callID>c2</callID><deviceID>tel:+15551001</deviceID></callToBeHeld></HoldCall>",
		"INFO sip:x SIP/2.0\r\nCSeq: 14 INFO\r\n\r\n<HoldCall><callToBeHeld><callID>c3</callID><deviceID>tel:+15551001</deviceID></callToBeHeld></HoldCall>",
	} {
		tap.Record(wiretap.Record{At: time.Unix(int64(i+1), 0), Text: []byte(text)})
	}
	got := tap.Find(wiretap.Filter{Call: "c1", Also: []csta.CallID{"c2"}})
	if len(got) != 2 {
		t.Fatalf("%d messages", len(got))
	}
	if l := got[0].Says(); l.Carrier != "INFO 12" || l.What != "DeliveredEvent +15551001" || l.Why != "transfer" || len(l.Calls) != 1 {
		t.Errorf("%+v", l)
	}
	if l := got[1].Says(); l.What != "HoldCall +15551001" {
		t.Errorf("%+v", l)
	}
}
