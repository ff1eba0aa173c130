package freeswitch

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
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

// feed is the way of events to the call model, 20,000 a second by its own clock.
type feed struct {
	parse  parser
	window window
	track  *tracker
	feat   *features
	now    time.Time
	seq    uint64
	calls  int
}

func newFeed(report func(callmodel.Fact)) *feed {
	f := &feed{window: window{settle: settle}, track: newTracker("fs", pbxadapter.PlainNumbers{}, report), now: began}
	f.feat = newFeatures(f.track, nil)
	deskPhones(f.track)
	return f
}

// call takes one more call of a load.
func (f *feed) call(t testing.TB, l *load) {
	l.call(f.calls)
	f.calls++
	for _, x := range l.frames {
		e := f.window.blank()
		if err := f.parse.parse(x, e); err != nil {
			t.Fatal(err)
		}
		f.now = f.now.Add(50 * time.Microsecond)
		f.seq++
		e.seq = f.seq
		f.window.put(e, f.now)
		for {
			e, at := f.window.next(f.now)
			if e == nil {
				break
			}
			f.track.hear(e, at)
			f.feat.hear(e)
			f.window.done(e)
		}
	}
	f.track.tidy()
}

// Recorded events of calls between 2,000 phones, from the frame's octets through adapter and call model, on one core.
func BenchmarkEvents(b *testing.B) {
	for _, name := range []string{"basic-callee-releases", "hold-phone"} {
		b.Run(name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			l := newLoad(b, name)
			m := callmodel.New()
			told := 0
			f := newFeed(func(f callmodel.Fact) { told += len(m.Apply(f)) })
			octets := 0
			for _, x := range l.frames {
				octets += len(x)
			}
			b.SetBytes(int64(octets))
			b.ReportAllocs()
			for b.Loop() {
				f.call(b, l)
			}
			n := f.calls
			events := float64(n * len(l.frames))
			rate := events / b.Elapsed().Seconds()
			if b.ReportMetric(rate, "events/s"); n > 100 && rate < 20_000 {
				b.Errorf("%.0f events a second on one core, want 20,000", rate)
			}
			b.ReportMetric(float64(told)/float64(n), "told/call")
			if m.Odd() > 0 {
				b.Fatalf("%d facts are no legal state changes", m.Odd())
			}
		})
	}
}

// An event is told when its window is over, and no later: at 20,000 a second, by a clock of its own, on which nothing else takes time.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, "basic-callee-releases")
		a := fakeAdapter(t, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8021}, false)
		a.time, a.log = usual(), zap.NewNop()
		a.begin(nil)
		deskPhones(a.track)
		ours, theirs := net.Pipe()
		k := newConn(ours, maxInbox)
		told := 0
		var least, most time.Duration
		a.track.facts = func(callmodel.Fact) {
			late := time.Since(a.track.now)
			least, most = min(least, late), max(most, late)
			told++
		}
		ctx, cancel := context.WithCancel(t.Context())
		a.conn, a.run, a.ready = k, ctx, true
		var work sync.WaitGroup
		work.Go(k.read)
		work.Go(func() { a.loop(ctx, k, make(chan error, 1)) })
		seq := 0
		for n := range 60 {
			l.call(n)
			for _, x := range l.frames {
				seq++
				x = sequenced(x, seq)
				if _, err := fmt.Fprintf(theirs, "Content-Length: %d\nContent-Type: text/event-json\n\n%s", len(x), x); err != nil {
					t.Fatal(err)
				}
				time.Sleep(50 * time.Microsecond)
			}
		}
		time.Sleep(time.Second)
		cancel()
		_ = theirs.Close()
		work.Wait()
		if told < 300 || most > 100*time.Microsecond || least < -time.Millisecond {
			t.Errorf("%d facts, %v to %v after their window", told, least, most)
		}
	})
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
	stop := make(chan struct{})
	bare := make(chan []time.Duration, 1)
	go func() { // how late the machine is with nothing to do
		var late []time.Duration
		for {
			due := time.Now().Add(time.Millisecond)
			select {
			case <-time.After(time.Millisecond):
				late = append(late, time.Since(due))
			case <-stop:
				bare <- late
				return
			}
		}
	}()
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
	close(stop)
	late := <-bare
	slices.Sort(late)
	slices.Sort(took)
	if len(took) == 0 {
		b.Fatal("nothing was told")
	}
	p99, beside := took[len(took)*99/100], time.Duration(0)
	if len(late) > 0 {
		beside = late[len(late)*99/100]
	}
	b.ReportMetric(float64(beside.Microseconds()), "µs-p99-of-a-bare-timer")
	switch {
	case beside > time.Millisecond:
		b.Logf("the machine has other work: a timer that does nothing is %v late", beside)
	case n > 1000 && p99 > time.Millisecond+beside:
		b.Errorf("the delay's p99 is %v, want 1ms beyond the machine's own %v", p99, beside)
	}
	b.ReportMetric(float64(n*len(l.frames))/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(p99.Microseconds()), "µs-p99")
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
	if late > early*3/2+1<<20 {
		b.Errorf("%d kB after 10,000 calls, %d kB after 100,000", early>>10, late>>10)
	}
	b.ReportMetric(float64(early>>10), "kB-after-10000")
	b.ReportMetric(float64(late>>10), "kB-after-100000")
}
