package web_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"farhook/web"
	"farhook/web/history"
)

// receiver is a program that takes webhooks.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []delivery
	answer func(delivery) int
}

type delivery struct {
	id, at, signature string
	body              []byte
	doc               message
}

func newReceiver(t *testing.T, answer func(delivery) int) *receiver {
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		d := delivery{id: q.Header.Get("webhook-id"), at: q.Header.Get("webhook-timestamp"), signature: q.Header.Get("webhook-signature")}
		d.body, _ = io.ReadAll(q.Body)
		if err := json.Unmarshal(d.body, &d.doc); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		status := r.answer(d)
		if status == 200 {
			r.got = append(r.got, d)
		}
		r.mu.Unlock()
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) taken() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// await waits until as many were taken.
func (r *receiver) await(t *testing.T, n int) []delivery {
	t.Helper()
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		got := r.taken()
		if len(got) >= n {
			return got
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("%d deliveries, want %d", len(got), n)
		}
	}
}

func webhooks(age time.Duration) func(*web.Config) {
	return func(c *web.Config) {
		c.Webhooks.Private, c.Webhooks.Age, c.Webhooks.FirstWait = true, age, 5*time.Millisecond
	}
}

type hook struct{ ID, Secret string }

func (g *gateway) hook(body string) hook {
	g.t.Helper()
	status, _, text := g.do("POST", "/api/v1/webhooks", body)
	var h hook
	if err := json.Unmarshal([]byte(text), &h); err != nil || status != 201 || !strings.HasPrefix(h.Secret, "whsec_") {
		g.t.Fatalf("%d %s", status, text)
	}
	return h
}

// signed checks a delivery as the documentation's code does.
func signed(d delivery, secret string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "%s.%s.%s", d.id, d.at, d.body)
	want := "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
	return slices.Contains(strings.Fields(d.signature), want)
}

// A list of nothing is an empty list, not null: who reads the description counts on it.
func TestNothingIsPutAside(t *testing.T) {
	g := startWith(t, accessOpen, webhooks(time.Hour))
	h := g.hook(`{"url":"http://127.0.0.1:1/"}`)
	if status, _, text := g.do("GET", "/api/v1/webhooks/"+h.ID+"/dead", ""); status != 200 || !strings.Contains(text, `"documents":[]`) {
		t.Errorf("%d %s", status, text)
	}
}

// A receiver gets the documents of the stream, signed, in order for each call, each at least once though it fails every other time.
func TestWebhooks(t *testing.T) {
	g := startWith(t, accessOpen, webhooks(time.Hour))
	tries := map[string]int{}
	r := newReceiver(t, func(d delivery) int {
		tries[d.id]++
		if tries[d.id] == 1 && len(tries)%2 == 0 {
			return 503
		}
		return 200
	})
	h := g.hook(`{"url":"` + r.URL + `","kinds":["call"]}`)
	s := g.follow("GET", "/api/v1/events", "kind=call")
	s.next()
	for range 5 {
		g.talking(1001, 1002)
		g.talking(1003, 1004)
		g.hangUp(1001)
		g.hangUp(1003)
	}
	told := map[string]string{}
	var n int
	for ended := 0; ended < 10; n++ {
		d := s.next()
		told[d.id] = d.raw
		if d.Event == "CallClearedEvent" {
			ended++
		}
	}
	last := map[string]int{}
	for _, d := range r.await(t, n) {
		if !signed(d, h.Secret) {
			t.Fatalf("the signature %s is wrong", d.signature)
		}
		if d.id != "evt_"+d.doc.Position || told[d.doc.Position] != string(d.body) {
			t.Fatalf("%s: %s\nthe stream: %s", d.id, d.body, told[d.doc.Position])
		}
		for _, c := range d.doc.Calls {
			if at := g.after(d.doc.Position); at < last[c.CallID] {
				t.Errorf("call %s: %d came after %d", c.CallID, at, last[c.CallID])
			} else {
				last[c.CallID] = at
			}
		}
	}
}

