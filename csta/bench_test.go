package csta

import (
	"encoding/xml"
	"os"
	"testing"
)

func benchInput(b *testing.B, file string) []byte {
	b.Helper()
	in, err := os.ReadFile("../testdata/csta/" + file)
	if err != nil {
		b.Fatal(err)
	}
	return in
}

// The figures of one run are to be compared with each other. What etree takes is measured in csta/extension.
func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct {
		name, file string
		into       func() any
	}{
		{"MakeCall", "010-make-call.xml", func() any { return new(MakeCall) }},
		{"DeliveredEvent", "017-delivered-event-incoming.xml", func() any { return new(DeliveredEvent) }},
	} {
		in := benchInput(b, c.file)
		b.Run(c.name+"/csta", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Decode(in); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/encodingxml", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := xml.Unmarshal(in, c.into()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, file := range []string{"010-make-call.xml", "017-delivered-event-incoming.xml"} {
		m, _, err := Decode(benchInput(b, file))
		if err != nil {
			b.Fatal(err)
		}
		name := m.Element()
		buf := make([]byte, 0, 4096)
		b.Run(name+"/csta", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buf = Encode(buf[:0], m, Ed3)
			}
		})
		if e, ok := m.(Event); ok {
			t := Prepare(e, Ed3)
			b.Run(name+"/template", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					buf = t.Append(buf[:0], "m-1", Alerting, nil)
				}
			})
		}
		b.Run(name+"/encodingxml", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := xml.Marshal(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
