package wiretap_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"farhook/pbxadapter/switchboard/wiretap"
)

// packet is one of a capture, as a reader of the format finds it.
type packet struct {
	at       time.Time
	src, dst string // address and port
	seq, ack uint32
	flags    byte
	payload  []byte
	hasNotes bool
}

// packets reads a capture, and holds it against the format: lengths at both ends, known blocks only.
func packets(t *testing.T, b []byte) (all []packet) {
	t.Helper()
	le := binary.LittleEndian
	for n := 0; len(b) > 0; n++ {
		kind, size := le.Uint32(b), le.Uint32(b[4:])
		if size%4 != 0 || int(size) > len(b) || le.Uint32(b[size-4:]) != size {
			t.Fatalf("block %d of kind %x: %d octets", n, kind, size)
		}
		body := b[8 : size-4]
		b = b[size:]
		switch kind {
		case 0x0A0D0D0A:
			if n != 0 || le.Uint32(body) != 0x1A2B3C4D {
				t.Fatal("the section is wrong")
			}
		case 1:
			if le.Uint16(body) != 1 {
				t.Fatal("not Ethernet")
			}
		case 4:
		case 6:
			p := packet{at: time.Unix(0, int64(le.Uint32(body[4:]))<<32|int64(le.Uint32(body[8:])))}
			caught := int(le.Uint32(body[12:]))
			frame := body[20 : 20+caught]
			p.hasNotes = len(body) > 20+(caught+3)&^3
			ip := frame[14:]
			tcp := ip[20:]
			src, dst := ip[12:16], ip[16:20]
			if be := binary.BigEndian.Uint16(frame[12:]); be == 0x86DD {
				tcp, src, dst = ip[40:], ip[8:24], ip[24:40]
			} else if int(binary.BigEndian.Uint16(ip[2:])) != len(ip) {
				t.Fatalf("an IP packet of %d octets says %d", len(ip), binary.BigEndian.Uint16(ip[2:]))
			}
			p.src, p.dst = fmt.Sprintf("%x:%d", src, binary.BigEndian.Uint16(tcp)), fmt.Sprintf("%x:%d", dst, binary.BigEndian.Uint16(tcp[2:]))
			p.seq, p.ack, p.flags, p.payload = binary.BigEndian.Uint32(tcp[4:]), binary.BigEndian.Uint32(tcp[8:]), tcp[13], tcp[20:]
			all = append(all, p)
		default:
			t.Fatalf("block of kind %x", kind)
		}
	}
	return all
}

// Each connection's octets come in order, none is missing and none is there twice, whatever was recorded.
func TestPcapng(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 123456789, time.UTC)
	long := strings.Repeat("x", wiretap.MaxText)
	records := []wiretap.Record{
		{Peer: "192.0.2.77:51063", Text: []byte("INVITE a SIP/2.0\r\nContent-Length: 99\r\n\r\nbody"), Session: "s", Line: "tel:+15551001"},
		{Peer: "192.0.2.77:51063", Direction: wiretap.Out, Text: []byte("SIP/2.0 200 OK\r\nl : 0\r\n\r\nbo\n\r")},
		{Peer: "192.0.2.77:51063", Text: []byte("\r\n\r\n")},
		{Peer: "[2001:db8::7]:5061", Text: []byte("INFO b SIP/2.0\r\n\r\n")},
		{Peer: "[fe80::1%eth0]:5061", Text: []byte("INFO b SIP/2.0\r\n\r\n")},
		{Peer: "pipe", Text: []byte("INFO c SIP/2.0\r\n\r\n")},
		{Layer: wiretap.PBX, Peer: "main", Direction: wiretap.Out, Text: []byte("Action: Ping\r\n\r\n")},
		{Layer: wiretap.PBX, Peer: "main", Text: []byte(long)},
		{Layer: wiretap.PBX, Peer: "192.0.2.77:51063", Text: []byte("a PBX called like a peer")},
		{Layer: wiretap.CSTA, Peer: "rest", Text: []byte("<MakeCall/>")},
		{Layer: wiretap.PBX, Peer: "", Text: nil},
		{Layer: wiretap.PBX, Peer: "\x1b[2J\x00", Text: []byte{0, 1, 2}},
	}
	want := make(map[string]string) // by layer, peer and direction
	for i := range records {
		r := &records[i]
		r.At = now.Add(time.Duration(i) * time.Millisecond)
		text := strings.NewReplacer("Content-Length: 99", "Content-Length: 4", "l : 0", "l : 4").Replace(string(r.Text))
		want[fmt.Sprint(r.Layer, r.Peer, r.Direction)] += text
	}
	var out bytes.Buffer
	if err := wiretap.Pcapng(&out, records); err != nil {
		t.Fatal(err)
	}
	streams := make(map[string][]byte)
	next := make(map[string]uint32)
	last := time.Time{}
	notes := 0
	for i, p := range packets(t, out.Bytes()) {
		way := p.src + ">" + p.dst
		if expected, known := next[way]; known && p.seq != expected {
			t.Errorf("packet %d of %s: number %d, want %d", i, way, p.seq, expected)
		}
		if back := p.dst + ">" + p.src; p.flags&16 != 0 && p.ack != next[back] {
			t.Errorf("packet %d of %s acknowledges %d, want %d", i, way, p.ack, next[back])
		}
		next[way] = p.seq + uint32(len(p.payload)) + uint32(p.flags&2>>1)
		streams[way] = append(streams[way], p.payload...)
		if p.at.Before(last) {
			t.Errorf("packet %d is older than the one before", i)
		}
		last = p.at
		if p.hasNotes {
			notes++
		}
	}
	if !last.Equal(records[len(records)-1].At) || notes == 0 {
		t.Errorf("the last is of %v; %d have comments", last, notes)
	}
	got := make(map[string]int)
	for _, s := range streams {
		got[string(s)]++
	}
	for who, text := range want {
		if got[text] == 0 {
			t.Errorf("%s: its %d octets aren't there", who, len(text))
		}
	}
	if n := len(streams); n != 2*9 {
		t.Errorf("%d directions, want those of 9 connections", n)
	}
}

// What a message contains does nothing to a terminal.
func TestText(t *testing.T) {
	var out bytes.Buffer
	err := wiretap.Text(&out, []wiretap.Record{
		{At: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), Peer: "1.2.3.4:5", Line: "tel:+15551001", Text: []byte("INFO a SIP/2.0\r\nX: \x1b[2J\r\n\r\n<a>\u202e</a>"), Cut: 7, Trace: traced(7)},
		{At: time.Date(2026, 11, 25, 12, 0, 1, 0, time.UTC), Layer: wiretap.PBX, Direction: wiretap.Out, Peer: "main", Text: []byte("Action: Ping\r\n\r\n")},
	}, false)
	want := "== 2026-11-25 12:00:00.000 sip 1.2.3.4:5 > farhook tel:+15551001 trace " + traced(7).String() + "\nINFO a SIP/2.0\nX: ·[2J\n\n<a>·</a>\n... and 7 octets that were not kept\n\n" +
		"== 2026-11-25 12:00:01.000 pbx farhook > main\nAction: Ping\n\n\n"
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out.String(), want)
	}
}
