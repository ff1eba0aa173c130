package ami

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

const stream = "Asterisk Call Manager/12.0.0\r\n" +
	"Event: VarSet\r\nChannel: PJSIP/101-1\r\n\r\n" +
	"Event: Newchannel\r\nChannel: PJSIP/101-1\r\nExten: \r\nCallerIDName: Zoë: \"x\"\r\nUniqueid: 1.1\r\n\r\n" +
	"Response: Success\r\nActionID: fh-1\r\nVariable: A=1\r\nVariable: B=2\r\n\r\n" +
	"\r\n" +
	"Event: Hangup\r\nUniqueid:1.1\r\n\r\n"

// Messages come out the same whatever the sizes of reads; unwanted ones don't.
func TestReader(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"at once": strings.NewReader(stream), "octet by octet": iotest.OneByteReader(strings.NewReader(stream)), "halves": iotest.HalfReader(strings.NewReader(stream)),
	} {
		t.Run(name, func(t *testing.T) {
			x := NewReader(r, map[string]bool{"VarSet": true})
			banner, err := x.Banner()
			if err != nil || banner != "Asterisk Call Manager/12.0.0" {
				t.Fatalf("banner %q, %v", banner, err)
			}
			var got []Message
			for {
				m, err := x.Next()
				if err != nil {
					if !errors.Is(err, io.EOF) {
						t.Fatal(err)
					}
					break
				}
				got = append(got, m)
			}
			if len(got) != 3 {
				t.Fatalf("%d messages: %v", len(got), got)
			}
			if m := got[0]; m.Event() != "Newchannel" || m.Get("Exten") != "" || m.Get("CallerIDName") != `Zoë: "x"` || m.Get("Uniqueid") != "1.1" || m.Get("uniqueid") != "" {
				t.Errorf("%q", m)
			}
			if m := got[1]; m.Event() != "" || !m.isResponse() || !slices.Equal(m.All("Variable"), []string{"A=1", "B=2"}) {
				t.Errorf("%q", m)
			}
			if m := got[2]; m.Get("Uniqueid") != "1.1" || m.Seq <= got[1].Seq {
				t.Errorf("%q", m)
			}
		})
	}
}

// A line of ten megabytes costs its message, no memory, and nothing else.
func TestLongLine(t *testing.T) {
	long := io.MultiReader(
		strings.NewReader("Event: A\r\n\r\nEvent: B\r\nX: "), io.LimitReader(zeros{}, 10<<20), strings.NewReader("\r\n\r\nEvent: C\r\n\r\n"),
	)
	x := NewReader(long, nil)
	var got []string
	for {
		m, err := x.Next()
		if err != nil {
			break
		}
		if m.Damaged {
			got = append(got, "damaged")
			continue
		}
		got = append(got, m.Event())
	}
	if !slices.Equal(got, []string{"A", "damaged", "C"}) {
		t.Errorf("got %q", got)
	}
	if n := cap(x.buf); n > 4*MaxMessage {
		t.Errorf("the buffer has %d octets", n)
	}
}

// A message of just the longest is read; one octet more is too long. What was read over has its place in the stream.
func TestLongestMessage(t *testing.T) {
	for extra, damaged := range map[int]bool{0: false, 1: true} {
		head, end := "Event: B\r\nX: ", "\r\n\r\n"
		// Until its end is seen a message counts with what has come of that.
		text := head + strings.Repeat("0", MaxMessage+extra-len(head))
		x := NewReader(io.MultiReader(strings.NewReader("Event: A\r\n\r\n"), strings.NewReader(text), strings.NewReader(end+"Event: C\r\n\r\n")), nil)
		for n := range 3 {
			m, err := x.Next()
			if err != nil || m.Seq != uint64(n+1) || m.Damaged != (n == 1 && damaged) {
				t.Errorf("%d octets more, message %d: damaged %v, %d, %v", extra, n, m.Damaged, m.Seq, err)
			}
		}
	}
}

// Who says much and no banner is no Asterisk.
func TestNoBanner(t *testing.T) {
	x := NewReader(io.LimitReader(zeros{}, 10<<20), nil)
	if _, err := x.Banner(); !errors.Is(err, errBanner) {
		t.Error(err)
	}
	if x.end > 64<<10 {
		t.Errorf("%d octets were read", x.end)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '0'
	}
	return len(b), nil
}

// Whatever comes, nothing panics, and messages don't depend on how it is cut.
func FuzzReader(f *testing.F) {
	f.Add([]byte(stream), uint8(1))
	f.Add([]byte("Event: X\r\nA: b\r\n\r\n\r\n\r\nResponse:\r\n:\r\n\r\n"), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		read := func(r io.Reader) []Message {
			x := NewReader(r, map[string]bool{"VarSet": true})
			var list []Message
			for {
				m, err := x.Next()
				if err != nil {
					return list
				}
				_, _ = m.Event(), m.Get("A")
				_ = m.All("Variable")
				list = append(list, m)
			}
		}
		whole, cut := read(bytes.NewReader(b)), read(&chunks{b, int(size)%9 + 1})
		if !slices.Equal(whole, cut) {
			t.Errorf("%q and %q", whole, cut)
		}
	})
}

type chunks struct {
	b []byte
	n int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.n)], c.b)
	c.b = c.b[n:]
	return n, nil
}
