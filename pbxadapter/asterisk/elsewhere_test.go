package asterisk

import (
	"testing"
	"time"

	"farhook/csta"
)

// redirect is somebody else who sends channels into a room.
func (b *board) redirect(room string, one, other csta.ConnectionID) {
	b.t.Helper()
	conn, err := b.a.connection()
	if err != nil {
		b.t.Fatal(err)
	}
	name := func(id csta.ConnectionID) string {
		b.a.mu.Lock()
		defer b.a.mu.Unlock()
		if l := b.a.t.find(id); l != nil && l.channel() != nil {
			return l.channel().name
		}
		return ""
	}
	if err := b.a.toRoom(b.t.Context(), conn, room, name(one), name(other)); err != nil {
		b.t.Fatal(err)
	}
}

// A conference that somebody else's dialplan made is one, in a room where we can bring nobody: that is known, too, when everything is read anew.
func TestRoomOfOthers(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.must(csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: "103"})
		b.hand(b.p.Answer("103"))
		b.redirect("5577", b.is("102", csta.Connected), b.is("103", csta.Connected))
		b.redirect("5577", b.is("101", csta.Connected), csta.ConnectionID{})
		b.pass(time.Second)
		for _, when := range []string{"as it was told", "read anew"} {
			c := b.at("102")
			if len(c) != 1 || len(c[0].Legs) != 3 {
				t.Fatalf("%s: 102 is in %+v", when, c)
			}
			before := len(b.p.Acted())
			b.refuses(csta.SingleStepConferenceCall{ActiveCall: b.is("102", csta.Connected), DeviceToJoin: "104"}, csta.ErrInvalidConnectionState)
			if acted := b.p.Acted()[before:]; len(acted) != 0 {
				t.Errorf("%s: Asterisk is asked for %v", when, acted)
			}
			b.p.Booted()
			b.pass(time.Second)
		}
	})
}

// One of ours is known again too, whatever else the dialplan's line says.
func TestRoomOfOurs(t *testing.T) {
	for _, whole := range []bool{false, true} {
		conf := plain()
		conf.WholeRooms = whole
		inBubble(t, conf, func(b *board) {
			b.talk("101", "102")
			b.must(csta.SingleStepConferenceCall{ActiveCall: b.is("102", csta.Connected), DeviceToJoin: "103"})
			b.hand(b.p.Answer("103"))
			b.p.Booted()
			b.pass(time.Second)
			b.must(csta.SingleStepConferenceCall{ActiveCall: b.is("102", csta.Connected), DeviceToJoin: "104"})
			b.hand(b.p.Answer("104"))
			if c := b.at("104"); len(c) != 1 || len(c[0].Legs) != 4 {
				t.Errorf("104 is in %+v", c)
			}
		})
	}
}
