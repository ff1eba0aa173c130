//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a receiver has taken isn't sent again because the disk that it is to be noted on is full; and when there is room again everything goes on.
func TestWebhooksOnAFullDisk(t *testing.T) {
	t.Parallel()
	switch here, done := withOwnMounts(t); {
	case here:
		webhooksOnAFullDisk(t, mounted(t, "3m"))
	case !done:
		webhooksOnAFullDisk(t, limited(t))
	}
}

func webhooksOnAFullDisk(t *testing.T, disk volume) {
	file := filepath.Join(t.TempDir(), "f.yaml")
	conf := fmt.Sprintf(`
sip: {listen: ["127.0.0.1:0"]}
http: {listen: "127.0.0.1:0"}
web: {store: %s/history.db, sign_in: false, webhooks: {private: true}}
metrics: {listen: "127.0.0.1:0"}
log: {format: json}
rights: demo
pbx: [{name: sim, kind: sim, settings: {quiet: true}}]
`, disk.dir)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	taken, asked, willing := map[string]int{}, 0, false
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		asked++
		if !willing {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		taken[r.Header.Get("webhook-id")]++
	}))
	defer receiver.Close()
	count := func() (documents, deliveries, all int) {
		mu.Lock()
		defer mu.Unlock()
		for _, n := range taken {
			deliveries += n
		}
		return len(taken), deliveries, asked
	}

	g := begin(t, "serve", "--config", file)
	g.logged(`"PBX link up"`)
	base := "http://" + g.logged(`"farhook started".*"http":\["([^"]+)"\]`)[1] + "/api/v1/"
	post := func(path, body string) {
		t.Helper()
		r, err := http.Post(base+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if b, _ := io.ReadAll(r.Body); r.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %s %s", path, r.Status, b)
		}
	}
	defer http.DefaultClient.CloseIdleConnections()
	post("webhooks", fmt.Sprintf(`{"url": %q}`, receiver.URL))
	post("calls", `{"callingDevice": "1001", "calledDirectoryNumber": "1002"}`)
	until(t, "the receiver is asked", func() bool { _, _, n := count(); return n > 0 })

	x := &trial{t: t, disk: disk, g: g}
	room := x.fill()
	keyed := func(key string) (status int, body string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, base+"calls", strings.NewReader(`{"callingDevice": "1005", "calledDirectoryNumber": "1006"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	full := 0
	until(t, "an act that can't be noted is refused", func() bool {
		full++
		status, body := keyed(fmt.Sprint("key-", full))
		if status != http.StatusCreated && (status != http.StatusServiceUnavailable || !strings.Contains(body, "nothing was done")) {
			t.Fatalf("%d %s", status, body)
		}
		return status == http.StatusServiceUnavailable
	})
	mu.Lock()
	willing = true
	mu.Unlock()
	until(t, "the receiver takes something", func() bool { n, _, _ := count(); return n > 0 })
	time.Sleep(2 * time.Second) // a storm would have come
	if n, all, _ := count(); all > n {
		t.Errorf("%d documents were delivered %d times while the disk was full", n, all)
	}
	room()
	until(t, "the same key is taken", func() bool {
		status, _ := keyed(fmt.Sprint("key-", full))
		return status != http.StatusServiceUnavailable
	})
	post("calls", `{"callingDevice": "1003", "calledDirectoryNumber": "1004"}`)
	before, _, _ := count()
	until(t, "new documents come", func() bool { n, _, _ := count(); return n > before+2 })
	time.Sleep(time.Second)
	if n, all, _ := count(); all > n {
		t.Errorf("%d documents were delivered %d times", n, all)
	}
}
