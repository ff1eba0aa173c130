package ami

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// server answers actions as f says; an empty answer is none.
func server(c net.Conn, f func(name, id string) string) {
	_, _ = io.WriteString(c, "Asterisk Call Manager/12.0.0\r\n")
	r := bufio.NewReader(c)
	name, id := "", ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		switch k, v, _ := strings.Cut(line, ": "); k {
		case "Action":
			name = v
		case "ActionID":
			id = v
		case "":
			if text := f(name, id); text != "" {
				if _, err := io.WriteString(c, text); err != nil {
					return
				}
			}
		}
	}
}

func ok(id string) string { return "Response: Success\r\nActionID: " + id + "\r\n\r\n" }

func open(t *testing.T, o Options, f func(name, id string) string) (*Conn, error) {
	t.Helper()
	client, s := net.Pipe()
	go server(s, f)
	o.Username, o.Secret = "u", "s"
	return Open(t.Context(), client, o)
}

// Answers and lists find who asked, events between them go their own way, and a refusal is an error.
func TestConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := open(t, Options{Challenge: true}, func(name, id string) string {
			switch name {
			case "Challenge":
				return "Response: Success\r\nActionID: " + id + "\r\nChallenge: 42\r\n\r\n"
			case "List":
				return "Event: Hangup\r\nUniqueid: 1\r\n\r\n" + "Response: Success\r\nActionID: " + id + "\r\nEventList: start\r\n\r\n" +
					"Event: Item\r\nActionID: " + id + "\r\nN: 1\r\n\r\nEvent: Hangup\r\nUniqueid: 2\r\n\r\nEvent: Item\r\nActionID: " + id + "\r\nN: 2\r\n\r\n" +
					"Event: ListComplete\r\nActionID: " + id + "\r\nEventList: Complete\r\n\r\n"
			case "No":
				return "Response: Error\r\nActionID: " + id + "\r\nMessage: Permission denied\r\n\r\n"
			case "Late":
				return ""
			}
			return ok(id)
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		r, err := c.List(t.Context(), NewAction("List"))
		if err != nil || len(r.Items) != 2 || r.Items[1].Get("N") != "2" {
			t.Errorf("%v, %v", r, err)
		}
		for n := 1; n <= 2; n++ {
			if m := <-c.Events(); m.Get("Uniqueid") != fmt.Sprint(n) {
				t.Errorf("event %d is %q", n, m)
			}
		}
		var no *Refused
		if _, err := c.Do(t.Context(), NewAction("No")); !errors.As(err, &no) || no.Message != "Permission denied" {
			t.Error(err)
		}
		began := time.Now()
		if _, err := c.Do(t.Context(), NewAction("Late")); !errors.Is(err, ErrNoAnswer) || time.Since(began) != answerWithin {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// A wrong secret is told as such; a server that stops answering pings is left; a queue that overflows ends the link, and the reader never waits.
func TestConnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, err := open(t, Options{}, func(_, id string) string {
			return "Response: Error\r\nActionID: " + id + "\r\nMessage: Authentication failed\r\n\r\n"
		}); !errors.Is(err, ErrLogin) {
			t.Errorf("%v, want ErrLogin", err)
		}
		c, err := open(t, Options{}, func(name, id string) string {
			if name == "Ping" {
				return ""
			}
			return ok(id)
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		c.Ping(t.Context())
		if !errors.Is(c.Err(), errDead) || time.Since(began) > 90*time.Second {
			t.Errorf("%v after %v", c.Err(), time.Since(began))
		}
		<-c.Done()

		c, err = open(t, Options{Queue: 10}, func(name, id string) string {
			if name == "Flood" {
				return strings.Repeat("Event: X\r\n\r\n", 100)
			}
			return ok(id)
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Do(t.Context(), NewAction("Flood")); !errors.Is(err, ErrClosed) {
			t.Errorf("%v, want ErrClosed", err)
		}
		if !errors.Is(c.Err(), ErrOverflow) {
			t.Error(c.Err())
		}
		n := 0
		for range c.Events() {
			n++
		}
		if n != 10 {
			t.Errorf("%d events were kept", n)
		}
	})
}

// One ping that gets lost is no end, an answer that nobody has asked for is no event, and a list may take longer than an answer.
func TestConnGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pings atomic.Int32
		c, err := open(t, Options{}, func(name, id string) string {
			switch name {
			case "Ping":
				if pings.Add(1)%2 == 1 {
					return ""
				}
			case "List":
				time.Sleep(answerWithin + time.Second)
				return "Response: Success\r\n\r\n" + ok(id) + "Event: ListComplete\r\nActionID: " + id + "\r\nEventList: Complete\r\n\r\nEvent: X\r\n\r\n"
			}
			return ok(id)
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.List(t.Context(), NewAction("List")); err != nil {
			t.Error(err)
		}
		if m := <-c.Events(); m.Event() != "X" {
			t.Errorf("%q is an event", m)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		c.Ping(ctx)
		if n := pings.Load(); c.Err() != nil || n < 4 {
			t.Errorf("%v after %d pings", c.Err(), n)
		}
	})
}

// Whoever asks under a context that ends is let go.
func TestConnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := open(t, Options{}, func(name, id string) string {
			if name == "Slow" {
				return ""
			}
			return ok(id)
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Do(ctx, NewAction("Slow")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
