package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// asked posts to a gateway, and reads the answer.
func asked(t *testing.T, url, body string, into any) int {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// A dry run over HTTP says which rule makes what of a number, and what the PBX would be told.
func TestDryRunSaysWhatIsDialled(t *testing.T) {
	config := `control: ''
rights: demo
sip: {listen: ['127.0.0.1:0'], contact: localhost}
http: {listen: '127.0.0.1:0'}
pbx:
  - name: berlin
    kind: sim
    settings: {lines: 4, quiet: true}
    numbers:
      to_pbx:
        - {name: extension, match: '\+1555(1\d\d\d)', replace: '$1'}
        - {name: germany, digits: '+49.', strip: 3, prefix: '00'}
`
	file := files(t, config)[0]
	m, stop := start(t, `"http": \["(127\.0\.0\.1:\d+)"\]`, "serve", "--config", file)
	defer stop()
	type answer struct {
		Plan struct {
			Offered              bool
			PBX, Dialled, Native string
			Steps                []struct{ Rule, Says string }
		}
	}
	url := "http://" + m[1] + "/api/v1/calls?dryRun=true"
	until(t, "the PBX is connected", func() bool {
		res, err := http.Get("http://" + m[1] + "/api/v1/devices/1001")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		var d struct{ LinkUp bool } // the devices are there a moment before
		return res.StatusCode == http.StatusOK && json.NewDecoder(res.Body).Decode(&d) == nil && d.LinkUp
	})
	for _, c := range []struct{ number, dialled, native, steps string }{
		{"1002", "tel:+15551002", "1002", "numbers extension: matches: 1002"},
		{"+49 89 123456", "tel:+4989123456", "0089123456", "numbers extension: form differs; numbers germany: matches: 0089123456"},
		{"+33 1 2345678", "tel:+3312345678", "+3312345678", "numbers germany: form differs"},
	} {
		var a answer
		status := asked(t, url, fmt.Sprintf(`{"callingDevice":"1001","calledDirectoryNumber":"%s"}`, c.number), &a)
		var steps []string
		for _, s := range a.Plan.Steps {
			steps = append(steps, s.Rule+": "+s.Says)
		}
		if text := strings.Join(steps, "; "); status != 200 || !a.Plan.Offered || a.Plan.PBX != "berlin" || a.Plan.Dialled != c.dialled || a.Plan.Native != c.native || !strings.Contains(text, c.steps) {
			t.Errorf("%s: %d %+v, want %+v", c.number, status, a, c)
		}
	}
}
