package asterisk

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"farhook/csta"
)

// contraband is in all that is smuggled, and in nothing that Asterisk is to hear.
const contraband = "Zq7"

// smuggled are ways to bring a second action, a header, a variable, an application or a pattern into a field.
var smuggled = []string{
	"102\r\nAction: Originate\r\nChannel: Zq7", "102\r\n\r\nAction: Hangup\r\nChannel: /Zq7.*/", "102\nVariable: Zq7=1", "102\rX: Zq7", "/PJSIP.Zq7*/", "102,Zq7=1", "102&Zq7",
	"${SHELL(Zq7)}", "Zq7\x00", "1 Zq7", "102|Zq7", "102@Zq7", "102/Zq7", "\u202e102Zq7", strings.Repeat("1", 81) + "Zq7", "",
}

// asking are the services of one step, in the place of attempts; those have all others.
var asking = []attempt{
	{"GetForwarding", false, false, func(*board) csta.Request { return csta.GetForwarding{Device: "102"} }},
	{"GetDoNotDisturb", false, false, func(*board) csta.Request { return csta.GetDoNotDisturb{Device: "102"} }},
	{"GetMessageWaitingIndicator", false, false, func(*board) csta.Request { return csta.GetMessageWaitingIndicator{Device: "102"} }},
	{"SnapshotDevice", false, false, func(*board) csta.Request { return csta.SnapshotDevice{SnapshotObject: "102"} }},
	{"SnapshotCall", false, false, func(b *board) csta.Request { return csta.SnapshotCall{SnapshotObject: b.is("102", csta.Connected)} }},
	{"GetLogicalDeviceInformation", false, false, func(*board) csta.Request { return csta.GetLogicalDeviceInformation{Device: "102"} }},
}

// Nothing of it reaches Asterisk, whichever service's field it comes in: what names something is refused, and what says nothing to a PBX is not sent. The
// services are at a point where they would be carried out.
func TestSmuggling(t *testing.T) {
	tried := map[csta.Service]bool{}
	for kind, style := range kinds {
		for _, s := range append(slices.Clone(attempts), asking...) {
			t.Run(kind+"/"+s.name, func(t *testing.T) {
				var fields []string
				inBubble(t, plain(), func(b *board) {
					b.talk("101", "102")
					s.prepare(b)
					r := s.request(b)
					tried[r.Service()] = true
					fields = texts(r)
					b.must(r) // it would be carried out
				}, style)
				if len(fields) == 0 {
					t.Error("it has no text")
				}
				for _, field := range fields {
					few := 1
					for i := 0; i < len(smuggled); i += few { // in one scene as long as nothing is carried out
						inBubble(t, plain(), func(b *board) {
							b.talk("101", "102")
							s.prepare(b)
							r := s.request(b)
							for i < len(smuggled) && !b.smuggle(r, field, smuggled[i]) {
								i++
							}
							few = 7 // what says nothing to a PBX is tried with some of them
						}, style)
					}
				}
			})
		}
	}
	for s := range (&Adapter{}).Services() {
		if !tried[s] {
			t.Errorf("%s has not been tried", s)
		}
	}
}

// smuggle asks with a text in one field of a request, and says whether it was carried out. That may only be where the field names nothing, or where
// nothing but what is known is looked at.
func (b *board) smuggle(r csta.Request, field, text string) (done bool) {
	b.t.Helper()
	bad, was := with(r, field, text)
	b.p.Heard()
	before := len(b.p.Acted())
	_, err := b.do(bad)
	said := b.p.Heard()
	if strings.Contains(said, contraband) {
		b.t.Errorf("%s with %q: Asterisk is told\n%s", field, text, said)
	}
	switch e := new(csta.Error); {
	case err == nil && was != "" && !strings.HasPrefix(string(r.Service()), "Snapshot") && (text != "" || strings.HasSuffix(field, "Device") || strings.HasSuffix(field, "Call")):
		b.t.Errorf("%s with %q is carried out", field, text)
	case err != nil && !errors.As(err, &e):
		b.t.Errorf("%s with %q: %v is no answer of the standard", field, text, err)
	case err != nil && len(b.p.Acted()) != before:
		b.t.Errorf("%s with %q: Asterisk was asked for %v", field, text, b.p.Acted()[before:])
	}
	return err == nil
}

