package wiretap

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"strconv"
	"time"
)

// Ports and addresses in a capture. What was recorded are messages, not packets; so that programs for packets show calls, each peer gets a TCP
// connection of its own, with its true address where that is known. Ours isn't: it stands as one of those for documentation (RFC 5737, RFC 3849).
const (
	sipPort  = 5060 // where analysers look for SIP in the clear: what came over TLS is shown decrypted
	pbxPort  = 5038
	cstaPort = 8080
	farPort  = 40000 // of peers that have none
	segment  = 60000 // octets of a message in one packet: an IP packet has 65,535
)

var (
	our4 = netip.MustParseAddr("192.0.2.1")
	our6 = netip.MustParseAddr("2001:db8::1")
)

// Pcapng writes messages as a capture (draft-ietf-opsawg-pcapng) that Wireshark, tshark and sngrep read: Ethernet, IP and TCP around each, made up so that
// connections begin, go on and acknowledge as they should. Secrets are hidden as in the records, and Content-Length is what there is. A packet's comment has line, session and
// trace id. The error is the writer's.
func Pcapng(w io.Writer, records []Record) error {
	p := &capture{out: bufio.NewWriter(w), flows: make(map[flowKey]*flow), names: make(map[string]netip.Addr)}
	p.block(0x0A0D0D0A, le(uint32(0x1A2B3C4D), uint16(1), uint16(0), int64(-1)), option{4, "farhook"})
	p.block(1, le(uint16(1), uint16(0), uint32(0)), option{2, "farhook"}, option{9, "\x09"}) // Ethernet, nanoseconds
	for _, r := range records {
		p.message(r)
	}
	p.resolve()
	return p.out.Flush()
}

type flowKey struct {
	layer Layer
	peer  string
}

// flow is one connection; far is the peer, near is us. sent counts the octets of each side, and the SYN.
type flow struct {
	far, near         netip.AddrPort
	farSent, nearSent uint32
	id                uint16
}

type capture struct {
	out   *bufio.Writer
	flows map[flowKey]*flow
	names map[string]netip.Addr // of peers that have no address
}

// le lays out numbers as the machine that wrote them would: little endian, as the section says.
func le(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		_ = binary.Write(&b, binary.LittleEndian, v) // to memory, of fixed sizes: it can't fail
	}
	return b.Bytes()
}

type option struct {
	code uint16
	text string
}

func pad(b []byte) []byte { return append(b, make([]byte, -len(b)&3)...) }

// block writes one block; options without text are left out.
func (p *capture) block(kind uint32, body []byte, options ...option) {
	body = pad(body)
	some := false
	for _, o := range options {
		if o.text != "" {
			some = true
			body = pad(append(append(body, le(o.code, uint16(len(o.text)))...), o.text...))
		}
	}
	if some {
		body = append(body, 0, 0, 0, 0)
	}
	n := uint32(len(body) + 12)
	_, _ = p.out.Write(le(kind, n)) // Flush tells
	_, _ = p.out.Write(body)
	_, _ = p.out.Write(le(n))
}

// flow finds the connection of a message, or begins one.
func (p *capture) flow(r Record) *flow {
	k := flowKey{r.Layer, r.Peer}
	if f := p.flows[k]; f != nil {
		return f
	}
	f := &flow{}
	far, err := netip.ParseAddrPort(r.Peer)
	if err != nil || r.Layer != SIP {
		if p.names[r.Peer] == (netip.Addr{}) {
			n := len(p.names) + 1
			p.names[r.Peer] = netip.AddrFrom4([4]byte{203, 0, byte(113 + n>>8), byte(n)}) // TEST-NET-3, and on
		}
		far = netip.AddrPortFrom(p.names[r.Peer], uint16(farPort+len(p.names)))
	}
	far = netip.AddrPortFrom(far.Addr().Unmap().WithZone(""), far.Port())
	our := our4
	if far.Addr().Is6() {
		our = our6
	}
	switch r.Layer {
	case PBX: // we connect to it
		f.far, f.near = netip.AddrPortFrom(far.Addr(), pbxPort), netip.AddrPortFrom(our, far.Port())
	case CSTA:
		f.far, f.near = far, netip.AddrPortFrom(our, cstaPort)
	case SIP:
		f.far, f.near = far, netip.AddrPortFrom(our, sipPort)
	}
	p.flows[k] = f
	f.handshake(p, r)
	return f
}

// TCP's flags.
const (
	fin = 1
	syn = 2
	psh = 8
	ack = 16
)

func (f *flow) handshake(p *capture, r Record) {
	first := r.Layer == PBX // who connects: we
	p.packet(f, r.At, first, syn, nil)
	p.packet(f, r.At, !first, syn|ack, nil)
	p.packet(f, r.At, first, ack, nil)
}

