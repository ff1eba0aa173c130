package freeswitch

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

const recordings = "../../testdata/pbx/freeswitch"

var began = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

// record is one message of a recording.
type record struct {
	at     time.Duration
	link   string // which connection
	client bool
	text   []byte
	event  []byte // the JSON of an event, or of a dump; nil: something else
	parsed *event // of it, by the real parser; nil: there is none
	note   string
}

// recorded are the recordings that have been read.
var recorded sync.Map

// records reads a recording: of the event socket, gathered and compressed.
func records(t testing.TB, name string) []record {
	t.Helper()
	if list, ok := recorded.Load(name); ok {
		return list.([]record)
	}
	p := parser{extra: recordedFeatures(nil).headers()}
	f, err := os.Open(filepath.Join(recordings, name+".esl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var list []record
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		b = rest
		if line[0] == '#' {
			list = append(list, record{note: string(line)})
			continue
		}
		var (
			r          record
			dir        string
			ms, length int
		)
		if _, err := fmt.Sscan(string(line), &r.link, &dir, &ms, &length); err != nil || length > len(b) {
			t.Fatalf("%s: record %q: %v", name, line, err)
		}
		r.at, r.client, r.text = time.Duration(ms)*time.Millisecond, dir == "C", b[:length]
		b = b[min(length+1, len(b)):]
		head, body, _ := bytes.Cut(r.text, []byte("\n\n"))
		switch {
		case r.client:
		case bytes.HasPrefix(body, []byte("{\"")):
			r.event = body
		case bytes.Contains(head, []byte("text/event-plain")):
			r.event = plain(body)
		}
		if r.event != nil {
			r.parsed = new(event)
			if err := p.parse(r.event, r.parsed); err != nil {
				t.Fatalf("%s: at %v: %v", name, r.at, err)
			}
		}
		list = append(list, r)
	}
	recorded.Store(name, list)
	return list
}

// plain makes JSON of an event in the plain encoding, which only a recording of "event plain all" has.
func plain(b []byte) []byte {
	m := map[string]string{}
	head, body, _ := strings.Cut(string(b), "\n\n")
	for line := range strings.Lines(head) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if u, err := url.PathUnescape(v); err == nil {
			v = u
		}
		m[k] = v
	}
	if body != "" {
		m["_body"] = body
	}
	text, _ := json.Marshal(m)
	return text
}

// desk is the numbers of the recordings' PBX.
func desk() map[string]station {
	m := map[string]station{}
	for n := 201; n <= 206; n++ {
		d := fmt.Sprint(n)
		m[d] = station{id: csta.DeviceID(d)}
	}
	return m
}

// replayer feeds a tracker with a recording. What the recording's client did it tells the tracker as our services would.
type replayer struct {
	t        testing.TB
	track    *tracker
	window   window
	facts    []callmodel.Fact
	roles    map[string][2]string
	consults bool   // the next command makes a call
	joins    string // the number that the next command calls, to have it join a conference
	dnd      map[csta.DeviceID]bool
	core     *features
}

func newReplayer(t testing.TB) *replayer {
	r := &replayer{t: t, window: window{settle: settle}, roles: map[string][2]string{}, dnd: map[csta.DeviceID]bool{}}
	r.fresh()
	return r
}

func (r *replayer) fresh() {
	r.track = newTracker("fs", pbxadapter.PlainNumbers{}, func(f callmodel.Fact) { r.facts = append(r.facts, f) })
	r.track.stations, r.track.keys = desk(), true
	r.track.dnd = func(d csta.DeviceID) bool { return r.dnd[d] }
	r.core = recordedFeatures(r.track)
}

func (r *replayer) take(m record) {
	now := began.Add(m.at)
	switch {
	case m.note != "":
	case m.client:
		// Our services wait for what proves their last step: it has been heard before the next command goes out.
		r.until(now)
		r.flush()
		r.command(string(m.text))
	case m.event != nil:
		e := r.window.blank()
		*e = *m.parsed
		if e.get(eventName) == "CHANNEL_DATA" || e.get(eventName) == "" {
			return
		}
		if role, ok := r.roles[e.get(uniqueID)]; ok && e.name() == "CHANNEL_CREATE" {
			e.value[markRole], e.value[markTo] = role[0], role[1]
		}
		r.until(now)
		r.window.put(e, now)
	}
}

// play takes a whole recording.
func (r *replayer) play(list []record) {
	for i, m := range list {
		if m.client {
			r.consults = false
			for _, n := range list[i+1:] {
				if n.client {
					r.consults, r.joins = bytes.Contains(n.text, []byte("bgapi originate")), ""
					if to := loopbackOf.FindSubmatch(n.text); to != nil {
						r.joins = string(to[1])
					}
					break
				}
			}
		}
		r.take(m)
	}
	r.until(began.Add(time.Hour))
}

// flush has everything heard that has come.
func (r *replayer) flush() {
	for {
		e, at := r.window.next(began.Add(time.Hour))
		if e == nil {
			return
		}
		r.track.hear(e, at)
		r.core.hear(e)
		r.window.done(e)
	}
}

func (r *replayer) until(now time.Time) {
	for {
		e, at := r.window.next(now)
		if e == nil {
			break
		}
		r.track.until(at)
		r.track.hear(e, at)
		r.core.hear(e)
		r.window.done(e)
	}
	r.track.until(now)
}

