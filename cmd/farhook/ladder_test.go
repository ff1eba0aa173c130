package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"farhook/csta"
)

// A call that a UC client makes has its whole ladder over HTTP: the INFO that asked for it, what the PBX was told and said, the events, and the INFOs that told them.
func TestLadderOverHTTP(t *testing.T) {
	m, stop := start(t, `(?s)sip:(127\.0\.0\.1:\d+);transport=tcp.*console +(http://127\.0\.0\.1:\d+)/.*PBX link up`,
		"demo", "--quiet", "--lines", "30", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0")
	defer stop()
	defer http.DefaultClient.CloseIdleConnections()
	uc := newUCServer(t, []string{"tel:+15551025", "tel:+15551026"})
	uc.dial(m[1], 2)
	uc.signIn()
	a := uc.sessions[0]
	a.conn.write(true, a.request(uc, "INFO", csta.Encode(nil, csta.MakeCall{
		CallingDevice: "tel:+15551025", CalledDirectoryNumber: "tel:+15551026", AutoOriginate: csta.AutoOriginateDoNotPrompt,
	}, csta.Ed3)))
	answer, _, err := csta.Decode(a.await(t).body)
	made, ok := answer.(csta.MakeCallResponse)
	if !ok {
		t.Fatal(answer, err)
	}
	type message struct{ Layer, Direction, Session, Carrier, Says, Text string }
	var l struct{ Messages []message }
	missing := func() (list []string) {
		res, err := http.Get(m[2] + "/api/v1/calls/" + url.PathEscape(string(made.CallingDevice.Call)) + "/ladder")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&l); err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(res.Status, err)
		}
		for _, want := range []message{
			{"sip", "in", "uc-0", "INFO", "MakeCall", "CSeq:"},
			{"pbx", "out", "", "", "MakeCall", ""},
			{"pbx", "in", "", "", "moved", ""},
			{"event", "out", "", "", "DeliveredEvent", "xmlns"},
			{"sip", "out", "uc-0", "200", "MakeCallResponse", ""},
			{"sip", "out", "uc-0", "INFO", "DeliveredEvent", ""},
			{"sip", "out", "uc-1", "INFO", "DeliveredEvent", ""},
		} {
			found := false
			for _, x := range l.Messages {
				found = found || x.Layer == want.Layer && x.Direction == want.Direction && strings.HasPrefix(x.Session, want.Session) && strings.HasPrefix(x.Carrier, want.Carrier) &&
					strings.HasPrefix(x.Says, want.Says) && strings.Contains(x.Text, want.Text)
			}
			if !found {
				list = append(list, strings.Join([]string{want.Layer, want.Direction, want.Session, want.Carrier, want.Says}, " "))
			}
		}
		return list
	}
	until(t, "the ladder is whole", func() bool { return len(missing()) == 0 }, func() { t.Errorf("not in it: %v\n%+v", missing(), l.Messages) })
}
