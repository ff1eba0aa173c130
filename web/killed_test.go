package web_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/web"
	"farhook/web/history"
)

// onFile is a gateway whose store is in a file.
func onFile(t *testing.T, path string) *gateway {
	t.Helper()
	db, err := history.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	g := startWith(t, accessOpen, webhooks(time.Hour), func(c *web.Config) { c.DB = db })
	g.db = db
	return g
}

// Killed while deliveries are on their way, the gateway begins again where the receiver had not said yes: every document comes, those of one call in order, and
// what had been taken doesn't come again but for what was on its way.
func TestKilledWhileDelivering(t *testing.T) {
	if path, url, ok := strings.Cut(os.Getenv("FARHOOK_TEST_HOOK"), " "); ok {
		g := onFile(t, path)
		h := g.hook(`{"url":"` + url + `","kinds":["call"]}`)
		s := g.follow("GET", "/api/v1/events", "kind=call")
		s.next()
		for i := range 10 {
			from := 1001 + 2*(i%5)
			g.talking(from, from+1)
			g.hangUp(from)
		}
		last := ""
		for ended := 0; ended < 10; {
			d := s.next()
			last = d.id
			fmt.Println("told", last)
			if d.Event == "CallClearedEvent" {
				ended++
			}
		}
		for written := false; !written; time.Sleep(5 * time.Millisecond) {
			list, err := g.db.Waiting(t.Context(), h.ID, 0, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) == 0 {
				continue
			}
			q, _, err := g.db.Queued(t.Context(), list[len(list)-1].ID)
			if err != nil {
				t.Fatal(err)
			}
			written = strings.Contains(q.Body, `"`+last+`"`)
		}
		fmt.Println("written")
		select {}
	}
	const first = 24 // documents that are taken before the kill
	taken, held, killed := 0, make(chan struct{}), make(chan struct{})
	r := newReceiver(t, func(delivery) int { // one at a time
		if taken++; taken > first {
			if taken == first+1 {
				close(held)
			}
			select {
			case <-killed:
			case <-t.Context().Done():
			}
		}
		return 200
	})
	path := filepath.Join(t.TempDir(), "web.db")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWhileDelivering$")
	cmd.Env = append(os.Environ(), "FARHOOK_TEST_HOOK="+path+" "+r.URL)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var told, other []string
	in := bufio.NewScanner(out)
	for in.Scan() && in.Text() != "written" {
		if position, ok := strings.CutPrefix(in.Text(), "told "); ok {
			told = append(told, position)
		} else {
			other = append(other, in.Text())
		}
	}
	if in.Text() != "written" {
		_ = cmd.Wait()
		t.Fatalf("the child has ended: %s", strings.Join(other, "\n"))
	}
	<-held
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	close(killed)
	onFile(t, path)
	var all []delivery
	for got := map[string]bool{}; ; {
		all = r.await(t, len(all)+1)
		gap := slices.IndexFunc(all, func(d delivery) bool { return d.doc.Type == "gap" })
		for _, d := range all {
			got[d.doc.Position] = true
		}
		if gap < 0 { // what happened while nobody looked is lost, and that is said
			continue
		}
		missing := 0
		for _, p := range told {
			if !got[p] {
				missing++
			}
		}
		if missing == 0 {
			break
		}
	}
	// Those on their way were eight at most; what had been taken may come again where that wasn't on disk yet.
	if twice := len(all) - 1 - len(told); len(told) < first+20 || twice > 16 {
		t.Errorf("%d were told, %d came twice", len(told), twice)
	}
	last := map[string]int{}
	seen := map[string]bool{}
	for _, d := range all {
		if seen[d.id] {
			continue
		}
		seen[d.id] = true
		for _, c := range d.doc.Calls {
			at := (*gateway)(nil).after(d.doc.Position)
			if at < last[c.CallID] {
				t.Errorf("call %s: %d came after %d", c.CallID, at, last[c.CallID])
			}
			last[c.CallID] = at
		}
	}
}
