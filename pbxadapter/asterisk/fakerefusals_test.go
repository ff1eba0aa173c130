package asterisk

import (
	"bufio"
	"slices"
	"strings"
	"testing"

	"farhook/pbxadapter/asterisk/fake"
)

// What the fake refuses it refuses in the real one's words, which are how farhook knows what is meant.
func TestFakeRefusesAsRecorded(t *testing.T) {
	steps := recordings(t)["errors"]
	who := slices.IndexFunc(steps, func(s step) bool { return s.client && s.get("Username") == "trace" })
	said := map[string]string{}
	for _, s := range steps[who:] {
		if m := s.get("Message"); !s.client && s.get("Response") == "Error" && s.event() == "" {
			said[s.get("ActionID")] = m
		}
	}
	p := fake.New(plain())
	c, err := p.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	message := func() (lines []string) {
		for {
			l, err := in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if l = strings.TrimRight(l, "\r\n"); l != "" {
				lines = append(lines, l)
			} else if len(lines) > 0 {
				return lines
			}
		}
	}
	ask := func(lines []string) string {
		go func() { _, _ = c.Write([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n")) }()
		for {
			if m := (step{lines: message()}); m.get("Response") != "" && m.event() == "" {
				return m.get("Response") + " " + m.get("Message")
			}
		}
	}
	if got := ask([]string{"Action: Login", "ActionID: l", "Username: u", "Secret: s3cret"}); !strings.HasPrefix(got, "Success") {
		t.Fatal(got)
	}
	asked := 0
	for _, s := range steps[who:] {
		name, want := s.get("Action"), said[s.get("ActionID")]
		switch {
		case !s.client || want == "", name == "Login":
		case strings.HasPrefix(want, "Transfer invalid"): // of a channel that is there
		case s.get("Channel") == "nonsense", s.get("Endpoint") != "": // farhook asks for neither
		default:
			asked++
			if got := ask(s.lines); got != "Error "+want {
				t.Errorf("%q: %q, recorded is %q", s.lines, got, want)
			}
		}
	}
	if asked < 8 {
		t.Errorf("%d were refused: the recording is not what it was", asked)
	}
}