// texts are the paths of all fields of a request that take a text from outside. Names of the standard are not: the decoder takes no others.
func texts(r csta.Request) (paths []string) {
	var walk func(t reflect.Type, path string)
	walk = func(t reflect.Type, path string) {
		switch {
		case strings.HasSuffix(path, ".Extensions"): // vendors': nobody but csta/extension reads them
		case t.Kind() == reflect.Pointer:
			walk(t.Elem(), path)
		case t.Kind() == reflect.Struct:
			for f := range t.Fields() {
				walk(f.Type, path+"."+f.Name)
			}
		case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
			walk(t.Elem(), path+".0")
		case t == reflect.TypeFor[string](), t == reflect.TypeFor[csta.DeviceID](), t == reflect.TypeFor[csta.CallID](), t.Kind() == reflect.Slice:
			paths = append(paths, path)
		}
	}
	walk(reflect.TypeOf(r), "")
	return paths
}

// with is a request with a text in the place of what was in a field.
func with(r csta.Request, path, text string) (changed csta.Request, was string) {
	v := reflect.New(reflect.TypeOf(r)).Elem()
	v.Set(reflect.ValueOf(r))
	at := v
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "."), ".") {
		for at.Kind() == reflect.Pointer {
			fresh := reflect.New(at.Type().Elem()) // the request's own stays what it is
			if !at.IsNil() {
				fresh.Elem().Set(at.Elem())
			}
			at.Set(fresh)
			at = fresh.Elem()
		}
		if name == "0" {
			at.Set(reflect.MakeSlice(at.Type(), 1, 1))
			at = at.Index(0)
			continue
		}
		at = at.FieldByName(name)
	}
	for at.Kind() == reflect.Pointer {
		at.Set(reflect.New(at.Type().Elem()))
		at = at.Elem()
	}
	if at.Kind() == reflect.Slice {
		was = string(at.Bytes())
		at.SetBytes([]byte(text))
	} else {
		was = at.String()
		at.SetString(text)
	}
	return v.Interface().(csta.Request), was
}

// Keys are played as they were asked for, one by one, and to who is to hear them.
func TestDigits(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.must(csta.GenerateDigits{ConnectionToSendDigits: b.is("102", csta.Connected), CharactersToSend: "19*#,aD"})
		if got := b.p.Pressed("101"); got != "19*#AD" {
			t.Errorf("101 hears %q", got)
		}
		if got := b.p.Pressed("102"); got != "" {
			t.Errorf("102 hears %q", got)
		}
		for _, s := range []string{"", "12E", "1\r\n2", "1 2", "x", strings.Repeat("1", maxDigits+1)} {
			if _, err := b.do(csta.GenerateDigits{ConnectionToSendDigits: b.is("102", csta.Connected), CharactersToSend: s}); err == nil {
				t.Errorf("%q is played", s)
			}
		}
	})
	inBubble(t, plain(), func(b *board) { // in a conference everybody else hears them
		b.talk("101", "102")
		b.must(csta.SingleStepConferenceCall{ActiveCall: b.is("102", csta.Connected), DeviceToJoin: "103"})
		b.hand(b.p.Answer("103"))
		b.must(csta.GenerateDigits{ConnectionToSendDigits: b.is("102", csta.Connected), CharactersToSend: "47"})
		if got := fmt.Sprint(b.p.Pressed("101"), b.p.Pressed("102"), b.p.Pressed("103")); got != "474747" && got != "4747" {
			t.Errorf("they hear %q", got)
		}
	})
}
