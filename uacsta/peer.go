package uacsta

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard/audit"
)

// Peer is a UC server, or a pool of them, that is trusted to say who its users are.
type Peer struct {
	Name        string
	Hosts       []string       // names, one of which its certificate must have; *.example.com stands for one label
	Addresses   []netip.Prefix // from where it may come over plain TCP
	Domains     []string       // SIP domains of its users; none: any
	Connections int            // largest number at a time; 0: no limit of its own
	Sessions    int            // likewise
	OnLinkLoss  LinkLoss       // what its sessions are told beside events
	WhileDown   int            // status for an INVITE while the PBX link of its line is down: 480 or 503; 0: it's accepted
}

// hasHost says whether a name of a certificate is one of the peer's.
func (p *Peer) hasHost(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	return slices.ContainsFunc(p.Hosts, func(h string) bool {
		h = strings.TrimSuffix(strings.ToLower(h), ".")
		if rest, wild := strings.CutPrefix(h, "*."); wild {
			label, domain, found := strings.Cut(name, ".")
			return found && label != "" && domain == rest
		}
		return h == name
	})
}

func (p *Peer) hasAddress(a netip.Addr) bool {
	return slices.ContainsFunc(p.Addresses, func(x netip.Prefix) bool { return x.Contains(a.Unmap()) })
}

// allows says whether a user's SIP address is in one of the peer's domains.
func (p *Peer) allows(user string) bool {
	if len(p.Domains) == 0 {
		return true
	}
	_, host, _ := strings.Cut(user, "@")
	host, _, _ = strings.Cut(host, ";")
	if name, _, found := strings.Cut(host, ":"); found {
		host = name
	}
	return slices.ContainsFunc(p.Domains, func(d string) bool { return strings.EqualFold(d, host) })
}

// trust is which peers there are, and how much each uses. A server without peers trusts everybody: that's for loopback, and for tests.
type trust struct {
	mu       sync.Mutex
	peers    []Peer
	conns    map[string]int // by name
	sessions map[string]int
	refusals refusals
}

func newTrust(peers []Peer) *trust {
	return &trust{peers: peers, conns: make(map[string]int), sessions: make(map[string]int), refusals: refusals{told: make(map[string]*told)}}
}

func (t *trust) open() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.peers) == 0
}

// find gives the peer for which fits says yes; nil: there is none.
func (t *trust) find(fits func(*Peer) bool) *Peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.peers {
		if fits(&t.peers[i]) {
			p := t.peers[i]
			return &p
		}
	}
	return nil
}

func (t *trust) named(name string) *Peer { return t.find(func(p *Peer) bool { return p.Name == name }) }

// take counts a connection or session of a peer, if it may have one more.
func (t *trust) take(m map[string]int, name string, limit int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if limit > 0 && m[name] >= limit {
		return false
	}
	m[name]++
	return true
}

func (t *trust) give(m map[string]int, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m[name]--; m[name] <= 0 {
		delete(m, name)
	}
}

// ofCertificate is the peer whose name the certificate has: one of its alternative names, or where it has none its common name.
func (t *trust) ofCertificate(certs []*x509.Certificate) (*Peer, error) {
	if len(certs) == 0 {
		return nil, errors.New("uacsta: the peer has shown no certificate")
	}
	names := certs[0].DNSNames
	if len(names) == 0 {
		names = []string{certs[0].Subject.CommonName}
	}
	p := t.find(func(p *Peer) bool { return slices.ContainsFunc(names, p.hasHost) })
	if p == nil {
		return nil, fmt.Errorf("uacsta: the certificate is of %q, which is none of the configured UC servers", strings.Join(names, ", "))
	}
	return p, nil
}

// ofAddress is the peer that may come over plain TCP from an address.
func (t *trust) ofAddress(a net.Addr) (*Peer, error) {
	ip, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return nil, fmt.Errorf("uacsta: %s is no address: %w", a, err)
	}
	p := t.find(func(p *Peer) bool { return p.hasAddress(ip.Addr()) })
	if p == nil {
		return nil, fmt.Errorf("uacsta: %s is no address of a configured UC server", ip.Addr())
	}
	return p, nil
}

// verified is conf with the rule that the peer's certificate must be of a configured UC server, checked within the handshake.
func (t *trust) verified(conf *tls.Config) *tls.Config {
	if t.open() {
		return conf
	}
	outer := conf.Clone()
	outer.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		inner := conf
		if conf.GetConfigForClient != nil {
			c, err := conf.GetConfigForClient(h)
			if err != nil {
				return nil, err
			}
			if c != nil {
				inner = c
			}
		}
		inner = inner.Clone()
		inner.VerifyConnection = func(cs tls.ConnectionState) error {
			_, err := t.ofCertificate(cs.PeerCertificates)
			return err
		}
		return inner, nil
	}
	return outer
}

// mayDial lets connections of our own over plain TCP go to addresses of peers only: where a dialog's route leads is the other side's word.
func (t *trust) mayDial(_, address string, _ syscall.RawConn) error {
	if t.open() {
		return nil
	}
	ip, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if t.find(func(p *Peer) bool { return p.hasAddress(ip.Addr()) }) == nil {
		return fmt.Errorf("uacsta: %s is no address of a configured UC server", ip.Addr())
	}
	return nil
}

