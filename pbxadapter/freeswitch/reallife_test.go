package freeswitch

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// life is what people do at real phones, and what each of them must be told, in order; what else is told is in the test's log.
var life = []struct {
	name string
	acts []string            // at the phones; "wait D" waits
	want map[string][]string // by device: "Event device local cause", of which anything may be left out at the end
}{
	{
		"blind transfer at the phone",
		[]string{"201 call 202", "wait 300ms", "202 answer", "wait 500ms", "202 transfer 203", "wait 700ms", "203 answer", "wait 500ms", "203 hangup", "wait 500ms"},
		map[string][]string{
			"201": {"Originated", "Delivered 202", "Established 202", "Transfered", "Delivered 203", "Established 203", "ConnectionCleared 203", "ConnectionCleared 201 null"},
			"202": {"Delivered 202 alerting", "Established", "Transfered 202 null"},
			"203": {"Delivered 203 alerting", "Established", "ConnectionCleared 203 null"},
		},
	},
	{
		"attended transfer at the phone",
		[]string{"201 call 202", "wait 300ms", "202 answer", "wait 500ms", "202 call 203", "wait 500ms", "203 answer", "wait 500ms", "202 attended", "wait 700ms", "203 hangup", "wait 500ms"},
		map[string][]string{
			"201": {"Originated", "Delivered 202", "Established 202", "Held 202 connected", "Transfered", "ConnectionCleared 203", "ConnectionCleared 201 null"},
			"202": {"Delivered 202 alerting", "Established"}, // whether it holds before it dials, or after, is the phone's
			"203": {"Delivered 203 alerting", "Established", "Transfered", "ConnectionCleared 203 null"},
		},
	},
	{
		"from outside, over the gateway",
		[]string{`net call 4930666202 from=0301234567`, "wait 700ms", "202 answer", "wait 500ms", "net hangup", "wait 500ms"},
		map[string][]string{"202": {"Delivered 202 alerting", "Established 202 connected", "ConnectionCleared 0301234567", "ConnectionCleared 202 null"}},
	},
	{
		"from outside, withheld",
		[]string{`net call 4930666202 from=anonymous header="Privacy: id"`, "wait 700ms", "202 answer", "wait 500ms", "202 hangup", "wait 500ms"},
		map[string][]string{"202": {"Delivered 202 alerting", "Established 202 connected", "ConnectionCleared 202 null"}},
	},
	{
		"to outside, over the gateway",
		[]string{"201 call 0301234567", "wait 700ms", "net answer", "wait 500ms", "201 hangup", "wait 500ms"},
		map[string][]string{"201": {"Originated", "NetworkReached 0301234567", "Delivered 0301234567", "Established 0301234567", "ConnectionCleared 201 null"}},
	},
	{
		"barred by the class of service",
		[]string{"203 call 0049301", "wait 1200ms"},
		map[string][]string{"203": {"Originated", "Failed 0049301 connected blocked", "ConnectionCleared", "ConnectionCleared 203 null"}},
	},
	{
		"a busy phone",
		[]string{"202 set reject=486", "201 call 202", "wait 900ms", "202 set reject=off", "wait 300ms"},
		map[string][]string{"201": {"Originated", "Failed 202 connected busy", "ConnectionCleared 202", "ConnectionCleared 201 null"}},
	},
	{
		"do not disturb by a code",
		[]string{"202 call *78", "wait 1s", "201 call 202", "wait 900ms", "202 call *79", "wait 1s"},
		map[string][]string{
			"202": {"Originated", "DoNotDisturb 202"},
			"201": {"Originated", "Failed 202 connected doNotDisturb", "ConnectionCleared 202", "ConnectionCleared 201 null"},
		},
	},
	{
		"forwarded at once by a code",
		[]string{"202 call *72203", "wait 1200ms", "201 call 202", "wait 700ms", "203 answer", "wait 400ms", "203 hangup", "wait 300ms", "202 call *73", "wait 1200ms"},
		map[string][]string{
			"201": {"Originated", "Delivered 203 connected callForwardImmediate", "Established 203", "ConnectionCleared 203", "ConnectionCleared 201 null"},
			"203": {"Delivered 203 alerting callForwardImmediate", "Established", "ConnectionCleared 203 null"},
		},
	},
	{
		"picked up by a code",
		[]string{"201 call 202", "wait 500ms", "203 call *8202", "wait 1s", "203 hangup", "wait 500ms"},
		map[string][]string{
			"201": {"Originated", "Delivered 202", "Diverted 202 connected callPickup", "Established 203", "ConnectionCleared 203", "ConnectionCleared 201 null"},
			"202": {"Delivered 202 alerting", "Diverted 202 null callPickup"},
		},
	},
	{
		"a ring group",
		[]string{"201 call 400", "wait 700ms", "203 answer", "wait 500ms", "201 hangup", "wait 500ms"},
		map[string][]string{"201": {"Originated", "Delivered", "Delivered", "Established 203", "ConnectionCleared 202 connected normal", "ConnectionCleared 201 null"}},
	},
	{
		"a phone that redirects",
		[]string{"202 set redirect=203", "201 call 202", "wait 900ms", "203 answer", "wait 400ms", "203 hangup", "wait 300ms", "202 set redirect=off"},
		map[string][]string{"203": {"Delivered 203 alerting callForward", "Established 203 connected callForward", "ConnectionCleared"}},
	},
	{
		"a conference room",
		[]string{"201 call 301", "wait 500ms", "202 call 301", "wait 700ms", "201 hangup", "wait 400ms", "202 hangup", "wait 500ms"},
		map[string][]string{
			"201": {"Originated", "Established 301", "Conferenced", "ConnectionCleared 201 null"},
			"202": {"Originated", "Established 301", "Conferenced", "ConnectionCleared 201 connected", "ConnectionCleared 202 null"},
		},
	},
	{
		"registrations",
		[]string{"204 unregister", "wait 700ms", "204 register", "wait 700ms"},
		map[string][]string{"204": {"OutOfService 204", "BackInService 204"}},
	},
	{"valet parking at the phone", []string{"201 call 202", "wait 300ms", "202 answer", "wait 500ms", "202 transfer 501", "wait 1s", "203 call 501", "wait 900ms", "203 hangup", "wait 700ms"}, map[string][]string{
		"201": {"Originated", "Delivered 202", "Established 202", "Transfered", "Queued 501", "Diverted 501", "Established 203", "ConnectionCleared 203"},
		"203": {"Originated", "ConnectionCleared 203 null callPickup", "Established 203 connected callPickup", "ConnectionCleared 203 null"},
	}},
	{"mod_fifo", []string{"201 call 420", "wait 2s", "204 answer", "wait 900ms", "201 hangup", "wait 900ms"}, map[string][]string{
		"201": {"Originated", "Queued 420 connected enteringDistribution", "Delivered 204 connected distributed", "Established 204 connected", "Diverted 420 connected distributed", "ConnectionCleared 201 null"},
	}},
	{"mod_callcenter", []string{"201 call 430", "wait 2500ms", "205 answer", "wait 900ms", "201 hangup", "wait 900ms"}, map[string][]string{
		"201": {"Originated", "Queued 430", "Delivered", "Delivered", "Established 205", "ConnectionCleared 206", "Diverted 430", "ConnectionCleared 201 null"},
		"206": {"Delivered"},
	}},
	{"keys pressed at the phone", []string{"201 call 202", "wait 300ms", "202 answer", "wait 500ms", "202 dtmf 4#", "wait 900ms", "202 hangup", "wait 500ms"}, map[string][]string{
		"201": {"Originated", "Delivered 202", "Established 202", "DigitsGenerated 202", "DigitsGenerated 202", "ConnectionCleared 202"},
	}},
	{"a group through loopbacks", []string{"201 call 411", "wait 700ms", "203 answer", "wait 500ms", "203 hangup", "wait 500ms"}, map[string][]string{
		"201": {"Originated", "Delivered", "Delivered", "Established 203", "ConnectionCleared 202 connected normal", "ConnectionCleared 203", "ConnectionCleared 201 null"},
	}},
	{"an announcement", []string{"201 call 9001", "wait 3s", "201 hangup", "wait 500ms"}, map[string][]string{"201": {"Originated", "Delivered 9001", "Established 9001", "ConnectionCleared 201 null"}}},
}