var (
	originated  = regexp.MustCompile(`origination_uuid=([^|]+)\|.*\}user/(\d+)@\S+ (.*)`)
	loopbackOf  = regexp.MustCompile(`\}loopback/(\d+)/`)
	interceptOf = regexp.MustCompile(`\^intercept:([^^]+)\^`)
	transferOf  = regexp.MustCompile(`transfer:(\S+) XML`)
)

// command tells the tracker what a service of ours would, before it sends such a command.
func (r *replayer) command(text string) {
	text, _, _ = strings.Cut(text, "\n")
	text = strings.TrimPrefix(strings.TrimPrefix(text, "bg"), "api ")
	w := strings.Fields(text)
	if len(w) == 0 {
		return
	}
	t := r.track
	at := func(i int) *leg {
		if i < len(w) && t.legs[w[i]] != nil {
			return t.legs[w[i]]
		}
		return &leg{}
	}
	own := func(far *leg) *connection { // the device that acts on far's behalf: its peer, or who parked it
		if far.peer != nil {
			return far.peer.conn
		}
		for _, n := range far.call.conns {
			if n.holder != nil {
				return n
			}
		}
		return nil
	}
	switch w[0] {
	case "uuid_kill":
		at(1).killed = true
	case "originate":
		m := originated.FindStringSubmatch(text)
		if m == nil {
			return
		}
		if to := transferOf.FindStringSubmatch(m[3]); to != nil {
			r.roles[m[1]] = [2]string{string(dials), to[1]}
		} else if strings.HasPrefix(m[3], "&intercept") {
			r.roles[m[1]] = [2]string{string(picks), ""}
		}
	case "uuid_phone_event":
		t.wanted[w[1]] = &intention{cause: csta.CauseNormal}
		if w[2] == "hold" && r.consults {
			t.wanted[w[1]].cause = csta.CauseConsultation
		}
	case "uuid_bridge":
		a, b := at(1), at(2)
		if a.call == nil || b.call == nil || a.call == b.call {
			return
		}
		if slicesHas(b.call, a) { // a takes b back: unpark marks it first
			t.marks = append(t.marks, mark{a.id, b.call.id})
			return
		}
		var held, active *connection
		for _, n := range a.call.conns {
			if o := b.call.conn(n.device); o != nil {
				held, active = n, o
			}
		}
		t.willJoin(held, active, a, b)
	case "uuid_transfer":
		far := at(1)
		switch {
		case far.call == nil:
		case w[2] == "-both":
			room, _, _ := strings.Cut(strings.TrimPrefix(w[3], "conference:"), "@")
			if r.joins != "" {
				t.willMeetAnother(far.conn, far.peer, t.known(r.joins, pbxadapter.Called), room)
				return
			}
			for _, c := range t.calls {
				if held := c.conn(far.device); held != nil && held != far.conn {
					t.willMeet(held, far.conn, held.leg().peer, far.peer, room)
				}
			}
		case strings.HasPrefix(w[2], "conference:"):
		case strings.HasPrefix(w[2], "'m:^:playback"):
			if n := own(far); n != nil {
				t.willHold(n, far, csta.CauseConsultation)
			}
		case strings.Contains(text, "^intercept:"):
			ringing := t.legs[interceptOf.FindStringSubmatch(text)[1]]
			by := own(far)
			for _, c := range t.calls {
				if o := c.conn(by.device); o != nil && o != by {
					t.willTransferRinging(by, o, far, ringing, ringing.party)
					return
				}
			}
		case strings.HasPrefix(w[2], "'m:^:set"):
			_, to, _ := strings.Cut(text, "bridge:user/")
			t.consults(far, t.known(user(to), pbxadapter.Called), 0)
		default:
			to := t.known(w[2], pbxadapter.Called)
			var ringing *connection
			for _, n := range far.call.conns {
				if n.state == csta.Alerting {
					ringing = n
				}
			}
			if ringing != nil {
				t.willDeflect(ringing, far, to)
				return
			}
			by := own(far)
			for _, c := range t.calls {
				if o := c.conn(by.device); o != nil && o != by {
					t.willTransferRinging(by, o, far, nil, to)
					return
				}
			}
			t.willHandOver(by, far, to)
		}
	case "db":
		f := strings.Split(w[1], "/")
		if len(f) > 2 && f[1] == "dnd" && (f[0] == "insert" || f[0] == "delete") {
			r.dnd[csta.DeviceID(f[2])] = f[0] == "insert"
			r.core.set(csta.DeviceID(f[2]), callmodel.DoNotDisturb{On: f[0] == "insert"}, 0)
		}
		if len(f) > 2 && f[1] == "cfu" && (f[0] == "insert" || f[0] == "delete") {
			on := f[0] == "insert"
			to := csta.DeviceID("")
			if on {
				to = csta.DeviceID(f[3])
			}
			r.core.set(csta.DeviceID(f[2]), callmodel.Forwarding{Type: csta.ForwardImmediate, On: on, To: to}, 0)
		}
	}
}

// slicesHas says whether l parked who is in c.
func slicesHas(c *call, l *leg) bool {
	for _, n := range c.conns {
		if n.holder == l {
			return true
		}
	}
	return false
}

type factOf = callmodel.Fact

var plainNumbers = pbxadapter.PlainNumbers{}
