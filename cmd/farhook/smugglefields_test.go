package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter/asterisk/fake"
)

// smuggled are texts that would be more than a value, if they got into an action.
var smuggled = []string{"102\r\nAction: Originate\r\nChannel: Zq7", "102\nVariable: Zq7=1", "/PJSIP.Zq7*/", "102,${SHELL(Zq7)}&Zq7|Zq7@Zq7"}

// ofAll are requests of all services of a phone that talks to the caller and has consulted another one, to whom a second caller calls.
var ofAll = []func(held, active csta.ConnectionID, ringing csta.ConnectionID) csta.Request{
	func(_, a, _ csta.ConnectionID) csta.Request { return csta.HoldCall{CallToBeHeld: a} },
	func(h, a, _ csta.ConnectionID) csta.Request { return csta.AlternateCall{HeldCall: h, ActiveCall: a} },
	func(h, a, _ csta.ConnectionID) csta.Request { return csta.ReconnectCall{HeldCall: h, ActiveCall: a} },
	func(h, a, _ csta.ConnectionID) csta.Request { return csta.TransferCall{HeldCall: h, ActiveCall: a} },
	func(h, a, _ csta.ConnectionID) csta.Request { return csta.ConferenceCall{HeldCall: h, ActiveCall: a} },
	func(h, _, _ csta.ConnectionID) csta.Request { return csta.RetrieveCall{CallToBeRetrieved: h} },
	func(_, a, _ csta.ConnectionID) csta.Request {
		return csta.ConsultationCall{ExistingCall: a, ConsultedDevice: "9555"}
	},
	func(_, a, _ csta.ConnectionID) csta.Request {
		return csta.SingleStepTransferCall{ActiveCall: a, TransferredTo: "9555"}
	},
	func(_, a, _ csta.ConnectionID) csta.Request {
		return csta.SingleStepConferenceCall{ActiveCall: a, DeviceToJoin: "9555", ParticipationType: csta.ParticipationTypeActive}
	},
	func(_, a, _ csta.ConnectionID) csta.Request { return csta.ParkCall{Parking: &a, ParkTo: "701"} },
	func(_, a, _ csta.ConnectionID) csta.Request {
		return csta.GenerateDigits{ConnectionToSendDigits: a, CharactersToSend: "12"}
	},
	func(_, a, _ csta.ConnectionID) csta.Request { return csta.ClearConnection{ConnectionToBeCleared: a} },
	func(_, a, _ csta.ConnectionID) csta.Request { return csta.ClearCall{CallToBeCleared: &a} },
	func(_, a, _ csta.ConnectionID) csta.Request { return csta.SnapshotCall{SnapshotObject: a} },
	func(_, _, r csta.ConnectionID) csta.Request { return csta.AnswerCall{CallToBeAnswered: r} },
	func(_, _, r csta.ConnectionID) csta.Request {
		return csta.DeflectCall{CallToBeDiverted: r, NewDestination: "9555"}
	},
	func(_, _, r csta.ConnectionID) csta.Request {
		return csta.DirectedPickupCall{CallToBePickedUp: &r, RequestingDevice: "103"}
	},
	func(_, _, _ csta.ConnectionID) csta.Request { return csta.GroupPickupCall{NewDestination: "103"} },
	func(_, _, _ csta.ConnectionID) csta.Request {
		return csta.MakeCall{CallingDevice: "103", CalledDirectoryNumber: "9555", AutoOriginate: csta.AutoOriginateDoNotPrompt}
	},
	func(_, _, _ csta.ConnectionID) csta.Request {
		return csta.SetForwarding{Device: "103", ForwardingType: csta.ForwardImmediate, ActivateForward: true, ForwardDN: "102"}
	},
	func(_, _, _ csta.ConnectionID) csta.Request { return csta.GetForwarding{Device: "103"} },
	func(_, _, _ csta.ConnectionID) csta.Request {
		return csta.SetDoNotDisturb{Device: "103", DoNotDisturbOn: true}
	},
	func(_, _, _ csta.ConnectionID) csta.Request { return csta.GetDoNotDisturb{Device: "103"} },
	func(_, _, _ csta.ConnectionID) csta.Request {
		return csta.SetMessageWaitingIndicator{Device: "103", MessageWaitingOn: true}
	},
	func(_, _, _ csta.ConnectionID) csta.Request { return csta.GetMessageWaitingIndicator{Device: "103"} },
	func(_, _, _ csta.ConnectionID) csta.Request { return csta.SnapshotDevice{SnapshotObject: "103"} },
	func(_, _, _ csta.ConnectionID) csta.Request { return csta.GetLogicalDeviceInformation{Device: "103"} },
}

