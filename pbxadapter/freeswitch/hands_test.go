package freeswitch

import (
	"net"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter/freeswitch/fake"
)

// newFake is a fake PBX that listens somewhere.
func newFake(t testing.TB) (*fake.PBX, net.Addr) {
	t.Helper()
	return newBarring(t)
}

// newBarring is one that bars some phones from numbers that begin with 00.
func newBarring(t testing.TB, barred ...string) (*fake.PBX, net.Addr) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := fake.New(fake.Config{Password: password, Barred: barred})
	done := make(chan struct{})
	go func() { defer close(done); f.Serve(ln) }()
	t.Cleanup(func() {
		_ = ln.Close()
		f.Cut()
		<-done
	})
	return f, ln.Addr()
}

const password = "secret"

// hands are people at the fake's phones.
type hands struct{ f *fake.PBX }

func (h hands) Dial(from, to csta.DeviceID) error { h.f.Call(string(from), string(to)); return nil }
func (h hands) Answer(d csta.DeviceID) error      { return h.f.Answer(string(d)) }
func (h hands) HangUp(d csta.DeviceID) error      { return h.f.HangUp(string(d)) }
func (h hands) Hold(d csta.DeviceID) error        { return h.f.Hold(string(d)) }
func (h hands) Retrieve(d csta.DeviceID) error    { return h.f.Retrieve(string(d)) }
func (h hands) Reject(d csta.DeviceID) error      { return h.f.Reject(string(d)) }
func (h hands) Press(d csta.DeviceID, digits string) error {
	return h.f.Press(string(d), digits)
}
func (h hands) Pressed(d csta.DeviceID) (string, error) { return h.f.Pressed(string(d)), nil }
func (h hands) CutLink()                                { h.f.Set(func(m *fake.Mood) { m.Down = true }); h.f.Cut() }

func (h hands) RestoreLink() { h.f.Set(func(m *fake.Mood) { m.Down = false }) }
