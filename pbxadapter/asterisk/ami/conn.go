package ami

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Times.
const (
	answerWithin = 5 * time.Second
	writeWithin  = 5 * time.Second
	loginWithin  = 10 * time.Second
	pingEvery    = 20 * time.Second
	pingWithin   = 20 * time.Second
)

// Errors of a connection.
var (
	ErrLogin    = errors.New("ami: authentication failed: username, secret or permit of the account are wrong")
	ErrOverflow = errors.New("ami: events come faster than they are processed: the link is given up and built anew")
	ErrNoAnswer = errors.New("ami: Asterisk did not answer in time")
	ErrClosed   = errors.New("ami: the connection is closed")
	ErrLost     = fmt.Errorf("%w, before the action was answered: whether it was done is not known", ErrClosed)
	errDead     = errors.New("ami: Asterisk does not answer pings")
)

// Refused is an answer that says no.
type Refused struct {
	Action, Message string
}

func (e *Refused) Error() string { return fmt.Sprintf("ami: %s: %s", e.Action, e.Message) }

// Options of a connection.
type Options struct {
	Username, Secret string
	Challenge        bool   // login by MD5 challenge: the secret doesn't travel
	EventMask        string // classes of events, such as "call,system"
	Queue            int    // events that may wait; 0: 16384
	Unwanted         map[string]bool
	// Record hears every action, with the context that it was sent under, and every answer; may be nil. It must not keep the octets.
	Record func(ctx context.Context, sent bool, text []byte)
	// Done hears of every action that was sent how long its answer took, and what Do or List returns; may be nil.
	Done func(action string, took time.Duration, err error)
}

// Conn is a connection that is logged in. Its methods may be called concurrently.
type Conn struct {
	c       net.Conn
	o       Options
	r       *Reader
	Banner  string
	events  chan Message
	done    chan struct{} // closed when the reader ends
	closing sync.Once
	writing sync.Mutex

	mu      sync.Mutex
	err     error
	last    uint64
	prefix  string
	pending map[string]*pending
}

type pending struct {
	list  bool
	reply Reply
	ready chan struct{}
}

// Reply is the answer to an action.
type Reply struct {
	Message
	Items []Message // of a list
}

// Open logs in on a connection that Asterisk accepted. The connection is closed when that fails, when ctx ends meanwhile, and by Close.
func Open(ctx context.Context, nc net.Conn, o Options) (*Conn, error) {
	if o.Queue == 0 {
		o.Queue = 16384
	}
	c := &Conn{
		c: nc, o: o, r: NewReader(nc, o.Unwanted), events: make(chan Message, o.Queue), done: make(chan struct{}),
		prefix: "fh" + strconv.FormatInt(time.Now().UnixNano()%1e9, 36) + "-", pending: map[string]*pending{},
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	_ = nc.SetReadDeadline(time.Now().Add(loginWithin))
	banner, err := c.r.Banner()
	if err == nil && !strings.HasPrefix(banner, "Asterisk Call Manager/") {
		err = errBanner
	}
	if err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("ami: %w", err)
	}
	c.Banner = banner
	_ = nc.SetReadDeadline(time.Time{})
	go c.read()
	if err := c.login(ctx); err != nil {
		c.Close()
		<-c.done
		return nil, err
	}
	return c, nil
}

// Events are the messages that answer nothing, in wire order. It is closed when the connection ends; Err says why.
func (c *Conn) Events() <-chan Message { return c.events }

// Err says why the connection ended; nil while it hasn't, and after Close.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(c.err, ErrClosed) {
		return nil
	}
	return c.err
}

// Close ends the connection, and waits for nobody.
func (c *Conn) Close() { c.fail(ErrClosed) }

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.done }

func (c *Conn) fail(err error) {
	c.closing.Do(func() {
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
		_ = c.c.Close()
	})
}

// read is the reader.
func (c *Conn) read() {
	defer close(c.done)
	defer close(c.events)
	for {
		m, err := c.r.Next()
		if err != nil {
			c.fail(fmt.Errorf("ami: connection lost: %w", err))
			c.abandon()
			return
		}
		if c.answers(m) {
			continue
		}
		select {
		case c.events <- m:
		default:
			c.fail(ErrOverflow)
			c.abandon()
			return
		}
	}
}