// smugglers are a fake PBX, and a gateway on it.
type smugglers struct {
	t   *testing.T
	pbx *fake.PBX
	g   *onFakePBX
}

func newSmugglers(t *testing.T) smugglers {
	pbx := fake.New(fake.Config{Phones: []string{"101", "102", "103", "104"}, Slots: [2]int{701, 720}, Lines: true, Secret: "s3cret"})
	return smugglers{t, pbx, onFake(t, pbx)}
}

// begin has 103 talk to 101, hold that and talk to 102; and 104 be rung.
func (s smugglers) begin() (held, active, ringing csta.ConnectionID) {
	s.t.Helper()
	c := &outwardCall{s.t, onAsterisk{s.pbx}, s.g, scene{caller: "101"}, "103"}
	first := c.talks()
	c.hand(s.g.ask(s.t, "POST", "/csta", map[string]any{"ConsultationCall": csta.ConsultationCall{ExistingCall: first, ConsultedDevice: "102"}}, nil))
	other := &outwardCall{s.t, onAsterisk{s.pbx}, s.g, scene{caller: "pstn"}, "102"}
	other.becomes(csta.Alerting)
	c.hand(s.pbx.Answer("102"))
	other.becomes(csta.Connected)
	held, active = c.becomes(csta.Hold), c.becomes(csta.Connected)
	return held, active, (&outwardCall{s.t, onAsterisk{s.pbx}, s.g, scene{caller: "pstn"}, "104"}).rings()
}

func (s smugglers) end() {
	s.t.Helper()
	s.pbx.Reset()
	s.pbx.Feature("CFU", "103", "")
	s.pbx.Feature("DND", "103", "")
	until(s.t, "nobody talks", func() bool { return s.pbx.Channels() == 0 && len(s.g.calls(s.t, "101", "102", "103", "104")) == 0 })
}

// told fails where the PBX was told what was smuggled.
func (s smugglers) told(t *testing.T, what string) {
	t.Helper()
	if said := s.pbx.Heard(); strings.Contains(said, contraband) {
		t.Errorf("%s: the PBX is told\n%s", what, said)
	}
}

// Whatever stands in any field of any request that comes by SIP or as CSTA by REST, none of it comes to the PBX: where the field names something it is
// refused, and else it is not passed on.
func TestSmuggledInAnyField(t *testing.T) {
	s := newSmugglers(t)
	for way, line := range map[string]csta.DeviceID{"SIP": "103", "REST": ""} {
		ask := func(t *testing.T, r csta.Request) error {
			return s.g.ask(t, "POST", "/csta", map[string]csta.Request{string(r.Service()): r}, nil)
		}
		if way == "SIP" {
			ask = s.g.bySIP(string(line))
		}
		for _, request := range ofAll {
			held, active, ringing := s.begin()
			proper := request(held, active, ringing)
			t.Run(way+"/"+string(proper.Service()), func(t *testing.T) {
				all := spots(reflect.TypeOf(proper), "", func(v reflect.Value) reflect.Value { return v })
				var silent []spot
				s.pbx.Heard()
				for _, at := range all {
					if at.of(proper) == "" {
						silent = append(silent, at)
						continue
					}
					for _, text := range smuggled {
						if ask(t, changed(t, proper, text, at)) == nil && !strings.HasPrefix(string(proper.Service()), "Snapshot") {
							t.Errorf("%s with %q is carried out", at.path, text)
						}
						s.told(t, at.path)
					}
				}
				err := ask(t, changed(t, proper, smuggled[0], silent...))
				s.told(t, "fields that say nothing")
				for _, at := range silent {
					if err != nil { // for one of them
						_ = ask(t, changed(t, proper, smuggled[0], at))
						s.told(t, at.path)
					}
				}
			})
			s.end()
		}
	}
}

// spot is a field of a request that takes a text.
type spot struct {
	path string
	at   func(reflect.Value) reflect.Value // … in a request, made where there is none
}

// of is what a request has there; empty: nothing.
func (s spot) of(r csta.Request) string {
	v := reflect.New(reflect.TypeOf(r)).Elem()
	v.Set(reflect.ValueOf(r))
	f := s.at(v)
	if f.Kind() == reflect.Slice {
		return string(f.Bytes())
	}
	return f.String()
}

