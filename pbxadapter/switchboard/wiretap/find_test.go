package wiretap_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard/wiretap"
)

// two lines, a call between them, and somebody else's
var office = []wiretap.Record{
	{Text: []byte("a invites"), Session: "a", Line: "1001"},
	{Text: []byte("b invites"), Session: "b", Line: "1002"},
	{Text: []byte("ping"), Layer: wiretap.PBX},
	{Text: []byte("a makes a call"), Session: "a", Line: "1001", Trace: traced(7)},
	{Text: []byte("originate"), Layer: wiretap.PBX, Trace: traced(7)},
	{Text: []byte("ringing"), Layer: wiretap.PBX, Calls: []csta.CallID{"c1"}},
	{Text: []byte("a has a call"), Session: "a", Line: "1001", Calls: []csta.CallID{"c1"}, Trace: traced(7)},
	{Text: []byte("b is called"), Session: "b", Line: "1002", Calls: []csta.CallID{"c1"}},
	{Text: []byte("c makes a call"), Session: "c", Line: "1003", Trace: traced(8)},
	{Text: []byte("c has a call"), Session: "c", Line: "1003", Calls: []csta.CallID{"c2"}, Trace: traced(8)},
	{Text: []byte("b transfers"), Session: "b", Line: "1002", Calls: []csta.CallID{"c1", "c3"}, Trace: traced(9)},
	{Text: []byte("bridge"), Layer: wiretap.PBX, Trace: traced(9)},
	{Text: []byte("third is told"), Session: "d", Line: "1004", Calls: []csta.CallID{"c3"}},
}

