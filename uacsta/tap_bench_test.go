package uacsta_test

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/extension"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/wiretap"
	"farhook/uacsta"
)

// pipeline is a connection with one session that asks the same thing over and over, many times at once.
type pipeline struct {
	net.Conn
	in    *bufio.Reader
	batch []byte
	n     int
}

// newPipeline signs in and makes a batch of n INFOs with a SnapshotDevice.
func newPipeline(b *testing.B, h *house, n int) *pipeline {
	p := h.dial(b)
	p.send(p.request("INVITE", encode(csta.RequestSystemStatus{Extensions: extension.WithLine("tel:+15551001")})))
	_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
	p.send(p.request("ACK", ""))
	var batch []byte
	for range n {
		batch = append(batch, p.request("INFO", encode(csta.SnapshotDevice{SnapshotObject: "tel:+15551001"}))...)
	}
	return &pipeline{p.conn, p.r, batch, n}
}

// run sends the batch and reads the answers.
func (p *pipeline) run(b *testing.B) {
	if _, err := p.Write(p.batch); err != nil {
		b.Fatal(err)
	}
	for range p.n {
		length := 0
		for first := true; ; first = false {
			l, err := p.in.ReadSlice('\n')
			if err != nil || first && string(l) != "SIP/2.0 200 OK\r\n" {
				b.Fatal(string(l), err)
			}
			if len(l) == 2 {
				break
			}
			if v, ok := strings.CutPrefix(string(l), "Content-Length: "); ok {
				length, _ = strconv.Atoi(strings.TrimSpace(v))
			}
		}
		if _, err := io.CopyN(io.Discard, p.in, int64(length)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWiretap is INFO round trips with the wiretap and without, turn by turn in one run, and how the times compare: tapped/bare is at most 1.10. It
// is a real connection; the peer's own work is in both.
func BenchmarkWiretap(b *testing.B) {
	const batch = 64
	bare := newPipeline(b, newHouse(b, switchboard.OwnLine{}, false), batch)
	tapped := newPipeline(b, newHouse(b, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.Tap = wiretap.New(32<<20, time.Hour) }), batch)
	for range 50 {
		bare.run(b)
		tapped.run(b)
	}
	var with, without time.Duration
	n := 0
	for b.Loop() {
		began := time.Now()
		bare.run(b)
		between := time.Now()
		tapped.run(b)
		without += between.Sub(began)
		with += time.Since(between)
		n += batch
	}
	b.ReportMetric(float64(n)/without.Seconds(), "bare-INFO/s")
	b.ReportMetric(float64(n)/with.Seconds(), "tapped-INFO/s")
	b.ReportMetric(with.Seconds()/without.Seconds(), "tapped/bare")
	b.ReportMetric(0, "ns/op")
}