// What people do at real phones is told as it is.
func TestRealLife(t *testing.T) {
	for _, c := range life {
		t.Run(c.name, func(t *testing.T) {
			address, password, hands := realPBX(t)
			if err := hands.say("reset"); err != nil {
				t.Fatal(err)
			}
			s := newReal(t, address, password)
			clearFeatures(t, s.a, s.a.conf)
			s.a.conf.Digits = true
			s.adapter(s.a)
			s.mu.Lock()
			s.told = nil
			s.mu.Unlock()
			act(t, hands, c.acts)
			s.until("everybody has hung up", func() bool { return len(s.model.State().Calls) == 0 })
			if err := s.stop(); err != nil {
				t.Error(err)
			}
			if n := s.model.Odd(); n > 0 {
				t.Errorf("%d facts are no legal state changes", n)
			}
			list := describe(s.told)
			for i := range list {
				list[i].at = ""
			}
			t.Log("\n" + strings.Join(lines(list), "\n"))
			for d, want := range c.want {
				var got []string
				for _, h := range list {
					if h.hearer == d {
						got = append(got, strings.Join([]string{h.event, h.device, h.local, h.cause}, " "))
					}
				}
				for i, w := range want {
					if i >= len(got) || !strings.HasPrefix(got[i]+" ", w+" ") && !loosely(got[i], w) {
						t.Errorf("%s: event %d is %v, want %q", d, i, at1(got, i), w)
						break
					}
				}
			}
		})
	}
}

