package live

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

// Message is what the stream sends: a snapshot first, then events. A snapshot may come again at any time, and replaces everything.
type Message struct {
	Type     string     `json:"type" enum:"snapshot,event"`
	Position string     `json:"position" doc:"epoch.number; ?after= it goes on from here"`
	At       time.Time  `json:"at" doc:"When it happened, by the gateway's clock"`
	Event    string     `json:"event,omitempty" doc:"Name of the CSTA event" example:"DeliveredEvent"`
	Body     csta.Event `json:"body,omitempty" doc:"The event, with the members of ECMA-323"`
	Audience []Seat     `json:"audience,omitempty" doc:"Devices that the event is told to, each with the state of its own connection"`
	By       string     `json:"by,omitempty" doc:"Who asked for it, if it was asked for through farhook"`
	Devices  []Device   `json:"devices,omitempty" doc:"In a snapshot all devices; in an event those whose features or service changed"`
	Calls    []Call     `json:"calls,omitempty" doc:"In a snapshot all calls; in an event those that it is about, as they are after it"`
}

// Seat is one hearer of an event.
type Seat struct {
	Device csta.DeviceID `json:"deviceID"`
	Local  csta.State    `json:"localConnectionInfo,omitempty"`
}

// Limits of one follower.
const (
	pingEvery   = 20 * time.Second
	pongWithin  = 50 * time.Second
	writeWithin = 10 * time.Second
	readLimit   = 4 << 10
)

// Streams serves the WebSocket stream. Followers see every event that they may observe once, in journal order; one that is too slow starts again
// from a snapshot, and costs nobody else anything.
type Streams struct {
	board    *switchboard.Board
	log      *zap.Logger
	upgrader websocket.Upgrader
	open     sync.WaitGroup
	ctx      context.Context
	end      context.CancelFunc
}

// NewStreams makes them. allowed says whether a request may come from where it says it does.
func NewStreams(b *switchboard.Board, log *zap.Logger, allowed func(*http.Request) bool) *Streams {
	ctx, end := context.WithCancel(context.Background())
	return &Streams{
		board: b, log: log, ctx: ctx, end: end,
		upgrader: websocket.Upgrader{CheckOrigin: allowed, HandshakeTimeout: 5 * time.Second},
	}
}

// Close ends every stream, and returns when they have.
func (s *Streams) Close() {
	s.end()
	s.open.Wait()
}

// Serve upgrades one request, and follows until either side ends it.
func (s *Streams) Serve(w http.ResponseWriter, r *http.Request, who switchboard.Principal) {
	s.open.Add(1)
	defer s.open.Done()
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.log.Info("stream refused", zap.Error(err))
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	s.open.Go(func() {
		defer cancel()
		read(conn)
	})
	err = s.follow(ctx, conn, who, r.URL.Query().Get("after"))
	if ctx.Err() != nil {
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""), time.Now().Add(time.Second))
		return
	}
	s.log.Info("stream ended", zap.String("peer", r.RemoteAddr), zap.Error(err))
}

// read takes what the peer sends, which is nothing but pongs, until it goes.
func read(conn *websocket.Conn) {
	conn.SetReadLimit(readLimit)
	_ = conn.SetReadDeadline(time.Now().Add(pongWithin))
	conn.SetPongHandler(func(string) error { return conn.SetReadDeadline(time.Now().Add(pongWithin)) })
	for {
		if _, _, err := conn.NextReader(); err != nil {
			return
		}
	}
}

// follow writes a snapshot, where the position isn't good any more, and events from then on.
func (s *Streams) follow(ctx context.Context, conn *websocket.Conn, who switchboard.Principal, after string) error {
	news := make(chan struct{}, 1)
	wake := func() {
		select {
		case news <- struct{}{}:
		default:
		}
	}
	from, known := s.position(after)
	f := s.board.Follow(who, from, switchboard.Filter{All: true}, wake)
	defer f.Close()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for fresh := !known; ; fresh = false {
		if fresh {
			m, seq := s.snapshot(who)
			f.Skip(seq)
			if err := write(conn, m); err != nil {
				return err
			}
		}
		for {
			e, ok, err := f.Next()
			if errors.Is(err, switchboard.ErrLagged) {
				m, seq := s.snapshot(who)
				f.Skip(seq)
				if err := write(conn, m); err != nil {
					return err
				}
				continue
			}
			if !ok {
				break
			}
			if err := write(conn, s.event(who, e)); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-news:
		case <-ping.C:
			if err := conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin)); err != nil {
				return err
			}
		}
	}
}

func write(conn *websocket.Conn, m Message) error {
	if err := conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	return conn.WriteJSON(m)
}

// position reads epoch.number. false: it is of no use to this journal.
func (s *Streams) position(after string) (switchboard.Seq, bool) {
	i := strings.LastIndexByte(after, '.')
	if i < 0 || after[:i] != s.board.Epoch() {
		return switchboard.Now, false
	}
	n, err := strconv.ParseUint(after[i+1:], 10, 63)
	if err != nil {
		return switchboard.Now, false
	}
	return switchboard.Seq(n), true
}

func (s *Streams) at(n switchboard.Seq) string {
	return s.board.Epoch() + "." + strconv.FormatUint(uint64(n), 10)
}

func (s *Streams) snapshot(who switchboard.Principal) (Message, switchboard.Seq) {
	state, seq := s.board.Snapshot(who, switchboard.Filter{All: true})
	m := Message{Type: "snapshot", Position: s.at(seq), At: time.Now(), Devices: []Device{}, Calls: []Call{}}
	for _, d := range s.board.Devices(who) {
		m.Devices = append(m.Devices, DeviceOf(d, state))
	}
	for _, c := range state.Calls {
		m.Calls = append(m.Calls, CallOf(c))
	}
	return m, seq
}

func (s *Streams) event(who switchboard.Principal, e switchboard.Entry) Message {
	m := Message{Type: "event", Position: s.at(e.Seq), At: e.At, Event: e.Event.Element(), Body: e.Event, By: e.By.User}
	for i, id := range e.Calls {
		if c := e.After[i]; c != nil {
			m.Calls = append(m.Calls, CallOf(*c))
		} else {
			m.Calls = append(m.Calls, Call{ID: id, Ended: true})
		}
	}
	for _, seat := range e.Audience {
		m.Audience = append(m.Audience, Seat(seat))
		if len(e.Calls) > 0 {
			continue
		}
		if info, ok := s.board.Device(who, seat.Device); ok {
			state, _ := s.board.Snapshot(who, switchboard.Filter{Devices: []csta.DeviceID{seat.Device}})
			m.Devices = append(m.Devices, DeviceOf(info, state))
		}
	}
	return m
}
