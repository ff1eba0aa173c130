package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"farhook/csta"
)

// openLoop signs the sessions in and makes requests when they are due, whatever the server does: how long a request took is counted from then, so that
// a server that stalls doesn't hide it by being asked less.
func (b *benchCmd) openLoop(ctx context.Context, t *target, w workload) (result, error) {
	l, err := newGenerator(ctx, t.addr, b.Connections, b.Sessions)
	if err != nil {
		return result{}, err
	}
	defer l.close()
	defer context.AfterFunc(ctx, l.close)()
	if err := l.signIn(); err != nil {
		return result{}, err
	}
	var mu sync.Mutex
	var total result
	gap := time.Second * time.Duration(len(l.conns)) / time.Duration(b.Rate)
	began := time.Now()
	err = l.each(func(c *loadConn) error {
		if len(c.sessions) == 0 {
			return nil
		}
		r, err := c.paced(w.steps, gap, max(int(b.Duration/gap), 1))
		mu.Lock()
		defer mu.Unlock()
		total.add(r)
		return err
	})
	total.took = time.Since(began)
	if err != nil {
		return total, err
	}
	return total, l.signOut()
}

// paced makes n requests, one each gap, and then ends what was begun.
func (c *loadConn) paced(steps []step, gap time.Duration, n int) (result, error) {
	idle := make(chan *caller, len(c.sessions))
	for _, s := range c.sessions {
		idle <- s
	}
	var sending error
	var wg sync.WaitGroup
	wg.Go(func() {
		due := time.Now()
		for range n {
			time.Sleep(time.Until(due))
			s := <-idle
			s.sent = due
			if sending = c.send(s.next(nil, steps)); sending != nil {
				c.conn.Close()
				return
			}
			due = due.Add(gap)
		}
	})
	var r result
	var reading error
	for r.n < n && reading == nil {
		var s *caller
		if s, reading = c.answered(); s != nil {
			r.latencies = append(r.latencies, time.Since(s.sent))
			r.n++
			idle <- s
		}
	}
	if reading != nil { // nobody else is to wait for a session
		c.conn.Close()
		for range n - r.n {
			select {
			case idle <- c.sessions[0]:
			default:
			}
		}
	}
	wg.Wait()
	if err := errors.Join(sending, reading); err != nil {
		return r, err
	}
	for _, s := range c.sessions {
		for s.step%len(steps) != 0 {
			if err := c.send(s.next(nil, steps)); err != nil {
				return r, err
			}
			for s := (*caller)(nil); s == nil; {
				var err error
				if s, err = c.answered(); err != nil {
					return r, err
				}
			}
		}
	}
	return r, nil
}

// answered reads one message, and gives the session that it answers; nil: it's an event.
func (c *loadConn) answered() (*caller, error) {
	head, body, err := c.read()
	if err != nil || bytes.HasPrefix(head, []byte("INFO ")) {
		return nil, err
	}
	s, err := c.session(head)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(head, []byte("SIP/2.0 200 ")) || bytes.Contains(body, []byte("<CSTAErrorCode")) {
		return nil, fmt.Errorf("answered: %s %s (%s %q step %d)", firstLine(head), body, s.line, s.last, s.step)
	}
	if id := between(string(body), "<callID>", "</callID>"); id != "" {
		s.last = id
	} else if id := between(string(body), "<monitorCrossRefID>", "</monitorCrossRefID>"); id != "" {
		s.last = id
	}
	return s, nil
}

// codec is what csta takes for the two things that a busy gateway does most: an event from its template, and reading.
func codec() (encode, decode time.Duration, err error) {
	e := csta.DeliveredEvent{
		Connection:     csta.ConnectionID{Call: "sim-1", Device: "tel:+15551001"},
		AlertingDevice: csta.SubjectDeviceID{DeviceIdentifier: "tel:+15551001"},
		CallingDevice:  csta.SubjectDeviceID{DeviceIdentifier: "tel:+15551002"},
		CalledDevice:   csta.SubjectDeviceID{DeviceIdentifier: "tel:+15551001"}, LocalConnectionInfo: csta.Alerting, Cause: csta.CauseNewCall,
		LastRedirectionDevice: csta.RedirectionDeviceID{NotRequired: true},
	}
	const times = 20_000
	t := csta.Prepare(e, csta.Ed3)
	text := t.Append(nil, "m-1", csta.Alerting, nil)
	began := time.Now()
	for range times {
		text = t.Append(text[:0], "m-1", csta.Alerting, nil)
	}
	encode = time.Since(began) / times
	began = time.Now()
	for range times {
		if _, _, err = csta.Decode(text); err != nil {
			return 0, 0, err
		}
	}
	return encode, time.Since(began) / times, nil
}
