package freeswitch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"farhook/pbxadapter"
)

// refusal is a command that the PBX refused; its text is what it said.
type refusal struct{ said string }

func (r refusal) Error() string { return "the PBX said " + clip(r.said) }

var (
	errSlow   = errors.New("freeswitch: too far behind the PBX's events: the link is closed to start anew")
	errClosed = errors.New("freeswitch: the link is lost")
)

// conn is one connection to the event socket. One goroutine reads, and never waits for anybody: what it has read piles up in inbox until
// somebody takes it. Commands are written by whoever has one; their answers are found by take.
type conn struct {
	nc      net.Conn
	r       *bufio.Reader
	tap     func(ctx context.Context, sent bool, text string) // everything but passwords, and keep-alives; nil: none
	allowed []string                                          // events that the user of the directory may hear; none: all
	meter   pbxadapter.Meter
	limit   int // octets that may wait in inbox

	mu      sync.Mutex
	inbox   []frame
	waiting int      // octets in inbox
	spare   [][]byte // bodies that nobody needs any more
	wake    chan struct{}
	err     error         // why reading ended
	ended   chan struct{} // closed when it did

	wmu     sync.Mutex // orders writing, and replies with it
	replies []chan frame
	jobs    map[string]chan string // by Job-UUID
}

// writeTime is how long the PBX may take to take a command.
const writeTime = 10 * time.Second

func newConn(nc net.Conn, limit int) *conn {
	return &conn{
		nc: nc, r: bufio.NewReaderSize(nc, maxHeader), limit: limit, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		jobs: make(map[string]chan string),
	}
}

// login waits for the PBX's greeting, and gives the password: that of the event socket, or of a user of the directory.
func (c *conn) login(user, password string) error {
	f, err := readFrame(c.r, nil)
	if err != nil {
		return fmt.Errorf("freeswitch: waiting for the greeting: %w", err)
	}
	switch f.kind {
	case authRequest:
	case rudeRejection:
		return errors.New("freeswitch: this address is not allowed: it is not in the event socket's access list (apply-inbound-acl)")
	case disconnectNotice:
		return errors.New("freeswitch: the PBX closed the link at once")
	default:
		return fmt.Errorf("freeswitch: %q is no event socket's greeting", clip(f.kind))
	}
	text := "auth " + password
	if user != "" {
		text = "userauth " + user + ":" + password
	}
	if err := line(text); err != nil {
		return errors.New("freeswitch: the password is not one line")
	}
	if err := c.write(text); err != nil {
		return err
	}
	c.record(context.Background(), true, strings.Fields(text)[0]+" ***")
	if f, err = readFrame(c.r, nil); err != nil {
		return fmt.Errorf("freeswitch: waiting for the answer to the password: %w", err)
	}
	if f.kind != commandReply || !strings.HasPrefix(f.reply, "+OK") {
		return fmt.Errorf("freeswitch: the password was refused: %s", clip(f.reply))
	}
	if c.allowed = strings.Fields(f.events); slices.Contains(c.allowed, "all") || slices.Contains(c.allowed, "ALL") {
		c.allowed = nil
	}
	return nil
}

// ping is the command that keeps the link alive. It is not recorded.
const ping = "echo farhook"

func (c *conn) record(ctx context.Context, sent bool, text string) {
	if c.tap != nil {
		c.tap(ctx, sent, text)
	}
}

func (c *conn) write(text string) error {
	_ = c.nc.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := c.nc.Write([]byte(text + "\n\n")); err != nil {
		_ = c.nc.Close() // half a command may have gone
		return fmt.Errorf("freeswitch: sending a command: %w", err)
	}
	return nil
}

