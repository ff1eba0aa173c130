package uacsta_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
)

// BenchmarkInfo is one INFO and its answer, 16 of them under way on one connection; the peer's side is small, but counted. What a bare SIP
// server takes on the same machine says farhook bench.
func BenchmarkInfo(b *testing.B) {
	const line = "tel:+15551001"
	for _, c := range []struct {
		name string
		ask  csta.Request
	}{
		{"RequestSystemStatus", csta.RequestSystemStatus{}},
		{"SnapshotDevice", csta.SnapshotDevice{SnapshotObject: line}},
		{"GetDoNotDisturb", csta.GetDoNotDisturb{Device: line}},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := newHouse(b, switchboard.OwnLine{}, false)
			p := h.dial(b)
			p.signIn(line)
			before, after, _ := bytes.Cut([]byte(p.request("INFO", encode(c.ask))), fmt.Appendf(nil, "z9hG4bKINFO%d", p.cseq))
			b.ReportAllocs()
			b.ResetTimer()
			p.pump(b, 16, func(out []byte, n int) []byte {
				return append(fmt.Appendf(append(out, before...), "z9hG4bK%d", n), after...)
			})
		})
	}
}

// BenchmarkCall is a MakeCall or its ClearConnection; nobody monitors the line. The two are under way at once.
func BenchmarkCall(b *testing.B) {
	const line = "tel:+15551001"
	h := newHouse(b, switchboard.OwnLine{}, false)
	p := h.dial(b)
	p.send(p.request("INVITE", statusRequest(line)))
	_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
	p.send(p.request("ACK", ""))
	b.ReportAllocs()
	b.ResetTimer()
	p.pump(b, 2, func(out []byte, n int) []byte {
		q := csta.Request(csta.MakeCall{CallingDevice: line, CalledDirectoryNumber: "tel:+15559000002", AutoOriginate: csta.AutoOriginateDoNotPrompt})
		if n%2 == 1 { // the simulated PBX counts its calls
			q = csta.ClearConnection{ConnectionToBeCleared: csta.ConnectionID{Call: csta.CallID("sim-" + strconv.FormatInt(int64(n/2+1), 36)), Device: line}}
		}
		return append(out, p.request("INFO", encode(q))...)
	})
}

// BenchmarkEvent is one event to each of ten sessions on one line, each with a connection of its own; no peer answers. No session falls behind.
func BenchmarkEvent(b *testing.B) {
	const sessions, ahead = 10, 64
	h := newHouse(b, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.SessionsPerLine = sessions })
	all := make([]*peer, sessions)
	for i := range all {
		all[i] = h.dial(b)
		all[i].signIn("tel:+15551001")
		_ = all[i].conn.SetReadDeadline(time.Time{})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		some := min(ahead, b.N-n)
		for range some {
			n++
			if err := h.pbx.Phone(1001).SetDoNotDisturb(n%2 == 1); err != nil {
				b.Fatal(err)
			}
		}
		for _, p := range all {
			if err := p.count(some, "\r\nCSeq: "); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// pump keeps so many requests under way until there were b.N.
func (p *peer) pump(b *testing.B, window int, next func(out []byte, n int) []byte) {
	b.Helper()
	_ = p.conn.SetReadDeadline(time.Time{})
	var out []byte
	in := make([]byte, 64<<10)
	mark := []byte("\r\nCSeq: ")
	kept := 0
	for sent, got := 0, 0; got < b.N; {
		out = out[:0]
		for sent < b.N && sent-got < window {
			out = next(out, sent)
			sent++
		}
		if len(out) > 0 {
			if _, err := p.conn.Write(out); err != nil {
				b.Fatal(err)
			}
		}
		n, err := p.conn.Read(in[kept:])
		if err != nil {
			b.Fatal(err)
		}
		all := in[:kept+n]
		got += bytes.Count(all, mark)
		kept = copy(in, all[max(len(all)-len(mark)+1, 0):])
	}
}

// count reads until the mark has come so many times.
func (p *peer) count(want int, mark string) error {
	in := make([]byte, 64<<10)
	kept := 0
	for got := 0; got < want; {
		n, err := p.conn.Read(in[kept:])
		if err != nil {
			return err
		}
		all := in[:kept+n]
		got += bytes.Count(all, []byte(mark))
		kept = copy(in, all[max(len(all)-len(mark)+1, 0):])
	}
	return nil
}
