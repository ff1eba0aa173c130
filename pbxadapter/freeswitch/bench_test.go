package freeswitch

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// load is a recorded call that can be had again and again, between any two of so many phones.
type load struct {
	frames [][]byte
	ids    [][]int // where the legs' ids begin
	first  [][]int // where the numbers of the two phones are
	second [][]int
}

const phones = 2000

var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// newLoad takes the events of a recording of a call between 201 and 202.
func newLoad(t testing.TB, name string) *load {
	l := &load{}
	for _, m := range records(t, name) {
		if m.event == nil || m.parsed.name() == "BACKGROUND_JOB" {
			continue
		}
		b := bytes.ReplaceAll(bytes.ReplaceAll(m.event, []byte("201"), []byte("20001")), []byte("202"), []byte("20002"))
		i := len(l.frames)
		l.frames = append(l.frames, b)
		l.ids, l.first, l.second = append(l.ids, nil), append(l.first, nil), append(l.second, nil)
		for _, at := range uuid.FindAllIndex(b, -1) {
			if !bytes.HasSuffix(b[:at[0]], []byte(`"Core-UUID":"`)) {
				l.ids[i] = append(l.ids[i], at[0])
			}
		}
		for n, list := range map[string]*[]int{"20001": &l.first[i], "20002": &l.second[i]} {
			for at := 0; ; at += len(n) {
				j := bytes.Index(b[at:], []byte(n))
				if j < 0 {
					break
				}
				at += j
				*list = append(*list, at)
			}
		}
	}
	return l
}

// call makes the frames those of the n-th call.
func (l *load) call(n int) {
	id := fmt.Appendf(nil, "%08x", n)
	a, b := strconv.AppendInt(nil, int64(20000+2*n%phones), 10), strconv.AppendInt(nil, int64(20001+2*n%phones), 10)
	for i, f := range l.frames {
		for _, at := range l.ids[i] {
			copy(f[at:], id)
		}
		for _, at := range l.first[i] {
			copy(f[at:], a)
		}
		for _, at := range l.second[i] {
			copy(f[at:], b)
		}
	}
}

// deskPhones are the phones of the load.
func deskPhones(t *tracker) {
	for n := range phones {
		d := strconv.Itoa(20000 + n)
		t.stations[d] = station{id: csta.DeviceID(d)}
	}
}

// Recorded events of calls between 2,000 phones, from the frame's octets through adapter and call model, on one core.
func BenchmarkEvents(b *testing.B) {
	for _, name := range []string{"basic-callee-releases", "hold-phone"} {
		b.Run(name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			l := newLoad(b, name)
			m := callmodel.New()
			told := 0
			t := newTracker("fs", pbxadapter.PlainNumbers{}, func(f callmodel.Fact) { told += len(m.Apply(f)) })
			deskPhones(t)
			f := newFeatures(t, nil)
			w := window{settle: settle}
			var p parser
			now := began
			octets := 0
			for _, x := range l.frames {
				octets += len(x)
			}
			b.SetBytes(int64(octets))
			b.ReportAllocs()
			n, seq := 0, uint64(0)
			for b.Loop() {
				l.call(n)
				for _, x := range l.frames {
					e := w.blank()
					if err := p.parse(x, e); err != nil {
						b.Fatal(err)
					}
					now = now.Add(50 * time.Microsecond) // 20,000 a second
					seq++
					e.seq = seq
					w.put(e, now)
					for {
						e, at := w.next(now)
						if e == nil {
							break
						}
						t.hear(e, at)
						f.hear(e)
						w.done(e)
					}
				}
				t.tidy()
				n++
			}
			events := float64(n * len(l.frames))
			b.ReportMetric(events/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(told)/float64(n), "told/call")
			if m.Odd() > 0 {
				b.Fatalf("%d facts are no legal state changes", m.Odd())
			}
		})
	}
}

// The time from the moment that a frame has been read to the fact reported, beyond the reordering window, while events come over a connection at
// 20,000 a second: with the window as it is, and without one.
func BenchmarkDelay(b *testing.B) {
	for name, settle := range map[string]time.Duration{"window": settle, "none": 0} {
		b.Run(name, func(b *testing.B) { delay(b, settle) })
	}
}

