package freeswitch

import (
	"testing"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// Who waits in a queue does so for another farhook, too, whichever of the two applications it is; and whoever is rung for him then is found in his call, and serves him.
func TestRestartInQueue(t *testing.T) {
	for queue, member := range map[csta.DeviceID]csta.DeviceID{"420": "204", "430": "205"} {
		t.Run(string(queue), func(t *testing.T) {
			inBubble(t, false, func(t *testing.T, s *script) {
				s.hand(s.hands.Dial("201", queue))
				s.is(queue, csta.Queued)
				s.is(member, csta.Alerting)
				before := s.conn("201", csta.Connected)
				_ = s.stop()
				s.model, s.told = callmodel.New(), nil
				s.adapter(fakeAdapter(t, s.at, false))
				s.is(queue, csta.Queued)
				s.is(member, csta.Alerting)
				for d, state := range map[csta.DeviceID]csta.State{"201": csta.Connected, queue: csta.Queued, member: csta.Alerting} {
					if id := s.conn(d, state).Call; id != before.Call {
						t.Errorf("%s is in %s, and 201 was in %s", d, id, before.Call)
					}
				}
				s.hand(s.hands.Answer(member))
				s.is(member, csta.Connected)
				s.is(queue)
				_ = s.stop() // what the caller waited in is past
				s.model, s.told = callmodel.New(), nil
				s.adapter(fakeAdapter(t, s.at, false))
				s.is("201", csta.Connected)
				s.is(member, csta.Connected)
				s.is(queue)
				s.hand(s.hands.HangUp("201"))
				s.nobody()
			})
		})
	}
}