// During a rotation both secrets sign.
func TestWebhookRotation(t *testing.T) {
	g := startWith(t, accessOpen, webhooks(time.Hour))
	r := newReceiver(t, func(delivery) int { return 200 })
	h := g.hook(`{"url":"` + r.URL + `","kinds":["feature"],"devices":["1003"]}`)
	var rotated struct{ Secret string }
	_, _, text := g.do("POST", "/api/v1/webhooks/"+h.ID+"/rotate", "")
	if err := json.Unmarshal([]byte(text), &rotated); err != nil || rotated.Secret == "" || rotated.Secret == h.Secret {
		t.Fatal(text)
	}
	for _, ext := range []int{1004, 1003} {
		if err := g.pbx.Phone(ext).SetDoNotDisturb(true); err != nil {
			t.Fatal(err)
		}
	}
	d := r.await(t, 1)[0]
	if !signed(d, h.Secret) || !signed(d, rotated.Secret) || !strings.Contains(string(d.body), "1003") {
		t.Errorf("%s %s", d.signature, d.body)
	}
}

// What a receiver never takes is put aside in the end, can be seen, and is sent again on request; it holds up neither other receivers nor other calls.
func TestDeadReceiver(t *testing.T) {
	g := startWith(t, accessOpen, webhooks(time.Nanosecond)) // how often one is tried before, webhook.TestTriedForItsAge shows
	works := false
	dead := newReceiver(t, func(delivery) int {
		if works {
			return 200
		}
		return 500
	})
	alive := newReceiver(t, func(delivery) int { return 200 })
	h := g.hook(`{"url":"` + dead.URL + `","kinds":["feature"]}`)
	g.hook(`{"url":"` + alive.URL + `","kinds":["feature"]}`)
	for _, ext := range []int{1003, 1004} {
		if err := g.pbx.Phone(ext).SetDoNotDisturb(true); err != nil {
			t.Fatal(err)
		}
	}
	alive.await(t, 2)
	var list struct {
		Documents []struct {
			ID, Said string
			Tries    int
		}
	}
	for began := time.Now(); len(list.Documents) < 2; time.Sleep(5 * time.Millisecond) {
		g.get("/api/v1/webhooks/"+h.ID+"/dead", &list)
		if time.Since(began) > 20*time.Second {
			t.Fatal("nothing is put aside")
		}
	}
	if d := list.Documents[0]; d.Tries != 1 || !strings.Contains(d.Said, "500") {
		t.Errorf("%+v", d)
	}
	dead.mu.Lock()
	works = true
	dead.mu.Unlock()
	if status, _, text := g.do("POST", "/api/v1/webhooks/"+h.ID+"/redeliver", `{"id":"`+list.Documents[1].ID+`"}`); status != 200 || !strings.Contains(text, `"documents":1`) {
		t.Errorf("%d %s", status, text)
	}
	if d := dead.await(t, 1)[0]; d.id != list.Documents[1].ID {
		t.Errorf("%s", d.id)
	}
	if status, _, text := g.do("POST", "/api/v1/webhooks/"+h.ID+"/redeliver", ""); status != 200 || !strings.Contains(text, `"documents":1`) {
		t.Errorf("%d %s", status, text)
	}
	dead.await(t, 2)
}

// Thousands of documents that a receiver doesn't take hold up neither the next call's nor other receivers'.
func TestThousandsWait(t *testing.T) {
	g := startWith(t, accessOpen, webhooks(time.Hour))
	refuses := func(d delivery) int {
		if strings.Contains(string(d.body), "1003") {
			return 500
		}
		return 200
	}
	one, other := newReceiver(t, refuses), newReceiver(t, func(delivery) int { return 200 })
	h := g.hook(`{"url":"` + one.URL + `","kinds":["feature"]}`)
	const n = 2000
	for i := range n {
		if err := g.pbx.Phone(1003).SetDoNotDisturb(i%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		list, err := g.db.Waiting(t.Context(), h.ID, 0, n)
		if err != nil || time.Since(began) > 20*time.Second {
			t.Fatal(err, len(list))
		}
		if len(list) == n {
			break
		}
	}
	g.hook(`{"url":"` + other.URL + `","kinds":["feature"]}`)
	if err := g.pbx.Phone(1004).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*receiver{one, other} {
		if d := r.await(t, 1)[0]; !strings.Contains(string(d.body), "1004") {
			t.Errorf("%s", d.body)
		}
	}
}

func TestWebhookRedirectThatLosesTheDocument(t *testing.T) {
	g := startWith(t, accessOpen, webhooks(time.Hour))
	gets := make(chan string, 100)
	var r *httptest.Server
	r = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/" {
			http.Redirect(w, q, r.URL+"/moved", http.StatusFound)
			return
		}
		gets <- q.Method
	}))
	t.Cleanup(r.Close)
	h := g.hook(`{"url":"` + r.URL + `/","kinds":["feature"]}`)
	if err := g.pbx.Phone(1003).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("it was not tried")
		}
		if list, err := g.db.Waiting(t.Context(), h.ID, 0, 10); err != nil {
			t.Fatal(err)
		} else if len(list) == 1 {
			if q, _, _ := g.db.Queued(t.Context(), list[0].ID); strings.Contains(q.Said, "lose the document") {
				break
			}
		}
	}
	if len(gets) != 0 {
		t.Errorf("it was asked for with %s", <-gets)
	}
}

