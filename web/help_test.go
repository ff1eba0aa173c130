package web

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/switchboard"
)

// A call for help is known before its limit counts, and its body is still there.
func TestForHelp(t *testing.T) {
	e, err := numbering.NewEmergency(numbering.DefaultEmergency())
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{board: switchboard.New(switchboard.AnyLine{}, switchboard.Options{Emergency: e})}
	for _, c := range []struct {
		method, path, body string
		want               bool
	}{
		{"POST", "/api/v1/calls", `{"callingDevice":"1001","calledDirectoryNumber":"tel:+49112"}`, true},
		{"POST", "/api/v1/calls", `{"callingDevice":"112","calledDirectoryNumber":"1002"}`, false},
		{"POST", "/api/v1/calls", `{"calledDirectoryNumber":`, false},
		{"POST", "/api/v1/calls", "112", false},
		{"POST", "/api/v1/calls/112", `{"calledDirectoryNumber":"112"}`, false},
		{"GET", "/api/v1/calls", `{"calledDirectoryNumber":"112"}`, false},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.forHelp(r); got != c.want {
			t.Errorf("%s %s %s: %v", c.method, c.path, c.body, got)
		}
		if left, err := io.ReadAll(r.Body); err != nil || string(left) != c.body {
			t.Errorf("%q is left of %q (%v)", left, c.body, err)
		}
	}
}