func (p *capture) message(r Record) {
	f := p.flow(r)
	comment := join(string(r.Line), r.Session)
	if !r.Trace.IsZero() {
		comment = join(comment, "trace", r.Trace.String())
	}
	text := r.Text
	if r.Layer == SIP {
		text = lengthMended(text)
	}
	for len(text) > 0 {
		n := min(len(text), segment)
		p.packet(f, r.At, r.Direction == Out, psh|ack, text[:n], option{1, printable(comment)})
		text, comment = text[n:], ""
	}
}

// packet writes one, from us or from the peer.
func (p *capture) packet(f *flow, at time.Time, ours bool, flags byte, text []byte, options ...option) {
	from, to, seq, acked := f.far, f.near, &f.farSent, f.nearSent
	if ours {
		from, to, seq, acked = f.near, f.far, &f.nearSent, f.farSent
	}
	if flags&ack == 0 {
		acked = 0
	}
	tcp := binary.BigEndian.AppendUint16(nil, from.Port())
	tcp = binary.BigEndian.AppendUint16(tcp, to.Port())
	tcp = binary.BigEndian.AppendUint32(tcp, *seq)
	tcp = binary.BigEndian.AppendUint32(tcp, acked)
	tcp = append(tcp, 5<<4, flags, 0xFF, 0xFF, 0, 0, 0, 0)
	tcp = append(tcp, text...)
	*seq += uint32(len(text))
	if flags&(syn|fin) != 0 {
		*seq++
	}
	f.id++
	src, dst := from.Addr().AsSlice(), to.Addr().AsSlice()
	sum := checksum(src, dst, []byte{0, 6, byte(len(tcp) >> 8), byte(len(tcp))}, tcp)
	binary.BigEndian.PutUint16(tcp[16:], sum)
	frame := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1} // addresses that are nobody's
	if from.Addr().Is4() {
		ip := []byte{0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0}
		binary.BigEndian.PutUint16(ip[2:], uint16(20+len(tcp)))
		binary.BigEndian.PutUint16(ip[4:], f.id)
		ip = append(append(ip, src...), dst...)
		binary.BigEndian.PutUint16(ip[10:], checksum(ip))
		frame = append(append(append(frame, 0x08, 0x00), ip...), tcp...)
	} else {
		ip := []byte{0x60, 0, 0, 0, byte(len(tcp) >> 8), byte(len(tcp)), 6, 64}
		ip = append(append(ip, src...), dst...)
		frame = append(append(append(frame, 0x86, 0xDD), ip...), tcp...)
	}
	when := uint64(nanos(at))
	p.block(6, append(le(uint32(0), uint32(when>>32), uint32(when), uint32(len(frame)), uint32(len(frame))), frame...), options...)
}

// checksum is the internet's (RFC 1071), over parts of even length but for the last.
func checksum(parts ...[]byte) uint16 {
	sum := uint32(0)
	for _, b := range parts {
		for ; len(b) > 1; b = b[2:] {
			sum += uint32(b[0])<<8 | uint32(b[1])
		}
		if len(b) == 1 {
			sum += uint32(b[0]) << 8
		}
	}
	for sum > 0xFFFF {
		sum = sum>>16 + sum&0xFFFF
	}
	return ^uint16(sum)
}

// resolve tells the names of those whose addresses were made up.
func (p *capture) resolve() {
	var b []byte
	entry := func(a netip.Addr, name string) {
		if kind := uint16(1); name != "" {
			if a.Is6() {
				kind = 2
			}
			value := append(append(a.AsSlice(), printable(name)...), 0)
			b = pad(append(append(b, le(kind, uint16(len(value)))...), value...))
		}
	}
	entry(our4, "farhook")
	entry(our6, "farhook")
	for name, a := range p.names {
		entry(a, name)
	}
	p.block(4, append(b, 0, 0, 0, 0))
}

// lengthMended gives a SIP message the Content-Length of the body it has: secrets that were hidden, and what was cut, have changed it.
func lengthMended(text []byte) []byte {
	head, body := split(text)
	low := lower(head)
	for _, name := range []string{"\ncontent-length", "\nl"} {
		at := bytes.Index(low, []byte(name))
		if at < 0 {
			continue
		}
		from := skip(low, at+len(name), " \t")
		if from == len(low) || low[from] != ':' {
			continue
		}
		from = skip(low, from+1, " \t")
		to := upTo(low, from, "\r\n")
		length := strconv.Itoa(len(body))
		if string(text[from:to]) == length {
			return text
		}
		return append(append(append(make([]byte, 0, len(text)+8), text[:from]...), length...), text[to:]...)
	}
	return text
}
