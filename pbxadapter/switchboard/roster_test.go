package switchboard_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/directory"
	. "farhook/pbxadapter/switchboard"
)

// deaf is a PBX that isn't reached.
type deaf struct{}

func (deaf) Services() csta.Services { return nil }

func (deaf) Run(ctx context.Context, _ pbxadapter.Reporter) error { <-ctx.Done(); return nil }

// stint lets a board with one PBX run for a while by a fake clock, as one process.
func stint(t *testing.T, folder string, a pbxadapter.Adapter, look func(*Board)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	b := New(AnyLine{}, Options{Roster: folder}, PBX{Name: "a", Adapter: a})
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	synctest.Wait()
	look(b)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What a PBX told last is known to the next process before the PBX tells it again: by every spelling, and not as a device that's there.
func TestRosterOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		stint(t, folder, newScripted(d1, d2), func(*Board) { time.Sleep(2 * time.Second); synctest.Wait() })
		stint(t, folder, deaf{}, func(b *Board) {
			for _, spelling := range []string{"tel:+15551002", "1002", "tel:+15551002;ext=1002"} {
				if d, err := b.Resolve(spelling); d != d2 || err != nil {
					t.Errorf("%s: %q, %v", spelling, d, err)
				}
			}
			if d, err := b.Resolve("1003"); err == nil {
				t.Errorf("1003 is %q", d)
			}
			if _, there := b.Device(System, d2); there || b.Complete() || len(b.Devices(System)) != 0 {
				t.Error("what isn't told is there")
			}
		})
		// It tells another one now: the old one is none any more, and whoever waits hears of it.
		late := &tardy{scripted: newScripted(d1), open: make(chan struct{})}
		stint(t, folder, late, func(b *Board) {
			arrived := b.Arrived()
			if _, err := b.Resolve("1002"); err != nil {
				t.Error(err)
			}
			close(late.open)
			synctest.Wait()
			select {
			case <-arrived:
			default:
				t.Error("nobody is told that the PBX has told its devices")
			}
			if d, err := b.Resolve("1002"); !errors.Is(err, csta.ErrInvalidDeviceID) {
				t.Errorf("%q, %v", d, err)
			}
		})
	})
}

// tardy is a PBX that's reached later.
type tardy struct {
	*scripted
	open chan struct{}
}

func (a *tardy) Run(ctx context.Context, r pbxadapter.Reporter) error {
	select {
	case <-a.open:
		return a.scripted.Run(ctx, r)
	case <-ctx.Done():
		return nil
	}
}

// A line of the directory that is written as an extension is its owner's from the start: at the device that it was.
func TestRosterAndDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		stint(t, folder, newScripted(d1, d2), func(*Board) {}) // it's written at the end, too
		d := directory.New(directory.Options{}, &names{people: []directory.Person{bob}})
		if err := d.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		people := NewPeople(d)
		b := New(Owner{People: people}, Options{Roster: folder, People: people}, PBX{Name: "a", Adapter: deaf{}})
		if bob := (Principal{User: "sip:bob@example.com", Via: "sip"}); !b.May(bob, csta.Control, d2) || b.May(bob, csta.Control, d1) {
			t.Error("1002 is bob's, and 1001 isn't")
		}
	})
}

// Devices that their PBX forgets for a moment stay for 30 days, unless another has their number.
func TestRosterAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		knows := func(want string) {
			t.Helper()
			stint(t, folder, deaf{}, func(b *Board) {
				got := ""
				for _, spelling := range []string{"tel:+15551001", "tel:+15551002", "tel:+15551003"} {
					if _, err := b.Resolve(spelling); err == nil {
						got += spelling[len(spelling)-1:]
					}
				}
				if got != want {
					t.Errorf("known are %s, want %s", got, want)
				}
			})
		}
		stint(t, folder, newScripted(d1, d2), func(*Board) { time.Sleep(40 * 24 * time.Hour) }) // while the link stands they are told
		knows("12")
		time.Sleep(20 * 24 * time.Hour)
		three := newScripted("tel:+15551003") // with the alias 1001, which was another's
		stint(t, folder, three, func(*Board) {})
		knows("23")
		time.Sleep(11 * 24 * time.Hour)
		knows("3")
		stint(t, folder, newScripted(), func(*Board) {})
		knows("3")
		time.Sleep(30 * 24 * time.Hour)
		knows("")
	})
}

// A file that is no good is told, and costs nothing else: the next one takes its place.
func TestRosterDamaged(t *testing.T) {
	now := time.Now().Format(time.RFC3339)
	for name, c := range map[string]struct{ text, told string }{
		"empty":       {"", "is damaged: unexpected end of JSON input"},
		"cut":         {`{"farhookDevices":1,"pbx":"a","devices":[{"id":"tel:+1555`, "is damaged"},
		"another":     {`{"farhookDevices":1,"pbx":"b","devices":[]}`, `is of the PBX "b"`},
		"newer":       {`{"farhookDevices":2,"pbx":"a","devices":[]}`, "has form 2, this program knows 1"},
		"wrong types": {`{"farhookDevices":1,"pbx":"a","devices":[{"id":7}]}`, "is damaged"},
		"no number":   {`{"farhookDevices":1,"pbx":"a","devices":[{"id":"tel:+1555\r\n1001","seen":"` + now + `"}]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			file := filepath.Join(folder, "devices-a.json")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			core, logs := observer.New(zap.WarnLevel)
			b := New(AnyLine{}, Options{Roster: folder, Log: zap.New(core)}, PBX{Name: "a", Adapter: newScripted(d1)})
			if _, err := b.Resolve("tel:+15551001"); err == nil {
				t.Error("it is believed")
			}
			if n := logs.Len(); (n == 1) != (c.told != "") || n == 1 && !strings.Contains(logs.All()[0].ContextMap()["error"].(string), c.told) {
				t.Errorf("told: %v", logs.All())
			}
			ctx, stop := context.WithCancel(t.Context())
			arrived, done := b.Arrived(), make(chan error)
			go func() { done <- b.Run(ctx) }()
			<-arrived
			stop()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `"id":"tel:+15551001"`) {
				t.Errorf("%s, %v", text, err)
			}
			if left, _ := filepath.Glob(filepath.Join(folder, ".*")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// A device that is told with another extension hasn't the old one too.
func TestRosterOfADeviceThatHasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		stint(t, folder, newScripted(d1), func(*Board) {})
		changed := newScripted(d1)
		changed.devices[0].Aliases = []string{"2001"}
		stint(t, folder, changed, func(*Board) {})
		stint(t, folder, deaf{}, func(b *Board) {
			if d, err := b.Resolve("2001"); d != d1 || err != nil {
				t.Errorf("2001 is %q, %v", d, err)
			}
			if d, err := b.Resolve("1001"); err == nil {
				t.Errorf("1001 is %q still", d)
			}
		})
	})
}