func TestFind(t *testing.T) {
	now := time.Now()
	tap := wiretap.New(1<<20, time.Hour)
	for i, r := range office {
		r.At = now.Add(time.Duration(i) * time.Millisecond)
		tap.Record(r)
	}
	for _, test := range []struct {
		name   string
		filter wiretap.Filter
		want   []int
	}{
		{"all", wiretap.Filter{}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
		{"the newest", wiretap.Filter{Limit: 3}, []int{10, 11, 12}},
		{"as many as there are", wiretap.Filter{Limit: 13}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
		{"all but one", wiretap.Filter{Limit: 12}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
		{"since", wiretap.Filter{Since: now.Add(11 * time.Millisecond)}, []int{11, 12}},
		{"a line, its commands and all of its call", wiretap.Filter{Line: "1001"}, []int{0, 3, 4, 5, 6, 7, 10}},
		{"a line that had two calls", wiretap.Filter{Line: "1002"}, []int{1, 5, 6, 7, 10, 11, 12}},
		{"a line, the newest", wiretap.Filter{Line: "1001", Limit: 2}, []int{7, 10}},
		{"a line, of late", wiretap.Filter{Line: "1001", Since: now.Add(6 * time.Millisecond)}, []int{6, 7, 10}},
		{"a call, and the request that made it", wiretap.Filter{Call: "c1"}, []int{3, 4, 5, 6, 7, 10, 11}},
		{"the second of a record's calls", wiretap.Filter{Call: "c3"}, []int{10, 11, 12}},
		{"a session", wiretap.Filter{Session: "c"}, []int{8, 9}},
		{"a trace", wiretap.Filter{Trace: traced(7)}, []int{3, 4, 6}},
		{"a trace in a session", wiretap.Filter{Session: "a", Trace: traced(7), Line: "1001"}, []int{3, 4, 5, 6, 7, 10}},
		{"a call of a line", wiretap.Filter{Line: "1002", Call: "c1"}, []int{7, 10, 11}},
		{"nobody", wiretap.Filter{Line: "1009"}, nil},
		{"the wrong session", wiretap.Filter{Session: "a", Line: "1002"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			finds(t, tap, test.filter, office, test.want)
		})
	}
}

// finds says that a filter finds these of all records, by their numbers, in this order.
func finds(t *testing.T, tap *wiretap.Tap, f wiretap.Filter, all []wiretap.Record, numbers []int) {
	t.Helper()
	var want, got []string
	for _, i := range numbers {
		want = append(want, string(all[i].Text))
	}
	for _, r := range tap.Find(f) {
		got = append(got, string(r.Text))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

// Find against the plain reading of its promise.
func TestFindAsPromised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tap := wiretap.New(rapid.SampledFrom([]int{500, 1 << 18, 1 << 20}).Draw(t, "octets"), 0)
		name := rapid.SampledFrom([]string{"", "a", "b", "c"})
		trace := rapid.Uint64Range(0, 3)
		for i := range rapid.IntRange(0, 40).Draw(t, "records") {
			r := wiretap.Record{
				At: time.Unix(int64(i), 0), Session: name.Draw(t, "session"), Line: csta.DeviceID(name.Draw(t, "line")), Trace: traced(trace.Draw(t, "trace")),
				Text: []byte(strings.Repeat("x", rapid.SampledFrom([]int{0, 10, wiretap.MaxText}).Draw(t, "text"))),
			}
			for range rapid.IntRange(0, 2).Draw(t, "calls") {
				r.Calls = append(r.Calls, csta.CallID(fmt.Sprint("call", rapid.IntRange(1, 4).Draw(t, "call"))))
			}
			tap.Record(r)
		}
		f := wiretap.Filter{
			Session: name.Draw(t, "session?"), Line: csta.DeviceID(name.Draw(t, "line?")), Trace: traced(trace.Draw(t, "trace?")),
			Call: csta.CallID(rapid.SampledFrom([]string{"", "", "call1"}).Draw(t, "call?")), Limit: rapid.IntRange(1, 50).Draw(t, "limit"),
		}
		if diff := cmp.Diff(briefly(plainly(tap.Find(wiretap.Filter{}), f)), briefly(tap.Find(f)), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%+v (-want +got):\n%s", f, diff)
		}
	})
}

// A PBX's messages come with the requests that they serve and the events that they cause; what was said with other PBXs is left out of everything.
func TestFindPBX(t *testing.T) {
	all := []wiretap.Record{
		{Text: []byte("a invites"), Session: "a", Line: "1001"},
		{Text: []byte("a makes a call"), Session: "a", Line: "1001", Trace: traced(7)},
		{Text: []byte("originate"), Layer: wiretap.PBX, Peer: "main", Trace: traced(7)},
		{Text: []byte("ringing"), Layer: wiretap.PBX, Peer: "main", Calls: []csta.CallID{"c1"}},
		{Text: []byte("incoming"), Layer: wiretap.PBX, Peer: "annex", Calls: []csta.CallID{"c1"}},
		{Text: []byte("annex's own"), Layer: wiretap.PBX, Peer: "annex", Calls: []csta.CallID{"c2"}, Trace: traced(8)},
		{Text: []byte("b is called"), Session: "b", Line: "1002", Calls: []csta.CallID{"c1"}},
		{Text: []byte("c is called"), Session: "c", Line: "1003", Calls: []csta.CallID{"c2"}},
		{Text: []byte("a has a call"), Session: "a", Line: "1001", Calls: []csta.CallID{"c1"}, Trace: traced(7)},
		{Text: []byte("a peer that calls itself main"), Peer: "main", Session: "d"},
		{Text: []byte("ping"), Layer: wiretap.PBX, Peer: "annex"},
	}
	tap := wiretap.New(1<<20, 0)
	for _, r := range all {
		tap.Record(r)
	}
	for _, test := range []struct {
		name   string
		filter wiretap.Filter
		want   []int
	}{
		{"main", wiretap.Filter{PBX: "main"}, []int{1, 2, 3, 6, 8}},
		{"annex", wiretap.Filter{PBX: "annex"}, []int{4, 5, 6, 7, 8, 10}},
		{"the newest of annex", wiretap.Filter{PBX: "annex", Limit: 2}, []int{8, 10}},
		{"a line on main", wiretap.Filter{PBX: "main", Line: "1001"}, []int{0, 1, 2, 3, 6, 8}},
		{"a call on annex", wiretap.Filter{PBX: "annex", Call: "c1"}, []int{1, 4, 6, 8}},
		{"a session on annex", wiretap.Filter{PBX: "annex", Session: "a"}, []int{0, 1, 4, 6, 8}},
		{"a trace on main", wiretap.Filter{PBX: "main", Trace: traced(7)}, []int{1, 2, 8}},
		{"a trace that isn't annex's", wiretap.Filter{PBX: "annex", Trace: traced(7)}, []int{1, 8}},
		{"no such PBX", wiretap.Filter{PBX: "nowhere"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			finds(t, tap, test.filter, all, test.want)
		})
	}
}

// A name is cut as it is in records, so that a long one is found by itself.
func TestFindLongPBX(t *testing.T) {
	tap := wiretap.New(1<<20, 0)
	name := strings.Repeat("a long name ", 60)
	tap.Record(wiretap.Record{Layer: wiretap.PBX, Peer: name, Text: []byte("x")})
	if n := len(tap.Find(wiretap.Filter{PBX: name})); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// briefly has lengths in place of texts, which are quicker compared.
func briefly(all []wiretap.Record) []wiretap.Record {
	for i, r := range all {
		all[i].Text, all[i].Cut = nil, len(r.Text)
	}
	return all
}

func plainly(all []wiretap.Record, f wiretap.Filter) (out []wiretap.Record) {
	traces, calls := map[pbxadapter.TraceID]bool{}, map[csta.CallID]bool{}
	meets := func(r wiretap.Record) bool {
		ok := f.Call == ""
		for _, c := range r.Calls {
			ok = ok || c == f.Call
		}
		return ok && (f.Line == "" || r.Line == f.Line) && (f.Session == "" || r.Session == f.Session) && (f.Trace.IsZero() || r.Trace == f.Trace)
	}
	for _, r := range all {
		if meets(r) && f.Line+csta.DeviceID(f.Call)+csta.DeviceID(f.Session) != "" {
			traces[r.Trace] = true
			for _, c := range r.Calls {
				calls[c] = f.Call == ""
			}
		}
	}
	delete(traces, pbxadapter.TraceID{})
	for _, r := range all {
		ok := meets(r) || traces[r.Trace]
		for _, c := range r.Calls {
			ok = ok || calls[c]
		}
		if ok {
			out = append(out, r)
		}
	}
	return out[max(0, len(out)-f.Limit):]
}

// The calls that a CSTA message names need not be recorded with it: a filter finds them in the text, as bad as that may be.
func TestFindNamedCalls(t *testing.T) {
	tap := wiretap.New(1<<20, 0)
	for _, r := range []wiretap.Record{
		{Text: []byte("INFO x SIP/2.0\r\n\r\n<a><callID>c1</callID>\n<b:callID> c2 </b:callID></a>")},
		{Layer: wiretap.CSTA, Text: []byte("<callID>c1</callID><callID>c1</callID>")},
		{Layer: wiretap.PBX, Text: []byte("<callID>c1</callID>")},
		{Text: []byte("callID>")},
		{Text: []byte("callID><")},
		{Text: []byte("<callID>c1")},
		{Text: []byte("<callID>" + strings.Repeat("c", 600) + "</callID>")},
	} {
		tap.Record(r)
	}
	for call, want := range map[csta.CallID]int{"c1": 2, "c2": 1, "c": 0} {
		if got := tap.Find(wiretap.Filter{Call: call}); len(got) != want {
			t.Errorf("%s: %d messages, want %d", call, len(got), want)
		}
	}
	if diff := cmp.Diff([]csta.CallID{"c1", "c2"}, tap.Find(wiretap.Filter{Call: "c2"})[0].Calls); diff != "" {
		t.Error(diff)
	}
}