// What another farhook finds, that comes while people talk, ring and wait, is what this one was told.
func TestRealResync(t *testing.T) {
	for name, acts := range map[string][]string{
		"ringing":                 {"201 call 202", "wait 500ms"},
		"talking and holding":     {"201 call 202", "wait 300ms", "202 answer", "wait 300ms", "202 hold", "wait 500ms"},
		"two calls of one phone":  {"201 call 202", "wait 300ms", "202 answer", "wait 300ms", "201 call 203", "wait 300ms", "203 answer", "wait 600ms"},
		"a ring group":            {"201 call 400", "wait 700ms"},
		"in a slot":               {"201 call 202", "wait 300ms", "202 answer", "wait 500ms", "202 transfer 501", "wait 1s"},
		"taken from a slot":       {"201 call 202", "wait 300ms", "202 answer", "wait 500ms", "202 transfer 501", "wait 1s", "203 call 501", "wait 900ms"},
		"a conference room":       {"201 call 301", "wait 500ms", "202 call 301", "wait 500ms", "203 call 301", "wait 700ms"},
		"waiting in mod_fifo":     {"201 call 420", "wait 2s"},
		"served by mod_fifo":      {"201 call 420", "wait 2s", "204 answer", "wait 900ms"},
		"waiting in callcenter":   {"201 call 430", "wait 2500ms"},
		"served by callcenter":    {"201 call 430", "wait 2500ms", "205 answer", "wait 900ms"},
		"an announcement":         {"201 call 9001", "wait 3s"},
		"to outside, early media": {"201 call 0903", "wait 1500ms"},
		"from outside, withheld":  {`net call 4930666202 from=anonymous header="Privacy: id"`, "wait 700ms", "202 answer", "wait 500ms"},
		"transferred":             {"201 call 202", "wait 300ms", "202 answer", "wait 500ms", "202 transfer 203", "wait 700ms", "203 answer", "wait 500ms"},
		"picked up":               {"201 call 202", "wait 500ms", "203 call *8202", "wait 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			address, password, hands := realPBX(t)
			if err := hands.say("reset"); err != nil {
				t.Fatal(err)
			}
			first, second := newReal(t, address, password), newReal(t, address, password)
			clearFeatures(t, first.a, first.a.conf)
			first.adapter(first.a)
			act(t, hands, acts)
			second.adapter(second.a)
			time.Sleep(500 * time.Millisecond)
			parties := func(s *script) string {
				s.a.mu.Lock()
				defer s.a.mu.Unlock()
				return parties(s.a.track)
			}
			if told, found := parties(first), parties(second); told != found {
				t.Errorf("told  %s\nfound %s", told, found)
			}
			if err := hands.say("reset"); err != nil {
				t.Error(err)
			}
			for _, s := range []*script{first, second} {
				s.until("everybody has hung up", func() bool { return len(s.model.State().Calls) == 0 })
				if err := s.stop(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// newReal is a script of an adapter on the real PBX, which does not run yet.
func newReal(t *testing.T, address, password string) *script {
	t.Helper()
	a, err := New(pbxadapter.Options{Name: "fs", Log: zap.NewNop(), Numbers: pbxadapter.PlainNumbers{}}, realConfig(address, password))
	if err != nil {
		t.Fatal(err)
	}
	return &script{t: t, a: a, model: callmodel.New()}
}

// act has people do things at their phones; "wait D" waits.
func act(t *testing.T, hands realHands, acts []string) {
	t.Helper()
	for _, act := range acts {
		if d, ok := strings.CutPrefix(act, "wait "); ok {
			pause, _ := time.ParseDuration(d)
			time.Sleep(pause)
		} else if err := hands.say("%s", act); err != nil {
			t.Error(err)
		}
	}
}

func at1(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "missing"
}

// loosely says whether the words of want are those of got, in order.
func loosely(got, want string) bool {
	g := strings.Fields(got)
	for _, w := range strings.Fields(want) {
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
