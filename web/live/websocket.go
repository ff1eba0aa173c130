package live

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/zap"

	"farhook/pbxadapter"
)

// Limits of a WebSocket.
const (
	pongWithin = 60 * time.Second
	readLimit  = 4 << 10
)

// WebSocket upgrades one request, and follows until either side ends it.
func (s *Streams) WebSocket(w http.ResponseWriter, r *http.Request, v Viewer, after string, f Filter) {
	defer s.finish()
	up := websocket.Upgrader{
		CheckOrigin: s.allowed, HandshakeTimeout: 5 * time.Second, ReadBufferSize: 512, WriteBufferSize: 1024,
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			w.Header().Set("Sec-WebSocket-Version", "13") // RFC 6455, 4.4
			s.refuse(w, status, reason.Error())
		},
	}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		s.log.Info("stream refused", zap.Error(err), pbxadapter.TraceField(r.Context()))
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer cancel()
		listen(conn)
	}()
	err = s.follow(ctx, &socket{conn: conn}, v, after, f)
	code, reason := websocket.CloseGoingAway, ""
	switch {
	case errors.Is(err, errSlow):
		code, reason = websocket.CloseTryAgainLater, "too slow: come back with the last position"
	case errors.Is(err, errRights), errors.Is(err, errMoved):
		code, reason = websocket.ClosePolicyViolation, err.Error()
	}
	_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Second))
	if !errors.Is(err, context.Canceled) {
		s.log.Info("stream ended", zap.String("user", v.Principal.User), zap.String("peer", r.RemoteAddr), zap.Error(err), pbxadapter.TraceField(r.Context()))
	}
	conn.Close()
	<-read
}

// listen takes what the peer sends, which is nothing but pings and pongs, until it goes.
func listen(conn *websocket.Conn) {
	conn.SetReadLimit(readLimit)
	_ = conn.SetReadDeadline(time.Now().Add(pongWithin))
	conn.SetPingHandler(func(data string) error { // with the limit that a write under way has: the library's own would shorten it
		err := conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeWithin))
		if timeout := net.Error(nil); errors.Is(err, websocket.ErrCloseSent) || errors.As(err, &timeout) && timeout.Timeout() {
			return nil // whoever writes finds out
		}
		return err
	})
	conn.SetPongHandler(func(string) error { return conn.SetReadDeadline(time.Now().Add(pongWithin)) })
	for {
		if _, _, err := conn.NextReader(); err != nil {
			return
		}
	}
}

// socket writes text frames, as many as wait in one write.
type socket struct {
	conn *websocket.Conn
	buf  []byte
}

// mostBuffered is how much is gathered before it is written.
const mostBuffered = 16 << 10

// send appends a text frame (RFC 6455, 5.2): a server's are neither masked nor, here, compressed or in fragments.
func (s *socket) send(e Encoded) error {
	const final, text = 0x80, 0x01
	n := len(e.JSON)
	s.buf = append(s.buf, final|text)
	switch {
	case n < 126:
		s.buf = append(s.buf, byte(n))
	case n < 1<<16:
		s.buf = append(s.buf, 126, byte(n>>8), byte(n))
	default:
		s.buf = append(s.buf, 127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	s.buf = append(s.buf, e.JSON...)
	if len(s.buf) >= mostBuffered {
		return s.flush()
	}
	return nil
}

func (s *socket) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	c := s.conn.NetConn()
	if err := c.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	_, err := c.Write(s.buf)
	s.buf = s.buf[:0]
	if cap(s.buf) > 4*mostBuffered {
		s.buf = nil
	}
	return err
}

func (s *socket) ping() error {
	return s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin))
}
