package csta

import (
	"encoding/xml"
	"os"
	"testing"

	"github.com/beevik/etree"
)

func benchInput(b *testing.B, file string) []byte {
	b.Helper()
	in, err := os.ReadFile("../testdata/csta/" + file)
	if err != nil {
		b.Fatal(err)
	}
	return in
}

// The figures of one run are to be compared with each other.
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
		b.Run(c.name+"/etree", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := etree.NewDocument().ReadFromBytes(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, file := range []string{"010-make-call.xml", "017-delivered-event-incoming.xml"} {
		in := benchInput(b, file)
		m, _, err := Decode(in)
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
		d := etree.NewDocument()
		if err := d.ReadFromBytes(in); err != nil {
			b.Fatal(err)
		}
		b.Run(name+"/etree", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.WriteToBytes(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
