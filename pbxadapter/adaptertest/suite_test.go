package adaptertest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/adaptertest"
	"farhook/pbxadapter/sim"
)

// flawed is the simulated PBX with one thing wrong.
type flawed struct {
	*sim.PBX
	services func(csta.Services) csta.Services
	reporter func(pbxadapter.Reporter) pbxadapter.Reporter
	ended    func(error) error
}

func (f flawed) Services() csta.Services {
	if f.services == nil {
		return f.PBX.Services()
	}
	return f.services(f.PBX.Services())
}

func (f flawed) Run(ctx context.Context, r pbxadapter.Reporter) error {
	if f.reporter != nil {
		r = f.reporter(r)
	}
	err := f.PBX.Run(ctx, r)
	if f.ended != nil {
		return f.ended(err)
	}
	return err
}

// altered is a Reporter between.
type altered struct {
	pbxadapter.Reporter
	fact    func(callmodel.Fact) callmodel.Fact
	devices func([]pbxadapter.Device) []pbxadapter.Device
	mute    bool // says nothing on connecting again
}

func (a *altered) Devices(all []pbxadapter.Device) {
	if a.devices != nil {
		all = a.devices(all)
	}
	a.Reporter.Devices(all)
}

func (a *altered) Resync(s callmodel.State) {
	if a.mute {
		s = callmodel.State{}
	}
	a.Reporter.Resync(s)
}

func (a *altered) Report(f callmodel.Fact) {
	if a.fact != nil {
		f = a.fact(f)
	}
	if f != nil {
		a.Reporter.Report(f)
	}
}

// with changes the handler of one service.
func with(s csta.Service, h func(csta.Handler) csta.Handler) func(csta.Services) csta.Services {
	return func(all csta.Services) csta.Services {
		all[s] = h(all[s])
		return all
	}
}

// facts changes what is reported.
func facts(change func(callmodel.Fact) callmodel.Fact) func(pbxadapter.Reporter) pbxadapter.Reporter {
	return func(r pbxadapter.Reporter) pbxadapter.Reporter { return &altered{Reporter: r, fact: change} }
}

// flaws are what an adapter may have wrong, and the scenario that must notice.
var flaws = map[string]struct {
	flawed
	noticed string
}{
	"none": {flawed{}, ""},
	"a service is missing": {flawed{services: func(all csta.Services) csta.Services {
		delete(all, "HoldCall")
		return all
	}}, "the adapter must have HoldCall"},
	"says yes, and does nothing": {flawed{services: with("HoldCall", func(csta.Handler) csta.Handler {
		return func(context.Context, csta.Request) (csta.Response, error) { return csta.HoldCallResponse{}, nil }
	})}, "FAIL: TestFlawed/HoldCall"},
	"does it, and says no": {flawed{services: with("AnswerCall", func(h csta.Handler) csta.Handler {
		return func(ctx context.Context, r csta.Request) (csta.Response, error) {
			res, err := h(ctx, r)
			return res, errors.Join(err, errors.New("no"))
		}
	})}, "FAIL: TestFlawed/AnswerCall"},
	"forgets the mark": {flawed{services: with("MakeCall", func(h csta.Handler) csta.Handler {
		return func(_ context.Context, r csta.Request) (csta.Response, error) { return h(context.Background(), r) }
	})}, "FAIL: TestFlawed/MakeCall"},
	"names the wrong error": {flawed{services: with("RetrieveCall", func(h csta.Handler) csta.Handler {
		return func(ctx context.Context, r csta.Request) (csta.Response, error) {
			res, err := h(ctx, r)
			if err != nil {
				err = csta.ErrUnspecified
			}
			return res, err
		}
	})}, "FAIL: TestFlawed/RetrieveCall"},
	"lets digits go missing": {flawed{services: with("GenerateDigits", func(h csta.Handler) csta.Handler {
		return func(ctx context.Context, r csta.Request) (csta.Response, error) {
			q := r.(csta.GenerateDigits)
			q.CharactersToSend = q.CharactersToSend[1:]
			return h(ctx, q)
		}
	})}, "FAIL: TestFlawed/GenerateDigits"},
	"passes an illegal number on": {flawed{services: with("MakeCall", func(h csta.Handler) csta.Handler {
		return func(ctx context.Context, r csta.Request) (csta.Response, error) {
			q := r.(csta.MakeCall)
			q.CalledDirectoryNumber = csta.DeviceID(strings.ReplaceAll(string(q.CalledDirectoryNumber), " ", "#"))
			if strings.HasPrefix(string(q.CalledDirectoryNumber), "a") {
				q.CalledDirectoryNumber = "1"
			}
			return h(ctx, q)
		}
	})}, "FAIL: TestFlawed/MakeCall_refused"},
	"swallows a fact": {flawed{reporter: facts(func(f callmodel.Fact) callmodel.Fact {
		if m, ok := f.(callmodel.Moved); ok && m.To == csta.Null {
			return nil
		}
		return f
	})}, "FAIL: TestFlawed/ClearConnection"},
	"reports what cannot be": {flawed{reporter: facts(func(f callmodel.Fact) callmodel.Fact {
		if m, ok := f.(callmodel.Moved); ok && m.To == csta.Connected && m.Kind == callmodel.Plain {
			m.To = csta.Hold
			return m
		}
		return f
	})}, "facts are no legal state changes"},
	"hides a phone": {flawed{reporter: func(r pbxadapter.Reporter) pbxadapter.Reporter {
		return &altered{Reporter: r, devices: func(all []pbxadapter.Device) []pbxadapter.Device { return all[:4] }}
	}}, "is not among the devices"},
	"says nothing of a lost link": {flawed{ended: func(error) error { return nil }}, "FAIL: TestFlawed/the_link_is_lost"},
	"does not ask again after a lost link": {flawed{reporter: func(r pbxadapter.Reporter) pbxadapter.Reporter {
		return &altered{Reporter: r, mute: true}
	}}, "FAIL: TestFlawed/the_link_is_lost"},
	"complains when it is told to end": {flawed{ended: func(err error) error { return errors.Join(err, errors.New("ended")) }}, "when it was told to"},
}