// identify finds the peer at the other end of a connection. nil: everybody is trusted.
func (s *Server) identify(n net.Conn) (*Peer, error) {
	if s.trust.open() {
		return nil, nil
	}
	if t, ok := n.(*tls.Conn); ok {
		return s.trust.ofCertificate(t.ConnectionState().PeerCertificates)
	}
	return s.trust.ofAddress(n.RemoteAddr())
}

// SetPeers replaces the peers. Connections of those that aren't trusted any more end; sessions stay, for their users may come by another server.
func (s *Server) SetPeers(peers []Peer) {
	s.trust.mu.Lock()
	s.trust.peers = peers
	s.trust.mu.Unlock()
	s.mu.Lock()
	var gone []*conn
	for c := range s.conns {
		if _, err := s.identify(c.net); err != nil {
			gone = append(gone, c)
		}
	}
	s.mu.Unlock()
	for _, c := range gone {
		s.log.Info("connection ended: its peer is no configured UC server any more", zap.String("peer", c.peer))
		c.close()
	}
}

// Why a peer was refused, for counting and for the doctor.
const (
	refusedHandshake   = "handshake"
	refusedPeer        = "unknown-peer"
	refusedConnections = "connections"
	refusedSessions    = "sessions"
	refusedMemory      = "memory"
	refusedDomain      = "domain"
	refusedNoCSTA      = "no-csta"
	refusedNoLine      = "no-line"
	refusedLine        = "unknown-line"
	refusedRight       = "no-right"
	refusedLinkDown    = "link-down"
)

// tellAgain is how often one peer's refusal for one reason is logged; between, it's counted.
const (
	tellAgain   = time.Minute
	toldAtMost  = 1024 // peers and reasons that are remembered
	refusalKept = 64   // last refusals that Refusals gives
)

// Refusal is a connection or session that was turned away.
type Refusal struct {
	At     time.Time
	Reason string // handshake, unknown-peer, connections, sessions, domain, no-csta, no-line, unknown-line, no-right, link-down, memory
	Peer   string // its name, or its address
	User   string // who wanted it, where that was said
	Line   string // likewise
	Detail string
	Trace  pbxadapter.TraceID // of the request that was refused; zero for a connection
}

// reasonsToRefuse are all of them.
var reasonsToRefuse = []string{
	refusedHandshake, refusedPeer, refusedConnections, refusedSessions, refusedDomain, refusedNoCSTA, refusedNoLine, refusedLine, refusedRight, refusedLinkDown, refusedMemory,
}

// refusals counts, remembers the last, and keeps the log from drowning.
type refusals struct {
	mu     sync.Mutex
	counts map[string]uint64
	last   []Refusal // oldest first
	told   map[string]*told
}

type told struct {
	at   time.Time
	more int
}

// refused notes a refusal: counted always, in the audit record where a user is known, and logged once a minute for each peer and reason.
func (s *Server) refused(r Refusal) {
	r.At = time.Now()
	f := &s.trust.refusals
	if r.User != "" {
		s.auditRefusal(audit.SessionRefused, r) // each: who wanted whose phone
	}
	f.mu.Lock()
	if f.counts == nil {
		f.counts = make(map[string]uint64)
	}
	f.counts[r.Reason]++
	if len(f.last) >= refusalKept {
		f.last = slices.Delete(f.last, 0, 1)
	}
	f.last = append(f.last, r)
	key := r.Reason + "\x00" + hostOf(r.Peer)
	before := f.told[key]
	if before != nil && r.At.Sub(before.at) < tellAgain {
		before.more++
		f.mu.Unlock()
		return
	}
	if len(f.told) >= toldAtMost {
		clear(f.told)
	}
	f.told[key] = &told{at: r.At}
	f.mu.Unlock()
	more := 0
	if before != nil {
		more = before.more
	}
	s.log.Warn("refused", zap.String("reason", r.Reason), zap.String("peer", r.Peer), zap.String("user", r.User), zap.String("line", r.Line),
		zap.String("detail", r.Detail), zap.Int("more_since_last_told", more), r.Trace.Field())
	if r.User == "" {
		s.auditRefusal(audit.PeerRefused, r)
	}
}

func (s *Server) auditRefusal(act audit.Act, r Refusal) {
	s.board.Audit(audit.Entry{At: r.At, Act: act, User: r.User, Via: "sip", Peer: r.Peer, Line: r.Line, Result: r.Reason, Detail: r.Detail, Trace: r.Trace.String()})
}

// hostOf is an address without its port, which changes with every try.
func hostOf(peer string) string {
	if host, _, err := net.SplitHostPort(peer); err == nil {
		return host
	}
	return peer
}

// Refusals gives the last refusals, oldest first, and how many there were in all, by reason.
func (s *Server) Refusals() ([]Refusal, map[string]uint64) {
	f := &s.trust.refusals
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := make(map[string]uint64, len(f.counts))
	for k, v := range f.counts {
		counts[k] = v
	}
	return slices.Clone(f.last), counts
}
