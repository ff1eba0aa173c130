package live

import (
	"errors"
	"testing"

	"go.uber.org/zap"

	"farhook/pbxadapter/switchboard"
)

// A stream that comes as all are closed either is waited for or doesn't begin; and that is no race.
func TestBegunWhileClosing(t *testing.T) {
	for range 100 {
		s := NewStreams(switchboard.New(switchboard.AnyLine{}, switchboard.Options{}), zap.NewNop(), nil, nil)
		refused := make(chan error, 1)
		go func() {
			for {
				if err := s.Begin(); err != nil {
					refused <- err
					return
				}
				go s.finish()
			}
		}()
		s.Close()
		if n := s.Open(); n != 0 {
			t.Fatalf("%d streams are open", n)
		}
		if err := <-refused; !errors.Is(err, errStopping) {
			t.Fatal(err)
		}
	}
}

// There is a limit, and an end makes room.
func TestMostStreams(t *testing.T) {
	s := NewStreams(switchboard.New(switchboard.AnyLine{}, switchboard.Options{}), zap.NewNop(), nil, nil)
	for range maxStreams {
		if err := s.Begin(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Begin(); !errors.Is(err, errFull) || s.Open() != maxStreams {
		t.Errorf("%v, %d", err, s.Open())
	}
	s.finish()
	if err := s.Begin(); err != nil {
		t.Error(err)
	}
}