// answers gives a message to whoever asked for it, and says whether somebody did.
func (c *Conn) answers(m Message) bool {
	id := m.Get("ActionID")
	if !strings.HasPrefix(id, c.prefix) {
		return m.isResponse()
	}
	event := m.Event()
	if event == "OriginateResponse" {
		return false // what became of it is an event: its answer has come long before
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pending[id]
	if p == nil {
		return true // nobody waits for it any more
	}
	if event == "" {
		p.reply.Message = m
		if p.list && m.Get("Response") == "Success" {
			return true
		}
	} else if m.Get("EventList") != "Complete" {
		if len(p.reply.Items) < 1_000_000 {
			p.reply.Items = append(p.reply.Items, m)
		}
		return true
	}
	delete(c.pending, id)
	close(p.ready)
	return true
}

// abandon tells everybody who waits that nothing will come.
func (c *Conn) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, p := range c.pending {
		delete(c.pending, id)
		close(p.ready)
	}
}

// Do sends an action, and waits for its answer at most 5 s. A refusal is a *Refused, a field that must not be sent a *FieldError. ErrClosed:
// the action was not sent; ErrLost, which is one: it may have been done.
func (c *Conn) Do(ctx context.Context, a *Action) (Reply, error) { return c.ask(ctx, a, false) }

// List is Do for actions that are answered by a list.
func (c *Conn) List(ctx context.Context, a *Action) (Reply, error) { return c.ask(ctx, a, true) }

func (c *Conn) ask(ctx context.Context, a *Action, list bool) (_ Reply, err error) {
	p := &pending{list: list, ready: make(chan struct{})}
	c.mu.Lock()
	c.last++
	id := c.prefix + strconv.FormatUint(c.last, 10)
	c.mu.Unlock()
	text, err := a.encode(id)
	if err != nil {
		return Reply{}, err
	}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return Reply{}, ErrClosed
	}
	c.pending[id] = p
	c.mu.Unlock()
	forget := func() {
		c.mu.Lock()
		delete(c.pending, id)
		c.mu.Unlock()
	}
	if c.o.Record != nil && a.name != "Ping" {
		c.o.Record(ctx, true, masked(text))
	}
	if c.o.Done != nil && a.name != "Ping" {
		began := time.Now()
		defer func() { c.o.Done(a.name, time.Since(began), err) }()
	}
	if err := c.write(text); err != nil {
		forget()
		c.fail(fmt.Errorf("ami: %w", err))
		return Reply{}, ErrLost
	}
	within := answerWithin
	if list {
		within *= 6
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.ready:
	case <-ctx.Done():
		forget()
		return Reply{}, ctx.Err()
	case <-timer.C:
		forget()
		return Reply{}, fmt.Errorf("%w: %s", ErrNoAnswer, a.name)
	case <-c.done:
		select {
		case <-p.ready:
		default:
			return Reply{}, ErrLost
		}
	}
	if c.o.Record != nil && a.name != "Ping" {
		c.o.Record(ctx, false, []byte(p.reply.String()))
	}
	switch p.reply.Get("Response") {
	case "Success", "Goodbye":
		return p.reply, nil
	case "":
		return Reply{}, ErrLost
	}
	return p.reply, &Refused{a.name, p.reply.Get("Message")}
}

func (c *Conn) write(text []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.c.SetWriteDeadline(time.Now().Add(writeWithin))
	_, err := c.c.Write(text)
	return err
}

// Ping asks now and then whether Asterisk is still there, until ctx ends or the connection does. Two misses end the connection.
func (c *Conn) Ping(ctx context.Context) {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	missed := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.done:
			return
		case <-ticker.C:
		}
		within, cancel := context.WithTimeout(ctx, pingWithin)
		_, err := c.Do(within, NewAction("Ping"))
		cancel()
		if err == nil || ctx.Err() != nil {
			missed = 0
			continue
		}
		if missed++; missed == 2 {
			c.fail(errDead)
			return
		}
	}
}
