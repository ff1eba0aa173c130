package asterisk

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

func TestQuick(t *testing.T) {
	want := os.Getenv("QUICK")
	files, _ := filepath.Glob("/work/shared/traces/asterisk/*.ami")
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".ami")
		if want != "all" && want != name {
			continue
		}
		fmt.Println("=====", name)
		b := newBook(pbxadapter.PlainNumbers{}, presets["plain"])
		for n := 101; n <= 106; n++ {
			s := strconv.Itoa(n)
			b.add(&phoneEntry{endpoint: s, number: s, mailbox: s + "@default"})
		}
		m := callmodel.New()
		start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		tr := newTracker("p", b, func(f callmodel.Fact) {
			odd := m.Odd()
			told := m.Apply(f)
			if m.Odd() != odd {
				fmt.Printf("   ODD %+v\n", f)
			}
			for _, x := range told {
				fmt.Printf("   %.3f %s %v %s\n", x.At.Sub(start).Seconds(), strings.TrimSuffix(x.Event.Element(), "Event"), x.Audience, describe(x.Event))
			}
		})
		data, _ := os.ReadFile(f)
		var block []string
		at := 0.0
		for _, l := range strings.Split(string(data), "\n") {
			if strings.HasPrefix(l, "@ ") {
				at, _ = strconv.ParseFloat(l[2:], 64)
				continue
			}
			if strings.HasPrefix(l, "# phone") {
				fmt.Println(l)
			}
			if s, ok := strings.CutPrefix(l, "S: "); ok {
				if s == "" {
					tr.until(start.Add(time.Duration(at * float64(time.Second))))
					tr.event(ami.Parse(strings.Join(block, "\r\n")))
					block = nil
				} else {
					block = append(block, s)
				}
			}
		}
		tr.until(start.Add(time.Hour))
		if n := len(m.State().Calls); n > 0 {
			fmt.Println("   LEFT", m.State().Calls)
		}
		if len(tr.calls)+len(tr.channels)+len(tr.at)+len(tr.unplaced)+len(tr.names) > 0 {
			fmt.Println("   TRACKER LEFT", len(tr.calls), len(tr.channels), tr.unplaced, len(tr.names))
		}
	}
}

func describe(e csta.Event) string {
	s := string(csta.Prepare(e, csta.Ed3).Append(nil, "1", csta.Connected, nil))
	for _, x := range []string{"<monitorCrossRefID>1</monitorCrossRefID>", "<localConnectionInfo>connected</localConnectionInfo>", "<deviceIdentifier>", "</deviceIdentifier>"} {
		s = strings.ReplaceAll(s, x, "")
	}
	i := strings.Index(s, ">")
	if j := strings.Index(s[i+1:], ">"); strings.HasPrefix(s, "<?") {
		i += j + 1
	}
	s = s[i+1:]
	s = strings.ReplaceAll(s, "</", "<")
	var out []string
	for _, p := range strings.Split(s, "<") {
		k, v, _ := strings.Cut(p, ">")
		if v != "" {
			out = append(out, k+"="+v)
		}
	}
	return strings.Join(out, " ")
}
