package web

import (
	"context"
	"errors"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
	"farhook/web/live"
)

// watcher follows one device while a request is under way.
type watcher struct {
	server *Server
	ctx    context.Context
	cursor *switchboard.Cursor
	news   chan struct{}
}

func (s *Server) watch(ctx context.Context, d csta.DeviceID) *watcher {
	w := &watcher{server: s, ctx: ctx, news: make(chan struct{}, 1)}
	w.cursor = s.board.Follow(who(ctx), switchboard.Now, switchboard.Filter{Devices: []csta.DeviceID{d}}, func() {
		select {
		case w.news <- struct{}{}:
		default:
		}
	})
	return w
}

// Close ends it.
func (w *watcher) Close() { w.cursor.Close() }

// caused is the call of the first event that an operation caused; empty: there was none yet.
func (w *watcher) caused(op callmodel.OpID) csta.CallID {
	for {
		e, ok, err := w.cursor.Next()
		if err != nil || !ok {
			return ""
		}
		if e.Op == op && len(e.Calls) > 0 {
			return e.Calls[len(e.Calls)-1]
		}
	}
}

// until waits for a state of the call: connected (somebody else of the call is connected too) or cleared. inTime: the call got there, or
// it ended or failed before it did.
func (w *watcher) until(ctx context.Context, c csta.ConnectionID, state string) (call live.Call, reached, inTime bool) {
	last := live.Call{ID: c.Call}
	for {
		w.drain(c.Call, &last)
		now, up := w.server.board.Call(who(w.ctx), c.Call)
		switch {
		case !up:
			last.Ended = true
			return last, state == "cleared", true
		default:
			last = w.server.call(w.ctx, now)
		}
		if state == "connected" && talking(now, c.Device) {
			return last, true, true
		}
		if state == "connected" && failed(now, c.Device) {
			return last, false, true
		}
		select {
		case <-w.news:
		case <-ctx.Done():
			return last, false, false
		}
	}
}

// drain reads what has come, and notes why the call ended.
func (w *watcher) drain(call csta.CallID, last *live.Call) {
	for {
		e, ok, err := w.cursor.Next()
		if errors.Is(err, switchboard.ErrLagged) {
			w.cursor.Skip(w.server.board.Last())
			continue
		}
		if !ok {
			return
		}
		if cause := live.CauseOf(e.Event); cause != "" && len(e.Calls) > 0 && e.Calls[len(e.Calls)-1] == call {
			last.Cause = cause
		}
	}
}

// failed says whether whoever a device has called can't be had: the call stands, with nobody else in it.
func failed(c callmodel.Call, d csta.DeviceID) bool {
	others := false
	for _, l := range c.Legs {
		if l.Device != d {
			if others = true; l.State != csta.Fail {
				return false
			}
		}
	}
	return others
}

// talking says whether a device and another one of its call are connected.
func talking(c callmodel.Call, d csta.DeviceID) bool {
	own, others := false, false
	for _, l := range c.Legs {
		if l.State == csta.Connected && l.Kind != callmodel.Network {
			own, others = own || l.Device == d, others || l.Device != d
		}
	}
	return own && others
}
