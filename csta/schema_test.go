package csta

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// schema is what the tables say, read by the test's own eyes.
type schema struct {
	choices map[string]bool
	enums   map[string]string // first value
}

func readSchema(t testing.TB) schema {
	t.Helper()
	var text strings.Builder
	for _, file := range []string{"types.txt", "session.txt"} {
		b, err := os.ReadFile("schema/" + file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	s := schema{map[string]bool{}, map[string]string{}}
	for line := range strings.Lines(text.String()) {
		w := strings.Fields(line)
		switch {
		case len(w) < 3:
		case w[0] == "choice", w[0] == "anyof":
			s.choices[w[1]] = true
		case w[0] == "enum":
			s.enums[w[1]] = w[3]
		}
	}
	s.enums["State"] = "connected"
	s.choices["ErrorValue"] = true
	return s
}

// fill gives a value to every member (whole), or to those that must be there. Of a choice it gives one.
func (s schema) fill(v reflect.Value, whole bool, depth int) {
	t := v.Type()
	switch {
	case t == reflect.TypeFor[HexBinary]():
		v.Set(reflect.ValueOf(HexBinary{0xAB, 1}))
		return
	case t == reflect.TypeFor[ConnectionID]():
		v.Set(reflect.ValueOf(ConnectionID{"c-1", "tel:+1"}))
		return
	case t == reflect.TypeFor[Any]():
		v.Set(reflect.ValueOf(Any{Octets: []byte("<p:x>1</p:x>"), Scope: []Namespace{{"p", "urn:x"}}}))
		return
	}
	switch t.Kind() {
	case reflect.String:
		text := "en" // also a language
		if e, ok := s.enums[t.Name()]; ok {
			text = e
		}
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Pointer:
		if depth > 16 {
			return
		}
		v.Set(reflect.New(t.Elem()))
		s.fill(v.Elem(), whole, depth+1)
	case reflect.Slice:
		if depth > 16 {
			return
		}
		v.Set(reflect.MakeSlice(t, 1, 1))
		s.fill(v.Index(0), whole, depth+1)
	default: // structs
		for i := range t.NumField() {
			f := t.Field(i)
			optional := strings.Contains(f.Tag.Get("json"), "omitzero")
			switch {
			case f.Name == "Unknown":
			case s.choices[t.Name()]:
				if i == 0 {
					s.fill(v.Field(i), whole, depth+1)
				}
			case whole || !optional:
				s.fill(v.Field(i), whole, depth+1)
			}
		}
	}
}

// message makes one of every kind.
func (s schema) message(t testing.TB, name string, whole bool) Message {
	t.Helper()
	sc := scanner{in: []byte("<x/>")}
	sc.startTag()
	m := scanMessage([]byte(name), &sc)
	if m == nil {
		t.Fatalf("there is no %s", name)
	}
	v := reflect.New(reflect.TypeOf(m)).Elem()
	s.fill(v, whole, 0)
	return v.Interface().(Message)
}

func names() []string {
	var all []string
	for _, kind := range []string{"request", "response", "event"} {
		all = append(all, elements[kind]...)
	}
	return all
}

func TestInventory(t *testing.T) {
	if n := len(elements["request"]); n != 153 {
		t.Errorf("%d services, the third edition has 153", n)
	}
	if n := len(elements["event"]); n != 73 {
		t.Errorf("%d events, the third edition has 73", n)
	}
	if n := len(elements["response"]); n != 140 {
		t.Errorf("%d responses, the third edition has 140", n)
	}
	if n := len(valuesEventCause); n != 113 {
		t.Errorf("%d causes, the third edition has 113", n)
	}
}

// Every message survives a round trip, with all its members and with none but those that must be there, in every edition.
func TestRoundTrip(t *testing.T) {
	s := readSchema(t)
	for _, name := range names() {
		for _, whole := range []bool{false, true} {
			m := s.message(t, name, whole)
			for _, ed := range editions {
				body := Encode(nil, m, ed)
				if len(body) > MaxBody {
					continue // the feature list with every capability
				}
				got, gotEd, err := Decode(body)
				if err != nil || gotEd != ed {
					t.Fatalf("%s: %v, %s\n%s", name, err, gotEd, body)
				}
				if again := Encode(nil, got, ed); string(again) != string(body) {
					t.Fatalf("%s:\n%s\nbecame\n%s", name, body, again)
				}
			}
		}
	}
}

// The messages of an application session have a namespace of their own, and are known in no other; nor is anything else in theirs.
func TestApplicationSession(t *testing.T) {
	s := readSchema(t)
	if n := len(elements["session"]); n != 10 {
		t.Errorf("%d messages, ECMA-354 has 10", n)
	}
	for _, name := range elements["session"] {
		for _, whole := range []bool{false, true} {
			m := s.message(t, name, whole)
			body := Encode(nil, m, ApplicationSession)
			got, ed, err := Decode(body)
			if err != nil || ed != ApplicationSession || got.Element() != name {
				t.Fatalf("%s: %v, %s, %v", body, got, ed, err)
			}
			if again := Encode(nil, got, ed); string(again) != string(body) {
				t.Errorf("%s:\n%s\nbecame\n%s", name, body, again)
			}
			if got, ed, err := Decode(Encode(nil, m, Ed3)); got != (Unknown{name}) || ed != Ed3 || err != nil {
				t.Errorf("%s in ed3: %v, %s, %v", name, got, ed, err)
			}
		}
	}
	if got, _, err := Decode(Encode(nil, AnswerCall{CallToBeAnswered: ConnectionID{"1", "2"}}, ApplicationSession)); got != (Unknown{"AnswerCall"}) || err != nil {
		t.Errorf("AnswerCall in a session's namespace: %v, %v", got, err)
	}
	var e *SyntaxError
	if _, _, err := Decode([]byte(`<AnswerCall xmlns="` + string(ApplicationSession) + `"><a></AnswerCall>`)); !errors.As(err, &e) {
		t.Errorf("broken: %v", err)
	}
}

// A member that must be there and isn't is named in the answer.
func TestMissingMembers(t *testing.T) {
	s := readSchema(t)
	checked := 0
	for _, name := range names() {
		m := reflect.ValueOf(s.message(t, name, false))
		for i := range m.NumField() {
			f := m.Type().Field(i)
			if strings.Contains(f.Tag.Get("json"), "omitzero") {
				continue
			}
			member, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			body := string(Encode(nil, m.Interface().(Message), Ed3))
			from, to := strings.Index(body, "<"+member+">"), strings.LastIndex(body, "</"+member+">")
			if from < 0 {
				from = strings.Index(body, "<"+member+"/>")
			}
			if to < 0 {
				to = strings.Index(body[from:], "/>") + from + 2
			} else {
				to += len("</" + member + ">")
			}
			_, _, err := Decode([]byte(body[:from] + body[to:]))
			if err == nil || !strings.Contains(err.Error(), member) {
				t.Errorf("%s without %s: %v", name, member, err)
			}
			checked++
		}
	}
	if checked < 250 {
		t.Errorf("only %d members were left out", checked)
	}
}

func xmllint(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("FARHOOK_CI") != "" {
			t.Fatal("xmllint is not here, and CI needs it")
		}
		t.Skip("xmllint is not here (Debian: libxml2-utils)")
	}
	return path
}

// What we write validates against the schema: every message, whole and least, and every error value.
func TestSchema(t *testing.T) {
	lint, dir, s := xmllint(t), t.TempDir(), readSchema(t)
	args := []string{"--noout", "--nonet", "--schema", "../testdata/csta/schema/ed3.xsd"}
	add := func(name string, m Message) {
		f := filepath.Join(dir, name+".xml")
		if err := os.WriteFile(f, Encode(nil, m, Ed3), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, f)
	}
	for _, name := range names() {
		add(name+"-least", s.message(t, name, false))
		add(name+"-whole", s.message(t, name, true))
	}
	for category, values := range errorValues {
		add("error-"+category, &Error{Category: category})
		for v := range values {
			add("error-"+category+"-"+v, &Error{Category: category, Value: v})
		}
	}
	out, err := exec.CommandContext(t.Context(), lint, args...).CombinedOutput()
	if err != nil {
		for line := range strings.Lines(string(out)) {
			if !strings.HasSuffix(strings.TrimSpace(line), "validates") {
				t.Log(strings.TrimSpace(line))
			}
		}
		t.Fatal(err)
	}
}

// Every answer that we can give is one of the standard's, to the letter.
func TestErrorSpelling(t *testing.T) {
	for _, e := range []*Error{
		ErrServiceNotSupported, ErrInvalidParameterValue, ErrParameterMissing, ErrValueOutOfRange, ErrInvalidDeviceID, ErrInvalidCallingDeviceID,
		ErrInvalidCalledDeviceID, ErrInvalidDestination, ErrInvalidForwardingDest, ErrInvalidForwardingType, ErrInvalidCallID, ErrInvalidConnectionID,
		ErrInvalidActiveConn, ErrInvalidHeldConn, ErrInvalidMonitor, ErrInvalidMonitorObject, ErrPrivilege, ErrPrivilegeCalled, ErrRequestIncompatible,
		ErrNoCallToAnswer, ErrNoCallToClear, ErrNoConnectionToClear, ErrNoActiveCall, ErrNoHeldCall, ErrConnectedCallExists, ErrInvalidConnectionState,
		ErrInvalidDeviceState, ErrInvalidCallingState, ErrDeviceOutOfService, ErrResourceOutOfService, ErrInternalResourceBusy, ErrNetworkBusy,
		ErrConferenceFull, ErrMonitorLimit, ErrOutstandingRequests, ErrRateLimit,
	} {
		if !errorValues[e.Category][e.Value] {
			t.Errorf("%s/%s is not in the schema", e.Category, e.Value)
		}
		m, _, err := Decode(Encode(nil, e, Ed3))
		if got, ok := m.(*Error); err != nil || !ok || !got.Is(e) {
			t.Errorf("%v came back as %v, %v", e, m, err)
		}
	}
	for _, e := range []*Error{ErrOperation, ErrStateIncompatible, ErrSystemResource, ErrSubscribedResource, ErrPerformance} {
		if _, ok := errorValues[e.Category]; !ok {
			t.Errorf("%s is no category", e.Category)
		}
	}
}

// What is committed is what the generator makes of the tables.
func TestGenerated(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "schema"), os.DirFS("schema")); err != nil {
		t.Fatal(err)
	}
	hand, err := os.ReadFile("needs.go")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "needs.go"), hand, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "run", "./internal/gen", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, _ := filepath.Glob("*_gen.go")
	for _, f := range files {
		want, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Error(err)
			continue
		}
		if got, _ := os.ReadFile(f); string(got) != string(want) {
			t.Errorf("%s is not what go generate makes", f)
		}
	}
	if len(files) != 6 {
		t.Error(fmt.Sprint(files))
	}
}
