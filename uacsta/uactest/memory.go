package uactest

import (
	"errors"
	"net"
	"strconv"
	"sync"
)

// Memory is a listener whose connections are in memory: nothing in it waits for a network, so it can be used under fake time
// (testing/synctest). A connection holds nothing: what is written waits until it is read.
type Memory struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
	mu    sync.Mutex
	ports int
}

// NewMemory makes one.
func NewMemory() *Memory { return &Memory{conns: make(chan net.Conn), done: make(chan struct{})} }

// Dial connects. It gives nil where the listener is closed.
func (m *Memory) Dial() net.Conn { return m.DialFrom("127.0.0.1") }

// DialFrom is Dial by a peer of that address.
func (m *Memory) DialFrom(host string) net.Conn {
	m.mu.Lock()
	m.ports++
	port := 40000 + m.ports
	m.mu.Unlock()
	near, far := net.Pipe()
	here, there := gateway, memoryAddr{host, port}
	select {
	case m.conns <- memoryConn{far, here, there}:
		return memoryConn{near, there, here}
	case <-m.done:
		return nil
	}
}

// Accept gives the next connection.
func (m *Memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, errors.Join(errors.New("uactest: the listener is closed"), net.ErrClosed)
	}
}

// Close ends Accept and Dial; connections stay.
func (m *Memory) Close() error {
	m.close.Do(func() { close(m.done) })
	return nil
}

// Addr is that of a gateway on loopback.
func (m *Memory) Addr() net.Addr { return gateway }

type memoryConn struct {
	net.Conn
	local, remote memoryAddr
}

func (c memoryConn) LocalAddr() net.Addr  { return c.local }
func (c memoryConn) RemoteAddr() net.Addr { return c.remote }

// memoryAddr is an address and port, but of nobody else.
type memoryAddr struct {
	host string
	port int
}

var gateway = memoryAddr{"127.0.0.1", 5060}

func (memoryAddr) Network() string  { return "tcp" }
func (a memoryAddr) String() string { return net.JoinHostPort(a.host, strconv.Itoa(a.port)) }