// read reads until the connection ends.
func (c *conn) read() {
	var err error
	for {
		var f frame
		c.mu.Lock()
		var spare []byte
		if n := len(c.spare); n > 0 {
			spare, c.spare = c.spare[n-1], c.spare[:n-1]
		}
		c.mu.Unlock()
		if f, err = readFrame(c.r, spare); err != nil {
			break
		}
		if f.kind == disconnectNotice {
			err = fmt.Errorf("the PBX closed it: %s", clip(clean(f.body)))
			break
		}
		f.at = time.Now()
		c.mu.Lock()
		c.inbox = append(c.inbox, f)
		c.waiting += len(f.body)
		full := c.waiting > c.limit
		c.mu.Unlock()
		select {
		case c.wake <- struct{}{}:
		default:
		}
		if full {
			err = errSlow
			break
		}
	}
	if errors.Is(err, io.EOF) { // without a word
		err = errors.New("the PBX closed it, as it does when it ends, and with a listener for which too many events wait")
	}
	_ = c.nc.Close()
	c.mu.Lock()
	c.err = fmt.Errorf("freeswitch: the link is lost: %w", err)
	c.mu.Unlock()
	close(c.ended)
}

// take gives what has been read since. It is called by one goroutine.
func (c *conn) take() []frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.inbox
	c.inbox, c.waiting = nil, 0
	return f
}

// done takes frames back that have been heard: nobody keeps their octets. Bodies for a busy moment are kept, and none that is unusually long.
func (c *conn) done(frames []frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range frames {
		if n := cap(f.body); n > 0 && n <= 64<<10 && len(c.spare) < 256 {
			c.spare = append(c.spare, f.body)
		}
	}
}

func (c *conn) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// answered gives a reply to the command that has waited longest for one: they come in order.
func (c *conn) answered(f frame) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if len(c.replies) > 0 {
		c.replies[0] <- f // holds one
		c.replies = c.replies[1:]
	}
}

// finished gives a background job's result to who waits for it.
func (c *conn) finished(job, result string) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if ch := c.jobs[job]; ch != nil {
		ch <- result // holds one
		delete(c.jobs, job)
	}
}

// command sends a command of one or several lines and waits for its reply.
func (c *conn) command(ctx context.Context, text string) (string, error) {
	reply := make(chan frame, 1)
	c.wmu.Lock()
	c.replies = append(c.replies, reply)
	err := c.write(text)
	c.wmu.Unlock()
	if err != nil {
		return "", err
	}
	if alive := strings.HasPrefix(text, "bgapi "+ping+"\n"); !alive {
		c.record(ctx, true, text)
	}
	select {
	case f := <-reply:
		if failed(f.reply) {
			c.record(ctx, false, f.reply)
			return "", refusal{f.reply}
		}
		return f.reply, nil
	case <-c.ended:
		return "", errClosed
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// count counts a command by its first word.
func (c *conn) count(command string, took time.Duration, err error) {
	word, _, _ := strings.Cut(command, " ")
	o := pbxadapter.Unanswered
	var said refusal
	switch {
	case err == nil:
		o = pbxadapter.Answered
	case errors.As(err, &said):
		o = pbxadapter.Refused
	case errors.Is(err, errClosed):
		o = pbxadapter.LinkLost
	}
	c.meter.Command(word, took, o)
}

// event has the PBX fire an event, which is the text of sendEvent.
func (c *conn) event(ctx context.Context, text string) (err error) {
	began := time.Now()
	defer func() { c.count("sendevent", time.Since(began), err) }()
	_, err = c.command(ctx, text)
	return err
}

// bgapi has the PBX carry out a command, and waits for the result. Never api: that holds the connection's events up until it has ended.
func (c *conn) bgapi(ctx context.Context, command string) (_ string, err error) {
	if err := line(command); err != nil {
		return "", err
	}
	if command != ping {
		began := time.Now()
		defer func() { c.count(command, time.Since(began), err) }()
	}
	job, result := newID(), make(chan string, 1)
	c.wmu.Lock()
	c.jobs[job] = result
	c.wmu.Unlock()
	defer func() {
		c.wmu.Lock()
		delete(c.jobs, job)
		c.wmu.Unlock()
	}()
	if _, err := c.command(ctx, "bgapi "+command+"\nJob-UUID: "+job); err != nil {
		return "", err
	}
	select {
	case r := <-result:
		if command != ping {
			c.record(ctx, false, r)
		}
		if failed(r) {
			return r, refusal{clean([]byte(r))}
		}
		return r, nil
	case <-c.ended:
		return "", errClosed
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
