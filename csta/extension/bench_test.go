package extension_test

import (
	"os"
	"testing"

	"github.com/beevik/etree"
)

// Beside csta's own benchmarks: the same documents through etree.
func BenchmarkEtree(b *testing.B) {
	for name, file := range map[string]string{"MakeCall": "010-make-call.xml", "DeliveredEvent": "017-delivered-event-incoming.xml"} {
		in, err := os.ReadFile("../../testdata/csta/" + file)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("Decode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := etree.NewDocument().ReadFromBytes(in); err != nil {
					b.Fatal(err)
				}
			}
		})
		d := etree.NewDocument()
		if err := d.ReadFromBytes(in); err != nil {
			b.Fatal(err)
		}
		b.Run("Encode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.WriteToBytes(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
