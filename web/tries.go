package web

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
)

// tries bounds how often one host may try to sign in and fail. A try that is under way counts as failed: many at once are bounded too.
type tries struct {
	mu   sync.Mutex
	host map[string][]time.Time
}

const (
	triesAtMost = 10
	triesWindow = time.Minute
	maxHosts    = 10_000
)

// allow says whether a try may begin now; one that hasn't failed is forgiven afterwards.
func (t *tries) allow(host string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.host == nil || len(t.host) > maxHosts {
		t.host = make(map[string][]time.Time)
	}
	recent := t.host[host][:0]
	for _, at := range t.host[host] {
		if now.Sub(at) < triesWindow {
			recent = append(recent, at)
		}
	}
	if len(recent) >= triesAtMost {
		t.host[host] = recent
		return false
	}
	t.host[host] = append(recent, now)
	return true
}

// forgive takes a try back that began at a time: an office behind one address may have many people who know their passwords.
func (t *tries) forgive(host string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.host[host], at); i >= 0 {
		t.host[host] = slices.Delete(t.host[host], i, i+1)
	}
	if len(t.host[host]) == 0 {
		delete(t.host, host)
	}
}

// peerOf is the host that a request came from; of IPv6 the network, for a host has as many addresses there as it likes.
func peerOf(ctx context.Context) string {
	addr, _ := ctx.Value(peerKey{}).(string)
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return addr
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	network, _ := ip.Prefix(64) // an IPv6 address has one
	return network.String()
}

type tlsKey struct{}

func overTLS(ctx context.Context) bool {
	on, _ := ctx.Value(tlsKey{}).(bool)
	return on
}

// fault logs what is our own fault, and says no more than that.
func (s *Server) fault(ctx context.Context, err error) *Problem {
	s.log.Error("request failed", zap.Error(err), pbxadapter.TraceField(ctx))
	return refused(ctx, csta.ErrUnspecified.With(err))
}
