package asterisk

import (
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// life is what people do at real phones, and what each of them must be told, in order; what else is told is in the test's log.
var life = []struct {
	name string
	acts []string                   // at the phones
	want map[csta.DeviceID][]string // by hearer: event, own state, and words of the rest, in order
}{
	{
		"a call",
		[]string{"101 call 102", "wait 3s 102 ringing", "102 answer", "wait 3s 101 answered", "sleep 300ms", "101 hangup"},
		map[csta.DeviceID][]string{
			"101": {"Originated connected", "Delivered connected 102", "Established connected 102", "ConnectionCleared null 101"},
			"102": {"Delivered alerting", "Established connected", "ConnectionCleared connected 101", "ConnectionCleared null"},
		},
	},
	{
		"blind transfer at the phone",
		[]string{"101 call 102", "wait 3s 102 ringing", "102 answer", "wait 3s 101 answered", "sleep 300ms", "102 transfer 103", "wait 3s 103 ringing", "103 answer", "sleep 500ms", "103 hangup"},
		map[csta.DeviceID][]string{
			"101": {"Originated", "Delivered 102", "Established 102", "Transfered", "Delivered 103", "Established 103", "ConnectionCleared 103", "ConnectionCleared null 101"},
			"102": {"Delivered alerting", "Established", "Transfered null"},
			"103": {"Delivered alerting", "Established", "ConnectionCleared null 103"},
		},
	},
	{
		"attended transfer at the phone",
		[]string{
			"101 call 102", "wait 3s 102 ringing", "102 answer", "wait 3s 101 answered", "sleep 300ms", "102 call 103", "wait 3s 103 ringing", "103 answer", "wait 3s 102 answered",
			"sleep 300ms", "102 attended", "sleep 700ms", "103 hangup",
		},
		map[csta.DeviceID][]string{
			"101": {"Originated", "Delivered 102", "Established 102", "Held connected 102", "Transfered", "ConnectionCleared 103", "ConnectionCleared null 101"},
			"102": {"Delivered alerting", "Established", "Held hold", "Originated", "Delivered 103", "Established 103", "Transfered null"},
			"103": {"Delivered alerting", "Established", "Transfered", "ConnectionCleared null 103"},
		},
	},
	{
		"hold and back at the phone",
		[]string{"101 call 102", "wait 3s 102 ringing", "102 answer", "wait 3s 101 answered", "sleep 300ms", "101 hold", "wait 3s 101 held", "sleep 300ms", "101 unhold", "wait 3s 101 unheld", "sleep 300ms", "102 hangup"},
		map[csta.DeviceID][]string{
			"101": {"Originated", "Delivered", "Established", "Held hold 101", "Retrieved connected 101", "ConnectionCleared connected 102", "ConnectionCleared null"},
			"102": {"Delivered", "Established", "Held connected 101", "Retrieved connected 101", "ConnectionCleared null 102"},
		},
	},
	{
		"from outside, over the trunk",
		[]string{`net call 4930555102 from=0301234567 "name=Uta Outside"`, "wait 3s 102 ringing", "102 answer", "wait 3s net answered", "sleep 300ms", "net hangup"},
		map[csta.DeviceID][]string{"102": {"Delivered alerting 0301234567", "Established connected", "ConnectionCleared connected 0301234567", "ConnectionCleared null 102"}},
	},
	{
		"from outside, withheld",
		[]string{`net call 4930555102 from=anonymous header="Privacy: id"`, "wait 3s 102 ringing", "102 answer", "wait 3s net answered", "sleep 300ms", "102 hangup"},
		map[csta.DeviceID][]string{"102": {"Delivered alerting", "Established connected", "ConnectionCleared null 102"}},
	},
	{
		"to outside, over the trunk",
		[]string{"101 call 0301234567", "wait 3s net ringing", "net answer", "wait 3s 101 answered", "sleep 300ms", "101 hangup"},
		map[csta.DeviceID][]string{"101": {"Originated", "NetworkReached 0301234567", "Delivered 0301234567", "Established 0301234567", "ConnectionCleared null 101"}},
	},
	{
		"barred by the class of service",
		[]string{"103 call 0049301", "sleep 1s"},
		map[csta.DeviceID][]string{"103": {"Originated 0049301", "Failed 0049301", "ConnectionCleared null"}},
	},
	{
		"a busy phone",
		[]string{"102 set reject=486", "101 call 102", "sleep 500ms", "102 set reject=off", "sleep 300ms"},
		map[csta.DeviceID][]string{"101": {"Originated", "Failed connected 102 busy", "ConnectionCleared"}},
	},
	{
		"a busy trunk",
		[]string{"101 call 0906", "sleep 700ms"},
		map[csta.DeviceID][]string{"101": {"Originated", "NetworkReached 0906", "Failed connected 0906 busy", "ConnectionCleared"}},
	},
	{
		"an unknown number outside",
		[]string{"101 call 0904", "sleep 700ms"},
		map[csta.DeviceID][]string{"101": {"Originated", "NetworkReached 0904", "Failed connected 0904 numberUnallocated", "ConnectionCleared"}},
	},
	{
		"the caller gives up",
		[]string{"101 call 102", "wait 3s 102 ringing", "101 hangup"},
		map[csta.DeviceID][]string{
			"101": {"Originated", "Delivered 102", "ConnectionCleared"},
			"102": {"Delivered alerting", "ConnectionCleared null 102 callCancelled"},
		},
	},
	{
		"the called phone declines",
		[]string{"101 call 102", "wait 3s 102 ringing", "102 reject 603", "sleep 500ms"},
		map[csta.DeviceID][]string{"101": {"Originated", "Delivered 102", "ConnectionCleared connected 102", "ConnectionCleared null"}},
	},
	{
		"do not disturb by a code",
		[]string{"102 call *76", "sleep 1s", "101 call 102", "sleep 700ms", "102 call *76", "sleep 1s"},
		map[csta.DeviceID][]string{
			"102": {"Originated", "DoNotDisturb true"},
			"101": {"Originated", "Failed connected 102 doNotDisturb", "ConnectionCleared null"},
		},
	},
	{
		"forwarded at once by a code",
		[]string{"102 call *72103", "sleep 1s", "101 call 102", "wait 3s 103 ringing", "103 answer", "sleep 400ms", "103 hangup", "102 call *72", "sleep 1s"},
		map[csta.DeviceID][]string{
			"101": {"Originated", "Delivered connected 103 callForwardImmediate", "Established 103", "ConnectionCleared 103", "ConnectionCleared null 101"},
			"103": {"Delivered alerting 102 callForwardImmediate", "Established", "ConnectionCleared null 103"},
		},
	},
	{
		"forwarded on busy",
		[]string{"102 call *74103", "sleep 1s", "102 set reject=486", "101 call 102", "wait 3s 103 ringing", "102 set reject=off", "103 answer", "sleep 400ms", "103 hangup"},
		map[csta.DeviceID][]string{
			"101": {"Originated", "Delivered connected 103 callForwardBusy", "Established 103", "ConnectionCleared 103", "ConnectionCleared null 101"},
		},
	},
	{
		"picked up by a code",
		[]string{"101 call 102", "wait 3s 102 ringing", "103 call *8102", "sleep 700ms", "103 hangup"},
		map[csta.DeviceID][]string{
			"101": {"Originated", "Delivered", "Diverted connected 102 callPickup", "Established 103", "ConnectionCleared 103", "ConnectionCleared null 101"},
			"102": {"Delivered alerting", "Diverted null 102 callPickup"},
		},
	},
	{
		"a ring group",
		[]string{"101 call 610", "wait 3s 103 ringing", "wait 3s 105 ringing", "wait 3s 104 ringing", "sleep 100ms", "104 answer", "sleep 500ms", "101 hangup"},
		map[csta.DeviceID][]string{
			"101": {"Originated", "Delivered", "Delivered", "Delivered", "Established 104", "ConnectionCleared", "ConnectionCleared", "ConnectionCleared null 101"},
			"103": {"Delivered alerting"},
			"104": {"Delivered alerting"},
		},
	},
	{
		"a queue",
		[]string{"101 call 600", "wait 5s 105 ringing", "wait 5s 106 ringing", "105 answer", "sleep 700ms", "101 hangup"},
		map[csta.DeviceID][]string{
			"101": {"Originated", "Queued connected 600 enteringDistribution", "Delivered", "Delivered", "Established 105"},
		},
	},
	{
		"a phone that redirects",
		[]string{"102 set redirect=103", "101 call 102", "wait 3s 103 ringing", "103 answer", "sleep 400ms", "103 hangup", "102 set redirect=off"},
		map[csta.DeviceID][]string{"103": {"Delivered alerting 102 redirected", "Established connected", "ConnectionCleared"}},
	},
	{
		"a conference room",
		[]string{"101 call 651", "sleep 500ms", "102 call 651", "sleep 700ms", "101 hangup", "sleep 400ms", "102 hangup"},
		map[csta.DeviceID][]string{
			"101": {"Originated", "Established 651", "ConnectionCleared null 101"},
			"102": {"Originated", "Established 651", "ConnectionCleared null 102"},
		},
	},
	{
		"registrations",
		[]string{"104 unregister", "sleep 700ms", "104 register", "sleep 700ms"},
		map[csta.DeviceID][]string{"104": {"OutOfService 104", "BackInService 104"}},
	},
	{
		"parked by a transfer",
		[]string{"101 call 102", "wait 3s 102 ringing", "102 answer", "wait 3s 101 answered", "sleep 300ms", "102 transfer 700", "sleep 1s", "103 call 701", "sleep 900ms", "103 hangup"},
		map[csta.DeviceID][]string{
			"101": {"Originated", "Delivered 102", "Established 102", "Transfered", "Queued 701", "Diverted 701", "Established 103", "ConnectionCleared 103"},
		},
	},
	{
		"an announcement",
		[]string{"101 call 630", "sleep 1s", "101 hangup"},
		map[csta.DeviceID][]string{"101": {"Originated", "Established 630", "ConnectionCleared null 101"}},
	},
	{
		"early media",
		[]string{"101 call 620", "sleep 3s", "101 hangup"},
		map[csta.DeviceID][]string{"101": {"Originated", "Established 620", "ConnectionCleared null 101"}},
	},
	{
		"handed over to an announcement",
		[]string{"101 call 102", "wait 3s 102 ringing", "102 answer", "wait 3s 101 answered", "sleep 300ms", "102 transfer 630", "sleep 2s", "101 hangup"},
		map[csta.DeviceID][]string{"101": {"Originated", "Delivered", "Established", "Transfered 630", "Established 630", "ConnectionCleared null 101"}},
	},
	{
		"handed over to a room",
		[]string{
			"101 call 102", "wait 3s 102 ringing", "102 answer", "wait 3s 101 answered", "sleep 300ms", "102 call 651", "wait 3s 102 answered", "sleep 500ms", "102 attended",
			"sleep 1500ms", "101 hangup",
		},
		map[csta.DeviceID][]string{"101": {"Originated", "Delivered", "Established", "Held", "Transfered connected 651", "ConnectionCleared null 101"}},
	},
	{
		"keys",
		[]string{"101 call 102", "wait 3s 102 ringing", "102 answer", "wait 3s 101 answered", "sleep 300ms", "101 dtmf 4#", "sleep 1s", "101 hangup"},
		map[csta.DeviceID][]string{"102": {"Delivered", "Established", "DigitsGenerated 101 4", "DigitsGenerated 101 #", "ConnectionCleared"}},
	},
	{
		"call waiting",
		[]string{
			"101 call 102", "wait 3s 102 ringing", "102 answer", "wait 3s 101 answered", "sleep 300ms", "103 call 102", "wait 3s 102 ringing from=103", "sleep 300ms", "102 hold", "wait 3s 102 held", "sleep 100ms", "102 answer",
			"sleep 500ms", "103 hangup", "sleep 300ms", "102 unhold", "sleep 500ms", "101 hangup",
		},
		map[csta.DeviceID][]string{
			"102": {"Delivered alerting", "Established", "Delivered alerting 103", "Held hold", "Established connected 103", "ConnectionCleared connected 103", "ConnectionCleared null", "Retrieved connected", "ConnectionCleared connected 101", "ConnectionCleared null"},
		},
	},
}

// What people do at real phones is told as it is.
func TestRealLife(t *testing.T) {
	for _, c := range life {
		t.Run(c.name, func(t *testing.T) {
			onReal(t, "", func(b *board, r rig) {
				if err := r.say(c.acts...); err != nil {
					t.Error(err)
				}
				b.over()
				b.pass(300 * time.Millisecond)
				told := b.events()
				names := map[csta.CallID]string{}
				for _, e := range told {
					t.Log(line(e, names))
				}
				for d, want := range c.want {
					heard := hearsOf(told, d)
					for i, w := range want {
						if i >= len(heard) || !loosely(heard[i], w) {
							t.Errorf("%s: event %d of %d is not %q: %q", d, i, len(heard), w, heard[i:min(i+1, len(heard))])
							break
						}
					}
				}
			})
		})
	}
}

// hearsOf is what a device heard: event, own state, and the rest.
func hearsOf(told []callmodel.Told, d csta.DeviceID) (list []string) {
	for _, e := range told {
		i := slices.IndexFunc(e.Audience, func(s callmodel.Seat) bool { return s.Device == d })
		if i < 0 {
			continue
		}
		_, rest, _ := strings.Cut(line(e, map[csta.CallID]string{}), ":")
		list = append(list, strings.TrimSuffix(e.Event.Element(), "Event")+" "+string(e.Audience[i].Local)+rest)
	}
	return list
}

// loosely says whether the words of want are those of got, in order.
func loosely(got, want string) bool {
	g := strings.Fields(got)
	for w := range strings.FieldsSeq(want) {
		for len(g) > 0 && g[0] != w {
			g = g[1:]
		}
		if len(g) == 0 {
			return false
		}
		g = g[1:]
	}
	return true
}
