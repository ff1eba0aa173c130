package uacsta_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"farhook/csta"
	"farhook/csta/extension"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
)

// proxied signs a session in whose route is a proxy of the test's.
func (p *peer) proxied(line string, proxy net.Addr) {
	p.t.Helper()
	q := p.request("INVITE", encode(csta.RequestSystemStatus{Extensions: extension.WithLine(line)}))
	p.send(strings.Replace(q, "\r\nTo: ", "\r\nRecord-Route: <sip:"+proxy.String()+";transport=tcp;lr>\r\nTo: ", 1))
	_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
	p.send(p.request("ACK", ""))
	p.cseq--
}

// Drain says BYE to everybody: on the connection where there is one, else on the dialog's route; where nobody is reached it doesn't wait for ever. New
// sessions are refused for the moment.
func TestDrain(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	here, gone, lost := h.dial(t), h.dial(t), h.dial(t)
	here.callID, gone.callID, lost.callID = "here", "gone", "lost"
	here.proxied("tel:+15551001", proxy.Addr())
	gone.proxied("tel:+15551002", proxy.Addr())
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lost.proxied("tel:+15551003", nobody.Addr())
	nobody.Close()
	gone.conn.Close()
	lost.conn.Close()
	for end := time.Now().Add(20 * time.Second); gauge(t, h.uc, "farhook_connections", "tcp") > 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the closed connections are still there")
		}
	}

	byes := make(chan string, 3)
	go func() {
		c, err := proxy.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		p := &peer{t: t, conn: c, r: bufio.NewReader(c)}
		g := p.read()
		byes <- g.start + " " + g.header("Call-ID")
	}()
	if n := h.uc.Drain(); n != 3 || !h.uc.Draining() || h.uc.Count() != 0 {
		t.Errorf("%d sessions, %d left", n, h.uc.Count())
	}
	if g := here.read(); !strings.HasPrefix(g.start, "BYE ") {
		t.Error(g.start)
	}
	if got := <-byes; got != "BYE sip:alice@127.0.0.1:9;opaque=user:epid:x;gruu SIP/2.0 gone" {
		t.Error(got)
	}
	late := h.dial(t)
	late.send(late.request("INVITE", encode(csta.RequestSystemStatus{Extensions: extension.WithLine("tel:+15551001")})))
	if g := late.read(); g.start != "SIP/2.0 503 Service Unavailable" || g.header("Retry-After") == "" {
		t.Error(g.head)
	}
}

// gauge is one value of the server's metrics.
func gauge(t *testing.T, s *uacsta.Server, name string, labels ...string) float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(s.Metrics())
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if len(labels) == 0 || m.GetLabel()[0].GetValue() == labels[0] {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s %v", name, labels)
	return 0
}

// What the server counts is what happened.
func TestMetrics(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p, other := h.dial(t), h.dial(t)
	p.signIn("tel:+15551001")
	other.send(other.request("INVITE", encode(csta.RequestSystemStatus{Extensions: extension.WithLine("tel:+19999999999")})))
	other.read()
	other.send(other.request("SUBSCRIBE", ""))
	other.read()
	other.send("rubbish\r\n\r\n")
	if err := h.pbx.Phone(1002).Dial("tel:+15551001"); err != nil {
		t.Fatal(err)
	}
	e := p.read()
	check := func(want map[string]float64) {
		t.Helper()
		for key, v := range want {
			name, label, _ := strings.Cut(key, " ")
			var labels []string
			if label != "" {
				labels = []string{label}
			}
			for end := time.Now().Add(20 * time.Second); gauge(t, h.uc, "farhook_"+name, labels...) != v; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Errorf("%s is %v, want %v", key, gauge(t, h.uc, "farhook_"+name, labels...), v)
					break
				}
			}
		}
	}
	check(map[string]float64{
		"sessions": 1, "sessions_started_total signed-in": 1, "monitors": 1, "events_written_total": 1, "events_unanswered": 1, "connections tcp": 1,
		"sip_requests_total INVITE": 2, "sip_requests_total INFO": 1, "sip_requests_total other": 1, "sip_responses_total 404": 1, "sip_responses_total 405": 1,
		"refusals_total unknown-line": 1, "connections_broken_total not-sip": 1, "sessions_ended_total": 0, "events_refused_total": 0,
	})
	p.send("SIP/2.0 500 No\r\nVia: " + e.header("Via") + "\r\nFrom: " + e.header("From") + "\r\nTo: " + e.header("To") + "\r\nCall-ID: " + e.header("Call-ID") +
		"\r\nCSeq: " + e.header("CSeq") + "\r\nContent-Length: 0\r\n\r\n")
	check(map[string]float64{"events_unanswered": 0, "events_refused_total": 1})
	p.send(p.request("BYE", ""))
	p.read()
	check(map[string]float64{"sessions": 0, "monitors": 0, "sessions_ended_total": 1, "events_unanswered": 0})
}
