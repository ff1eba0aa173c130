package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"farhook/web"
)

// A document that isn't taken is tried again after waits that grow.
func TestWebhookWaits(t *testing.T) {
	g := startWith(t, accessOpen, webhooks(time.Hour), func(c *web.Config) { c.Webhooks.FirstWait = 20 * time.Millisecond })
	const tries = 6
	var at []time.Time
	r := newReceiver(t, func(d delivery) int {
		if at = append(at, time.Now()); len(at) < tries {
			return 503
		}
		return 200
	})
	g.hook(`{"url":"` + r.URL + `","kinds":["feature"]}`)
	if err := g.pbx.Phone(1003).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	if got := r.await(t, 1); len(got) != 1 || got[0].id == "" {
		t.Errorf("%+v", got)
	}
	for i := 1; i < tries; i++ {
		if waited, least := at[i].Sub(at[i-1]), 10*time.Millisecond<<(i-1); waited < least {
			t.Errorf("try %d came %v after the one before, want %v at least", i+1, waited, least)
		}
	}
}

// A receiver that takes its time is let go in time: one that never answers is tried again, and one that never ends its answer has answered. Documents of others
// don't wait for it.
func TestHangingReceiver(t *testing.T) {
	g := startWith(t, accessOpen, webhooks(time.Hour), func(c *web.Config) { c.Webhooks.TryWithin = 100 * time.Millisecond })
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	asked := make(chan string, 100)
	hangs := func(answers bool) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			asked <- r.Header.Get("webhook-id")
			if answers {
				w.WriteHeader(200)
				_ = http.NewResponseController(w).Flush()
			}
			<-released
		}))
		t.Cleanup(func() { release(); s.Close() })
		return s
	}
	silent, endless := hangs(false), hangs(true)
	h := g.hook(`{"url":"` + silent.URL + `","kinds":["feature"],"devices":["1003"]}`)
	alive := newReceiver(t, func(delivery) int { return 200 })
	g.hook(`{"url":"` + alive.URL + `","kinds":["feature"]}`)
	if err := g.pbx.Phone(1003).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	first := ""
	for i := range 3 {
		select {
		case id := <-asked:
			if first = id; i > 0 && id != first {
				t.Errorf("%s was tried, want %s again", id, first)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("it was tried %d times", i)
		}
	}
	alive.await(t, 1)
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		list, err := g.db.Waiting(t.Context(), h.ID, 0, 10)
		if err != nil || len(list) != 1 || time.Since(began) > 20*time.Second {
			t.Fatal(err, list)
		}
		if q, _, err := g.db.Queued(t.Context(), list[0].ID); err != nil {
			t.Fatal(err)
		} else if strings.Contains(q.Said, "Timeout") || strings.Contains(q.Said, "timeout") {
			break
		}
	}
	g.send("DELETE", "/api/v1/webhooks/"+h.ID, "", 204)
	g.hook(`{"url":"` + endless.URL + `","kinds":["feature"],"devices":["1004"]}`)
	if err := g.pbx.Phone(1004).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		if x := g.server.Stats(t.Context()); x.Webhooks.Delivered == 3 && x.Waiting == 0 {
			break
		} else if time.Since(began) > 20*time.Second {
			t.Fatalf("%+v", x)
		}
	}
}

// A receiver that answers 410 Gone gets nothing more: what waits for it is put aside, and stays so when the gateway is started again. Whoever has it sent again begins anew, and
// the receiver is told that something is missing.
func TestGoneReceiver(t *testing.T) {
	g := startWith(t, accessOpen, webhooks(time.Hour))
	gone, asked := true, 0
	r := newReceiver(t, func(delivery) int {
		if asked++; gone {
			return 410
		}
		return 200
	})
	h := g.hook(`{"url":"` + r.URL + `","kinds":["feature"]}`)
	witness := newReceiver(t, func(delivery) int { return 200 })
	g.hook(`{"url":"` + witness.URL + `","kinds":["feature"]}`)
	set := func(on bool) {
		t.Helper()
		if err := g.pbx.Phone(1003).SetDoNotDisturb(on); err != nil {
			t.Fatal(err)
		}
	}
	set(true)
	var now struct{ Disabled string }
	for began := time.Now(); now.Disabled == ""; time.Sleep(2 * time.Millisecond) {
		if g.get("/api/v1/webhooks/"+h.ID, &now); time.Since(began) > 20*time.Second {
			t.Fatal("it goes on")
		}
	}
	if !strings.Contains(now.Disabled, "410") {
		t.Error(now.Disabled)
	}
	var aside struct {
		Documents []struct{ ID, Said string }
	}
	for began := time.Now(); len(aside.Documents) == 0; time.Sleep(2 * time.Millisecond) {
		if g.get("/api/v1/webhooks/"+h.ID+"/dead", &aside); time.Since(began) > 20*time.Second {
			t.Fatal("nothing is put aside")
		}
	}
	set(false)
	set(true)
	witness.await(t, 3)
	if n := len(r.taken()); n != 0 || asked != 1 {
		t.Errorf("%d were taken, it was asked %d times", n, asked)
	}
	r.mu.Lock()
	gone = false
	r.mu.Unlock()
	g.post("/api/v1/webhooks/"+h.ID+"/redeliver", "", 200)
	set(false)
	got := r.await(t, 3)
	kinds := map[string]int{}
	for _, d := range got {
		kinds[d.doc.Type]++
	}
	if kinds["event"] != 2 || kinds["gap"] != 1 {
		t.Errorf("%v", kinds)
	}
	var again struct{ Disabled string }
	if g.get("/api/v1/webhooks/"+h.ID, &again); again.Disabled != "" {
		t.Error(again.Disabled)
	}
}