// changed is a request with a text in the place of some.
func changed(t *testing.T, r csta.Request, text string, spots ...spot) csta.Request {
	t.Helper()
	proper, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.New(reflect.TypeOf(r))
	if err := json.Unmarshal(proper, v.Interface()); err != nil {
		t.Fatal(err)
	}
	for _, s := range spots {
		if f := s.at(v.Elem()); f.Kind() == reflect.Slice {
			f.SetBytes([]byte(text))
		} else {
			f.SetString(text)
		}
	}
	return v.Elem().Interface().(csta.Request)
}

// spots are all of a type.
func spots(t reflect.Type, path string, at func(reflect.Value) reflect.Value) (list []spot) {
	switch {
	case strings.HasSuffix(path, ".Extensions"): // vendors'
	case t.Kind() == reflect.Pointer:
		return spots(t.Elem(), path, func(v reflect.Value) reflect.Value {
			p := at(v)
			fresh := reflect.New(t.Elem()) // the request's own stays what it is
			if !p.IsNil() {
				fresh.Elem().Set(p.Elem())
			}
			p.Set(fresh)
			return fresh.Elem()
		})
	case t.Kind() == reflect.Struct:
		for f := range t.Fields() {
			list = append(list, spots(f.Type, path+"."+f.Name, func(v reflect.Value) reflect.Value { return at(v).FieldByIndex(f.Index) })...)
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8, t.Kind() == reflect.String:
		return []spot{{path, at}}
	case t.Kind() == reflect.Slice:
		return spots(t.Elem(), path+".0", func(v reflect.Value) reflect.Value {
			s := at(v)
			s.Set(reflect.MakeSlice(t, 1, 1))
			return s.Index(0)
		})
	}
	return list
}

// Nor does it by any parameter or member of the operations by which programs and the console act, as the server itself describes them.
func TestSmuggledInAnyOperation(t *testing.T) {
	s := newSmugglers(t)
	type schema struct {
		Ref        string `json:"$ref"`
		Type       any
		Enum       []any
		Properties map[string]schema
		Required   []string
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters  []struct{ Name, In string }
			RequestBody struct {
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	r, err := http.Get(strings.TrimSuffix(s.g.url, "/api/v1") + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	usual := map[string]any{
		"consultedDevice": "104", "to": "104", "deviceToJoin": "104", "requestingDevice": "104", "parkTo": "701", "charactersToSend": "12", "callingDevice": "104",
		"calledDirectoryNumber": "102", "on": true, "type": "forwardImmediate", "callToBePickedUp": "x", "text": "x",
	}
	operations := 0
	for path, methods := range doc.Paths {
		path, ours := strings.CutPrefix(path, "/api/v1")
		if !ours || !strings.HasPrefix(path, "/calls") && !strings.HasPrefix(path, "/devices") {
			continue
		}
		for method, o := range methods {
			operations++
			t.Run(method+path, func(t *testing.T) {
				held, active, _ := s.begin()
				defer s.end()
				s.pbx.Heard()
				of := o.RequestBody.Content["application/json"].Schema
				if of.Ref != "" {
					of = doc.Components.Schemas[of.Ref[strings.LastIndexByte(of.Ref, '/')+1:]]
				}
				var body map[string]any
				if len(of.Properties) > 0 {
					body = map[string]any{}
					for _, name := range of.Required {
						body[name] = usual[name]
					}
				}
				do := func(call, device, query string, body any) {
					to := strings.NewReplacer("{call}", url.PathEscape(call), "{device}", url.PathEscape(device)).Replace(path)
					_ = s.g.ask(t, strings.ToUpper(method), to+query, body, nil)
					s.told(t, to+query)
				}
				for _, text := range smuggled {
					if strings.Contains(path, "{call}") {
						do(text, "103", "", body)
					}
					if strings.Contains(path, "{device}") {
						do(string(active.Call), text, "", body)
					}
					for _, p := range o.Parameters {
						if p.In == "query" && p.Name != "dryRun" {
							do(string(held.Call), "104", "?"+url.Values{p.Name: {text}}.Encode(), body)
						}
					}
					for name, member := range of.Properties {
						if kind, _ := member.Type.(string); (kind == "string" || member.Ref != "" || member.Type == nil) && len(member.Enum) == 0 {
							bad := map[string]any{}
							for k, v := range body {
								bad[k] = v
							}
							bad[name] = text
							do(string(active.Call), "103", "", bad)
						}
					}
				}
			})
		}
	}
	if operations < 30 {
		t.Errorf("%d operations, want all", operations)
	}
}
