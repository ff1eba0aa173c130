package csta

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// squeeze removes the white space between elements, which is all that may differ after a round trip.
func squeeze(b []byte) string {
	s := string(bytes.TrimSpace(b))
	var out strings.Builder
	for part := range strings.SplitSeq(s, "<") {
		text, tail, ok := strings.Cut(part, ">")
		if ok {
			out.WriteString("<" + strings.ReplaceAll(text, " />", "/>") + ">")
			if strings.TrimSpace(tail) != "" {
				out.WriteString(tail)
			}
		}
	}
	return out.String()
}

func goldens(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("../testdata/csta/*.xml")
	if err != nil || len(files) < 90 {
		t.Fatalf("%d golden messages (%v), want at least 90", len(files), err)
	}
	return files
}

func TestGolden(t *testing.T) {
	for _, f := range goldens(t) {
		t.Run(filepath.Base(f), func(t *testing.T) {
			in, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			m, ed, err := Decode(in)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := m.(Unknown); ok {
				t.Fatalf("%s is unknown", m.Element())
			}
			if out := Encode(nil, m, ed); squeeze(out) != squeeze(in) {
				t.Errorf("got  %s\nwant %s", squeeze(out), squeeze(in))
			}
		})
	}
}