// One owner has so many webhooks, and no more.
func TestSoManyWebhooks(t *testing.T) {
	g := startWith(t, accessOpen, webhooks(time.Hour))
	for range 50 {
		g.hook(`{"url":"http://127.0.0.1:9/","kinds":["feature"]}`)
	}
	if status, _, text := g.do("POST", "/api/v1/webhooks", `{"url":"http://127.0.0.1:9/"}`); status != 409 || !strings.Contains(text, "50") {
		t.Errorf("%d %s", status, text)
	}
}

// What is erased is gone from what waits for webhooks and from answers that are kept, too; other people's stays.
func TestErasureTakesWhatWaits(t *testing.T) {
	g := startWith(t, accessOpen, webhooks(time.Hour))
	dead := newReceiver(t, func(delivery) int { return 503 })
	h := g.hook(`{"url":"` + dead.URL + `","kinds":["call"]}`)
	const call = `{"callingDevice":"1001","calledDirectoryNumber":"1002","prompt":"hands-free"}`
	if status, _, text := g.do("POST", "/api/v1/calls", call, "Idempotency-Key", "k"); status != 201 || !strings.Contains(text, "tel:+15551001") {
		t.Fatalf("%d %s", status, text)
	}
	g.hangUp(1001)
	g.talking(1003, 1004)
	waits := func() (list []history.Queued) {
		t.Helper()
		ids, err := g.db.Waiting(t.Context(), h.ID, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range ids {
			if q, ok, err := g.db.Queued(t.Context(), w.ID); err != nil {
				t.Fatal(err)
			} else if ok {
				list = append(list, q)
			}
		}
		return list
	}
	about := func(what string) (n int) {
		for _, q := range waits() {
			if strings.Contains(q.Body, what) {
				n++
			}
		}
		return n
	}
	for began := time.Now(); about("tel:+15551003") < 4; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("nothing waits")
		}
	}
	if about("tel:+15551001") == 0 || about(`"by":"local"`) == 0 {
		t.Fatal("nothing to erase waits")
	}
	kept := about("tel:+15551003")
	for _, part := range []string{"5", "555100", "tel:+1555100", "2"} { // of other numbers, of times
		if g.post("/api/v1/history/erase", `{"number":"`+part+`"}`, 200); about("tel:+15551003") != kept {
			t.Fatalf("%q was erased, and with it what is about others", part)
		}
	}
	g.post("/api/v1/history/erase", `{"by":"local"}`, 200)
	if n := about(`"by":"local"`); n != 0 {
		t.Errorf("%d documents name who it was", n)
	}
	g.post("/api/v1/history/erase", `{"number":"1001"}`, 200)
	if n := about("tel:+15551001"); n != 0 || about("tel:+15551003") != kept {
		t.Errorf("%d documents name the number, %d of %d others are left", n, about("tel:+15551003"), kept)
	}
	if status, h, text := g.do("POST", "/api/v1/calls", call, "Idempotency-Key", "k"); status != 201 || h.Get("Idempotency-Replayed") != "true" || strings.Contains(text, "1001") {
		t.Errorf("%d %s", status, text)
	}
}
