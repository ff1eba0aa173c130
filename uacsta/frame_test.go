package uacsta

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// frames gives what the framer makes of octets that come in pieces: a line for each message, ping or error, and the last that there is no going on after.
func frames(pieces ...[]byte) (out []string) {
	f := &framer{}
	spare := make([]byte, readSize)
	for _, piece := range pieces {
		for len(piece) > 0 {
			r := strings.NewReader(string(piece[:min(len(piece), len(spare))]))
			piece = piece[r.Len():]
			if _, err := f.fill(r, spare); err != nil {
				return append(out, "fill: "+err.Error())
			}
			for {
				m, ping, err := f.next()
				var one *errMessage
				switch {
				case errors.As(err, &one):
					out = append(out, fmt.Sprintf("bad %d %s", one.status, one.reason))
					continue
				case err != nil:
					return append(out, "end "+err.Error())
				case ping:
					out = append(out, "ping")
					continue
				case m == nil:
				default:
					out = append(out, fmt.Sprintf("%s %d %q %q", m.method, m.status, m.headers, m.body))
					continue
				}
				break
			}
		}
	}
	return out
}

// conversation has every kind of message, good and bad, that leaves the stream whole.
var conversation = strings.ReplaceAll("\n\nINFO sip:a@b SIP/2.0\nVia: SIP/2.0/TCP a;branch=1\nSubject: folded\n  here\n\tand here\nl: 5\n\nhello\n\n\n\n"+
	"SIP/2.0 200 OK\nContent-Length: 0\n\nOPTIONS sip:x SIP/2.0\nBad header\nContent-Length: 3\n\nabcBYE sip:a SIP/2.0\nContent-Length: 1\nl:1\n\n\n"+
	"ACK sip:a@[::1] SIP/2.0\nContent-Length  :  0\n\n\nSIP/2.0 999 x\nContent-Length: 2\n\nok", "\n", "\r\n")

// Wherever the stream is cut, it says the same.
func TestFramesCutAnywhere(t *testing.T) {
	in := []byte(conversation)
	want := frames(in)
	if len(want) != 9 {
		t.Fatalf("%q", want)
	}
	for i := 1; i < len(in); i++ {
		if got := frames(in[:i], in[i:]); !slices.Equal(got, want) {
			t.Fatalf("cut at %d (%q): %q, want %q", i, in[max(i-10, 0):i], got, want)
		}
		for j := i + 1; j < min(len(in), i+8); j++ {
			if got := frames(in[:i], in[i:j], in[j:]); !slices.Equal(got, want) {
				t.Fatalf("cut at %d and %d: %q, want %q", i, j, got, want)
			}
		}
	}
	var octets [][]byte
	for i := range in {
		octets = append(octets, in[i:i+1])
	}
	if got := frames(octets...); !slices.Equal(got, want) {
		t.Fatalf("octet by octet: %q, want %q", got, want)
	}
}

// FuzzFrames: any octets, whole and cut, are framed alike, and nothing is kept beyond the bounds.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(conversation), 17, 90)
	f.Add([]byte("INVITE sip:a SIP/2.0\r\nContent-Length: 70000\r\n\r\nxx"), 3, 50)
	f.Add([]byte("A sip:a SIP/2.0\nl:-1\n\n"), 1, 2)
	f.Add([]byte("\r\n\r\n\r\n\n\n\r"), 2, 5)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), 4, 8)
	f.Fuzz(func(t *testing.T, in []byte, i, j int) {
		if len(in) == 0 || len(in) > readSize {
			return
		}
		i, j = max(i, 0)%len(in), max(j, 0)%len(in)
		if i > j {
			i, j = j, i
		}
		whole, cut := frames(in), frames(in[:i], in[i:j], in[j:])
		// Octets that are no SIP may be known to be none at one cut later than at another; up to there all is the same.
		if n := min(len(whole), len(cut)); !slices.Equal(whole[:max(n-1, 0)], cut[:max(n-1, 0)]) || max(len(whole), len(cut))-n > 1 {
			t.Fatalf("whole: %q\ncut at %d and %d: %q", whole, i, j, cut)
		}
	})
}

// FuzzHead: headers that were read say the same when they are written and read again, and nothing that looks at them fails.
func FuzzHead(f *testing.F) {
	for one := range strings.SplitSeq(conversation, "\r\n\r\n") {
		f.Add(one)
	}
	f.Add("INVITE sip:a@b;x=\"y\" SIP/2.0\r\nVia: SIP/2.0/TCP [::1]:5060;branch=z9hG4bK1;x=\"a,b;c\\\"\", SIP/2.0/UDP b\r\nFrom: \"A <b>;tag=1\" <sip:a@b;tag=2>;tag=3\r\n" +
		"To: sip:c\r\nContact: <sip:d>;q=1, \"e, f\" <sip:g>\r\nRoute: <sip:h;lr>\r\nCSeq: 1 INVITE\r\nCall-ID: i\r\nSession-Expires: 90;refresher=uac\r\nRequire: a, b\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseHead(text)
		if m == nil {
			return
		}
		check(m)
		unsupported(m)
		isCSTA(m)
		transactionOf(m)
		for _, name := range []string{"From", "To", "Contact", "Via", "Route"} {
			v := m.get(name)
			_, _, _, _ = param(v, "tag"), address(v), balanced(v), addressFits(v)
			for _, one := range m.list(name) {
				isLoose(one)
			}
		}
		_, _ = m.contentLength()
		if err != nil || m.status != 0 {
			return
		}
		var b strings.Builder
		b.WriteString(m.method + " " + m.uri + " SIP/" + m.version + "\r\n")
		for _, h := range m.headers {
			b.WriteString(h.name + ": " + h.value + "\r\n")
		}
		again, err := parseHead(b.String())
		if err != nil || again.method != m.method || again.uri != m.uri || !slices.Equal(again.headers, m.headers) {
			t.Fatalf("%q\nwas read as %q,\nand then, as %q,\nas %q (%v)", text, m.headers, b.String(), again.headers, err)
		}
		for _, line := range strings.Split(strings.TrimSuffix(b.String(), "\r\n"), "\r\n") {
			if strings.ContainsAny(line, "\r\n") {
				t.Fatalf("a line end within %q", line)
			}
		}
	})
}
