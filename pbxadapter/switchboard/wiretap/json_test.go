package wiretap_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farhook/csta"
	"farhook/pbxadapter/switchboard/wiretap"
)

func TestJSON(t *testing.T) {
	r := wiretap.Record{
		At: time.Date(2026, 11, 24, 10, 15, 2, 123456789, time.FixedZone("", 3600)), Layer: wiretap.PBX, Direction: wiretap.Out, Peer: "asterisk",
		Session: "a84b", Line: "tel:+15551001", Calls: []csta.CallID{"c1"}, Trace: traced(1<<64 - 1), Text: []byte("x\xffy\r\n"), Cut: 9,
	}
	const want = `{"at":"2026-11-24T09:15:02.123456789Z","layer":"pbx","direction":"out","peer":"asterisk","session":"a84b","line":"tel:+15551001",` +
		`"calls":["c1"],"trace":"ffffffff00000000ffffffffffffffff","text":"x\ufffdy\r\n","cut":9}`
	b, err := json.Marshal(r)
	if err != nil || string(b) != want {
		t.Errorf("got  %s, %v\nwant %s", b, err, want)
	}
	var got wiretap.Record
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	r.At, r.Text = r.At.UTC(), []byte("x\uFFFDy\r\n")
	if diff := cmp.Diff(r, got); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
}

func TestJSONOfLittle(t *testing.T) {
	b, err := json.Marshal(wiretap.Record{At: time.Unix(0, 0)})
	if want := `{"at":"1970-01-01T00:00:00Z","layer":"sip","direction":"in","text":""}`; err != nil || string(b) != want {
		t.Errorf("got  %s, %v\nwant %s", b, err, want)
	}
}

func TestBadJSON(t *testing.T) {
	for name, in := range map[string]string{
		"layer": `{"layer":"ip"}`, "direction": `{"direction":""}`, "trace": `{"trace":"-1"}`, "too large a trace": `{"trace":"ffffffff00000000ffffffffffffffff0"}`,
		"time": `{"at":"today"}`, "no object": `[]`, "text": `{"text":5}`,
	} {
		t.Run(name, func(t *testing.T) {
			if err := json.Unmarshal([]byte(in), new(wiretap.Record)); err == nil {
				t.Errorf("%s was read", in)
			}
		})
	}
}
