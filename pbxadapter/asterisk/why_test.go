package asterisk

import (
	"testing"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// A called party's end has its cause from Q.850, else from the SIP status, else from what dialling ended with.
func TestWhy(t *testing.T) {
	for _, c := range []struct {
		cause, tech     int
		end             string
		cleared, failed csta.EventCause
	}{
		{cause: 17, end: "BUSY", cleared: csta.CauseBusy, failed: csta.CauseBusy},
		{cause: 20, end: "CHANUNAVAIL", cleared: csta.CauseDestOutOfOrder, failed: csta.CauseDestOutOfOrder},
		{cause: 21, end: "NOANSWER", cleared: csta.CauseCallCancelled, failed: csta.CauseBlocked},
		{cause: 34, end: "CONGESTION", cleared: csta.CauseNetworkCongestion, failed: csta.CauseTrunksBusy},
		{cause: 17, tech: 603, cleared: csta.CauseBusy, failed: csta.CauseBusy},
		{tech: 404, end: "CHANUNAVAIL", cleared: csta.CauseNumberUnallocated, failed: csta.CauseNumberUnallocated},
		{tech: 486, end: "NOANSWER", cleared: csta.CauseBusy, failed: csta.CauseBusy},
		{tech: 488, end: "NOANSWER", cleared: csta.CauseIncompatibleDestination, failed: csta.CauseIncompatibleDestination},
		{tech: 503, end: "CONGESTION", cleared: csta.CauseNetworkCongestion, failed: csta.CauseTrunksBusy},
		{tech: 603, end: "NOANSWER", cleared: csta.CauseCallCancelled, failed: csta.CauseBlocked},
		{end: "NOANSWER", cleared: csta.CauseCallNotAnswered, failed: csta.CauseDestNotObtainable},
		{end: "BUSY", cleared: csta.CauseBusy, failed: csta.CauseBusy},
		{end: "CONGESTION", cleared: csta.CauseNetworkCongestion, failed: csta.CauseNetworkCongestion},
		{cleared: csta.CauseNormalClearing, failed: csta.CauseDestNotObtainable},
	} {
		x := &channel{cause: c.cause, tech: c.tech, dialEnd: c.end}
		if got := x.why(false); got != c.cleared {
			t.Errorf("%+v is cleared as %s", c, got)
		}
		if got := x.why(true); got != c.failed {
			t.Errorf("%+v fails as %s", c, got)
		}
	}
}

// An outside caller is shown by what Asterisk says of him.
func TestOutsideCaller(t *testing.T) {
	x := newTracker("p", newBook(pbxadapter.PlainNumbers{}, presets["plain"]), func(callmodel.Fact) {})
	for text, want := range map[string]callmodel.Shown{
		"CallerIDNum: 0301234567": callmodel.Known,
		"CallerIDNum: 0301234567\r\nCID-CallingPres: 35 (Presentation Prohibited, Not Screened)": callmodel.Restricted,
		"CallerIDNum: anonymous":   callmodel.Restricted,
		"CallerIDNum: Restricted":  callmodel.Restricted,
		"CallerIDNum: unavailable": callmodel.Restricted,
		"CallerIDNum: <unknown>":   callmodel.NotKnown,
	} {
		c := &channel{kind: outside}
		x.caller(c, ami.Parse("Event: Newchannel\r\n"+text))
		if c.party.Shown != want || want != callmodel.Known && c.party.Number != "" {
			t.Errorf("%q is shown as %+v", text, c.party)
		}
	}
}

// A slot in which a call is parked takes no other one.
func TestSlotIsTaken(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.must(csta.ParkCall{Parking: new(b.is("102", csta.Connected)), ParkTo: "701"})
		b.talk("103", "104")
		before := len(b.p.Acted())
		b.refuses(csta.ParkCall{Parking: new(b.is("104", csta.Connected)), ParkTo: "701"}, csta.ErrInvalidConnectionState)
		if acted := b.p.Acted()[before:]; len(acted) != 0 {
			t.Errorf("Asterisk is asked for %v", acted)
		}
		b.is("104", csta.Connected)
	})
}