func delay(b *testing.B, settle time.Duration) {
	l := newLoad(b, "basic-callee-releases")
	a, err := New(pbxadapter.Options{Name: "fs", Log: zap.NewNop(), Numbers: pbxadapter.PlainNumbers{}}, realConfig("127.0.0.1:1", "x"))
	if err != nil {
		b.Fatal(err)
	}
	a.time.settle = settle
	a.begin(nil)
	deskPhones(a.track)
	ours, theirs := net.Pipe()
	k := newConn(ours, maxInbox)
	k.r = bufio.NewReaderSize(ours, maxHeader)
	go k.read()
	m := callmodel.New()
	var took []time.Duration
	a.track.facts = func(f callmodel.Fact) {
		m.Apply(f)
		took = append(took, time.Since(a.track.now)) // the tracker's time is that at which the window let the event go
	}
	a.conn, a.run, a.ready = k, b.Context(), true
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.loop(b.Context(), k, make(chan error, 1))
	}()
	n := 0
	began := time.Now()
	seq := 0
	for b.Loop() {
		l.call(n)
		for i, x := range l.frames {
			seq++
			x = sequenced(x, seq)
			_, _ = fmt.Fprintf(theirs, "Content-Length: %d\nContent-Type: text/event-json\n\n%s", len(x), x)
			if due := began.Add(time.Duration(n*len(l.frames)+i) * 50 * time.Microsecond); i%4 == 0 {
				time.Sleep(time.Until(due))
			}
		}
		n++
	}
	time.Sleep(2 * settle)
	_ = theirs.Close()
	<-done
	slices.Sort(took)
	if len(took) == 0 {
		b.Fatal("nothing was told")
	}
	b.ReportMetric(float64(n*len(l.frames))/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-median")
}

var sequence = []byte(`"Event-Sequence":"`)

// sequenced gives an event another sequence number, of as many digits as it has room for.
func sequenced(x []byte, n int) []byte {
	at := bytes.Index(x, sequence) + len(sequence)
	end := at + bytes.IndexByte(x[at:], '"')
	return slices.Concat(x[:at], strconv.AppendInt(nil, int64(n), 10), x[end:])
}

// leaves puts so many calls through the tracker, and gives the heap after a tenth of them and after all, in octets.
func leaves(t testing.TB, calls int) (early, late uint64) {
	t.Helper()
	l := newLoad(t, "basic-callee-releases")
	var p parser
	templates := make([]event, len(l.frames))
	for i, x := range l.frames {
		if err := p.parse(x, &templates[i]); err != nil {
			t.Fatal(err)
		}
	}
	m := callmodel.New()
	tr := newTracker("fs", pbxadapter.PlainNumbers{}, func(f callmodel.Fact) { m.Apply(f) })
	tr.stations["20001"], tr.stations["20002"] = station{id: "20001"}, station{id: "20002"}
	now := began
	heap := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	for n := range calls {
		id := fmt.Sprintf("%08x", n)
		for i := range templates {
			e := templates[i]
			for _, k := range []key{uniqueID, otherUniqueID, bridgeA, bridgeB, originatingLeg, signalBond} {
				if len(e.value[k]) == 36 {
					e.value[k] = id + e.value[k][8:]
				}
			}
			now = now.Add(2 * time.Millisecond)
			tr.hear(&e, now)
		}
		tr.tidy()
		if n == calls/10 {
			early = heap()
		}
	}
	late = heap()
	if n := len(tr.legs) + len(tr.calls) + len(m.State().Calls); n != 0 {
		t.Errorf("%d legs and calls are left over", n)
	}
	return early, late
}

// However many calls there were, they leave nothing behind.
func TestMemoryFlat(t *testing.T) {
	if early, late := leaves(t, 10_000); late > early*3/2+1<<20 {
		t.Errorf("%d kB after a tenth of the calls, %d kB after all", early>>10, late>>10)
	}
}

// The heap after 10,000 calls, and after 100,000.
func BenchmarkMemory(b *testing.B) {
	var early, late uint64
	for range b.N {
		early, late = leaves(b, 100_000)
	}
	b.ReportMetric(float64(early>>10), "kB-after-10000")
	b.ReportMetric(float64(late>>10), "kB-after-100000")
}
