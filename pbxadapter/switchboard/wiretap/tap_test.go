package wiretap_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"farhook/csta"
	"farhook/pbxadapter/switchboard/wiretap"
)

func TestNobodyListens(t *testing.T) {
	for name, tap := range map[string]*wiretap.Tap{"nil": nil, "no octets": wiretap.New(0, time.Hour)} {
		t.Run(name, func(t *testing.T) {
			tap.Record(message())
			if got := tap.Find(wiretap.Filter{}); got != nil {
				t.Errorf("found %v", got)
			}
			if n, octets, oldest := tap.Stats(); n != 0 || octets != 0 || !oldest.IsZero() {
				t.Errorf("Stats: %d, %d, %v", n, octets, oldest)
			}
		})
	}
}

func TestEverythingIsKept(t *testing.T) {
	want := wiretap.Record{
		At: time.Unix(1_700_000_000, 123_456_789), Layer: wiretap.PBX, Direction: wiretap.Out, Peer: "asterisk", Session: "a84b4c76e66710",
		Line: "tel:+15551001", Calls: []csta.CallID{"c1", "c2"}, Trace: traced(1<<64 - 1), Text: []byte("Action: Ping\r\n\r\n"), Cut: 3,
	}
	tap := wiretap.New(1<<20, 0)
	given := want
	given.Text, given.Calls = bytes.Clone(want.Text), []csta.CallID{"c1", "c2"}
	tap.Record(given)
	given.Text[0], given.Calls[0] = 'X', "other" // the record is a copy
	got := tap.Find(wiretap.Filter{})
	if diff := cmp.Diff([]wiretap.Record{want}, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	got[0].Text[0] = 'Y' // and so is what is found
	if diff := cmp.Diff([]wiretap.Record{want}, tap.Find(wiretap.Filter{})); diff != "" {
		t.Errorf("found again (-want +got):\n%s", diff)
	}
}

func TestNoTimeIsNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := wiretap.New(1000, time.Hour)
		tap.Record(wiretap.Record{Peer: "p"})
		if got := tap.Find(wiretap.Filter{}); len(got) != 1 || !got[0].At.Equal(time.Now()) {
			t.Errorf("found %v, want one of %v", got, time.Now())
		}
	})
}

// Whatever sizes come, what is found are the newest that fit, whole and in order.
func TestRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		octets := rapid.IntRange(1, 2000).Draw(t, "octets")
		tap := wiretap.New(octets, 0)
		var all []wiretap.Record
		for i := range rapid.IntRange(1, 60).Draw(t, "records") {
			r := wiretap.Record{At: time.Unix(int64(i), 0), Peer: strings.Repeat("p", rapid.IntRange(0, 9).Draw(t, "peer"))}
			r.Text = bytes.Repeat([]byte{byte('a' + i%26)}, rapid.IntRange(0, 1200).Draw(t, "text"))
			for range rapid.IntRange(0, 3).Draw(t, "calls") {
				r.Calls = append(r.Calls, csta.CallID(fmt.Sprint("call", i)))
			}
			tap.Record(r)
			all = append(all, r)
			if i%16 == 0 {
				check(t, tap, octets, all)
			}
		}
		check(t, tap, octets, all)
	})
}

// check compares what is found with the tail of what was recorded, cut to what the ring can hold.
func check(t *rapid.T, tap *wiretap.Tap, octets int, all []wiretap.Record) {
	t.Helper()
	const head = 54
	var want []wiretap.Record
	for _, r := range all {
		names := head + len(r.Peer)
		for _, c := range r.Calls {
			names += 2 + len(c)
		}
		if names > octets {
			continue
		}
		if room := octets - names; len(r.Text) > room {
			r.Text, r.Cut = r.Text[:room], len(r.Text)-room
		}
		want = append(want, r)
		for sizes(want) > octets {
			want = want[1:]
		}
	}
	if diff := cmp.Diff(want, tap.Find(wiretap.Filter{}), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("found (-want +got):\n%s", diff)
	}
	n, used, oldest := tap.Stats()
	if n != len(want) || used != sizes(want) {
		t.Fatalf("Stats: %d records, %d octets, want %d, %d", n, used, len(want), sizes(want))
	}
	if n > 0 && !oldest.Equal(want[0].At) {
		t.Fatalf("oldest is of %v, want %v", oldest, want[0].At)
	}
}

func sizes(records []wiretap.Record) (n int) {
	for _, r := range records {
		n += 54 + len(r.Peer) + len(r.Text)
		for _, c := range r.Calls {
			n += 2 + len(c)
		}
	}
	return n
}

// A ring of several chunks, the last one a stump, written around many times with records that lie across their borders.
func TestChunks(t *testing.T) {
	const octets = 2<<18 + 777
	tap := wiretap.New(octets, 0)
	for i := range 400 {
		text := bytes.Repeat([]byte{byte('a' + i%26)}, i*977%wiretap.MaxText)
		tap.Record(wiretap.Record{Trace: traced(uint64(i)), Text: text})
		if i%9 != 0 {
			continue
		}
		all := tap.Find(wiretap.Filter{})
		for j, r := range all {
			k := int(numberOf(r.Trace))
			if k != i-len(all)+1+j || len(r.Text) != k*977%wiretap.MaxText || len(bytes.Trim(r.Text, string(byte('a'+k%26)))) != 0 {
				t.Fatalf("after %d: the one at %d of %d is of %d, with %d octets", i, j, len(all), k, len(r.Text))
			}
		}
	}
}

