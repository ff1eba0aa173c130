package live

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
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

// limited tells of each limit that is set for a write.
type limited struct {
	net.Conn
	within chan time.Duration
}

func (l limited) SetWriteDeadline(t time.Time) error {
	l.within <- time.Until(t)
	return l.Conn.SetWriteDeadline(t)
}

// The answer to a ping shortens no write that is under way: its limit is the same.
func TestPingKeepsTheLimit(t *testing.T) {
	within := make(chan time.Duration, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{}
		conn, err := up.Upgrade(hijacked{w, within}, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		listen(conn)
	}))
	defer srv.Close()
	conn, _, err := websocket.DefaultDialer.Dial(strings.Replace(srv.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.WriteMessage(websocket.PingMessage, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if d := <-within; d < writeWithin/2 {
		t.Errorf("a ping is answered within %v, want %v", d, writeWithin)
	}
}

// hijacked gives a connection that tells of its limits.
type hijacked struct {
	http.ResponseWriter
	within chan time.Duration
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	return limited{c, h.within}, rw, err
}
