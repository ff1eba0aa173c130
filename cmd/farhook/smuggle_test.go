package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter/asterisk/fake"
)

// contraband is in all that is smuggled, and in nothing that the PBX is to hear.
const contraband = "Zq7"

// A second action, a header, a variable or a pattern in the number that somebody is to be called by is refused, by whichever way it comes, and nothing
// of it reaches the PBX.
func TestSmuggledByNumber(t *testing.T) {
	pbx := fake.New(fake.Config{Phones: []string{"101", "102", "103", "104"}, Slots: [2]int{701, 720}, Lines: true, Secret: "s3cret"})
	g := onFake(t, pbx)
	who := scene{caller: "101", free: "103", barred: "103", abroad: abroad}
	for way, ask := range map[string]func(*testing.T, csta.Request) error{"SIP": g.bySIP("103"), "REST": g.byREST} {
		for _, s := range outward {
			t.Run(way+"/"+s.name, func(t *testing.T) {
				c := &outwardCall{t, onAsterisk{pbx}, g, who, "103"}
				proper := s.request(c)
				for _, text := range []string{
					"102\r\nAction: Originate\r\nChannel: Zq7", "102\r\n\r\nAction: Hangup\r\nChannel: /Zq7.*/", "102\nVariable: Zq7=1", "/PJSIP.Zq7*/", "102,Zq7=1", "102&Zq7", "${SHELL(Zq7)}", "102|Zq7",
					"102@Zq7", "102/Zq7",
				} {
					pbx.Heard()
					before := len(pbx.Acted())
					if err := ask(t, instead(t, proper, text)); err == nil {
						t.Errorf("%q is carried out", text)
					}
					if said := pbx.Heard(); strings.Contains(said, contraband) {
						t.Errorf("%q: the PBX is told\n%s", text, said)
					}
					if acted := pbx.Acted()[before:]; len(acted) > 0 {
						t.Errorf("%q: the PBX is asked for %v", text, acted)
					}
				}
				if err := ask(t, proper); err != nil {
					t.Errorf("the number itself is refused, so the test shows nothing: %v", err)
				}
				pbx.Reset()
				onAsterisk{pbx}.Reset()
				until(t, "nobody talks", func() bool { return pbx.Channels() == 0 && len(g.calls(t, "101", "103")) == 0 })
			})
		}
	}
}

// instead is a request with another text in the place of the number abroad.
func instead(t *testing.T, r csta.Request, text string) csta.Request {
	t.Helper()
	proper, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	changed := reflect.New(reflect.TypeOf(r))
	if err := json.Unmarshal([]byte(strings.Replace(string(proper), `"`+abroad+`"`, string(quoted), 1)), changed.Interface()); err != nil {
		t.Fatal(err)
	}
	return changed.Elem().Interface().(csta.Request)
}