func TestLongThingsAreCut(t *testing.T) {
	tap := wiretap.New(1<<20, 0)
	long := strings.Repeat("x", 2000)
	calls := make([]csta.CallID, 40)
	for i := range calls {
		calls[i] = csta.CallID(fmt.Sprint(i, long))
	}
	tap.Record(wiretap.Record{Peer: long, Session: long, Line: csta.DeviceID(long), Calls: calls, Text: []byte(strings.Repeat("y", wiretap.MaxText+5))})
	for _, f := range []wiretap.Filter{{Session: long}, {Line: csta.DeviceID(long)}, {Call: calls[0]}} {
		got := tap.Find(f)
		if len(got) != 1 {
			t.Fatalf("found %d", len(got))
		}
		if r := got[0]; len(r.Text) != wiretap.MaxText || r.Cut != 5 || len(r.Calls) != 16 || len(r.Peer) != 512 {
			t.Errorf("text of %d, less %d, %d calls, a peer of %d", len(r.Text), r.Cut, len(r.Calls), len(r.Peer))
		}
	}
	if len(calls[0]) != 2001 {
		t.Error("the caller's own calls were cut")
	}
}

func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := wiretap.New(1<<20, time.Minute)
		for i := range 500 {
			tap.Record(wiretap.Record{Trace: traced(uint64(i))})
		}
		time.Sleep(30 * time.Second)
		tap.Record(wiretap.Record{Trace: traced(500)})
		time.Sleep(30 * time.Second)
		if n := len(tap.Find(wiretap.Filter{})); n != 501 {
			t.Errorf("at the age of a minute, found %d, want 501", n)
		}
		time.Sleep(time.Nanosecond)
		if got := tap.Find(wiretap.Filter{}); len(got) != 1 || got[0].Trace != traced(500) {
			t.Errorf("beyond it, found %d, want the later one", len(got))
		}
		time.Sleep(time.Hour)
		if n, octets, _ := tap.Stats(); n != 0 || octets != 0 {
			t.Errorf("an hour later %d records of %d octets are remembered", n, octets)
		}
	})
}

// What is too old is forgotten as others come, a bounded number at each.
func TestForgottenByLaterOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := wiretap.New(1<<20, time.Minute)
		for range 500 {
			tap.Record(wiretap.Record{Peer: "old"})
		}
		time.Sleep(time.Hour)
		for range 8 {
			tap.Record(wiretap.Record{Peer: "new"})
		}
		if n, _, oldest := tap.Stats(); n != 8 || !oldest.Equal(time.Now()) {
			t.Errorf("%d are remembered, the oldest of %v", n, oldest)
		}
	})
}

// Times before 1970 and after 2262 don't upset the age.
func TestImpossibleTimes(t *testing.T) {
	tap := wiretap.New(1<<20, 0)
	for _, at := range []time.Time{time.Unix(-1, 0), time.Unix(1<<40, 0), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)} {
		tap.Record(wiretap.Record{At: at})
	}
	if got := tap.Find(wiretap.Filter{Since: time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)}); len(got) != 1 {
		t.Errorf("since the year 3000 there are %d", len(got))
	}
	if got := tap.Find(wiretap.Filter{Since: time.Unix(-5, 0)}); len(got) != 3 {
		t.Errorf("since before 1970 there are %d", len(got))
	}
}

// Writers and readers at once: what is found is whole, and each writer's in its order. Rings of one chunk, of two and a stump, and of four.
func TestMany(t *testing.T) {
	for _, octets := range []int{100_000, 2<<18 + 777, 1 << 20} {
		t.Run(fmt.Sprint(octets), func(t *testing.T) { many(t, octets) })
	}
}

func many(t *testing.T, octets int) {
	const writers, each = 4, 2000
	text := message().Text
	tap := wiretap.New(octets, time.Hour)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			r := message()
			r.Peer = fmt.Sprint(w)
			for i := range each {
				r.Trace, r.Text = traced(uint64(i+1)), text[:len(text)-i%100]
				tap.Record(r)
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for range 30 {
				last := map[string]uint64{}
				for _, r := range tap.Find(wiretap.Filter{Session: "5c7d1e9af04b4b6f9f", Limit: 1 << 20}) {
					if numberOf(r.Trace) <= last[r.Peer] {
						t.Errorf("%s: %d after %d", r.Peer, numberOf(r.Trace), last[r.Peer])
					}
					last[r.Peer] = numberOf(r.Trace)
					if want := text[:len(text)-int(numberOf(r.Trace)-1)%100]; !bytes.Equal(r.Text, want) {
						t.Errorf("a text of %d octets is torn", len(r.Text))
					}
				}
				tap.Stats()
			}
		})
	}
	wg.Wait()
	records, used, _ := tap.Stats()
	if n := len(tap.Find(wiretap.Filter{Limit: 1 << 20})); n != records || used > octets {
		t.Errorf("%d found, %d recorded in %d octets", n, records, used)
	}
	for range 2 * octets / len(text) {
		tap.Record(message())
	}
	if _, used, _ := tap.Stats(); used < octets-2000 {
		t.Errorf("when nobody searches any more, %d of %d octets are used", used, octets)
	}
}

// What is too old is so by a clock that only goes forward: messages whose time says otherwise, for the clock was set, stay as long as all others.
func TestAgeWhateverTheClockSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := wiretap.New(1<<20, time.Hour)
		for _, at := range []time.Time{time.Now().AddDate(-1, 0, 0), time.Now(), time.Now().AddDate(1, 0, 0)} {
			tap.Record(wiretap.Record{At: at, Session: "s"})
		}
		time.Sleep(time.Hour)
		tap.Record(wiretap.Record{Session: "other"})
		if n := len(tap.Find(wiretap.Filter{Session: "s"})); n != 3 {
			t.Errorf("%d messages an hour later, want 3", n)
		}
		time.Sleep(time.Nanosecond)
		if n, _, _ := tap.Stats(); n != 1 {
			t.Errorf("%d messages after more than an hour, want the last", n)
		}
	})
}