// TestFlawed is what TestSuiteNotices runs in a process of its own, for a test that must fail cannot be one of its tests.
func TestFlawed(t *testing.T) {
	name, ok := os.LookupEnv("FARHOOK_FLAW")
	if !ok {
		t.Skip("TestSuiteNotices runs it")
	}
	adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
		p, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 24, Quiet: true, Clock: sim.NewClock(time.Unix(1e9, 0))})
		if err != nil {
			t.Fatal(err)
		}
		f := flaws[name].flawed
		f.PBX = p
		return adaptertest.Harness{
			Adapter: f, Phones: [4]csta.DeviceID{"tel:+15551004", "tel:+15551005", "tel:+15551006", "tel:+15551007"},
			Busy: "tel:+15559000001", Outside: "tel:+15559000002", Slot: "71", Hands: hands{p},
			Settle: func(condition func() bool) bool {
				for range 50 {
					if condition() {
						return true
					}
					time.Sleep(time.Millisecond)
				}
				return false
			},
		}
	}, "HoldCall", "MakeCall")
}

// hands are those of the simulated PBX, by device.
type hands struct{ p *sim.PBX }

func (h hands) Dial(from, to csta.DeviceID) error       { return h.p.Outside(from).Dial(to) }
func (h hands) Answer(d csta.DeviceID) error            { return h.p.Outside(d).Answer() }
func (h hands) HangUp(d csta.DeviceID) error            { return h.p.Outside(d).HangUp() }
func (h hands) Hold(d csta.DeviceID) error              { return h.p.Outside(d).Hold() }
func (h hands) Retrieve(d csta.DeviceID) error          { return h.p.Outside(d).Retrieve() }
func (h hands) Press(d csta.DeviceID, s string) error   { return h.p.Outside(d).Press(s) }
func (h hands) Pressed(d csta.DeviceID) (string, error) { return h.p.Outside(d).Pressed(), nil }
func (h hands) CutLink()                                { h.p.CutLink() }
func (h hands) RestoreLink()                            { h.p.RestoreLink() }

// The suite notices each flaw, and where it should; an adapter without one passes.
func TestSuiteNotices(t *testing.T) {
	if _, inside := os.LookupEnv("FARHOOK_FLAW"); inside {
		t.Skip("this is the process of TestFlawed")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range flaws {
		t.Run(name, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), self, "-test.run=^TestFlawed$", "-test.v", "-test.timeout=60s")
			c.Env = append(os.Environ(), "FARHOOK_FLAW="+name)
			out, err := c.CombinedOutput()
			switch {
			case f.noticed == "" && err != nil:
				t.Errorf("it fails where nothing is wrong:\n%s", out)
			case f.noticed != "" && (err == nil || !strings.Contains(string(out), f.noticed)):
				t.Errorf("nobody says %q (%v):\n%s", f.noticed, err, out)
			}
		})
	}
}
